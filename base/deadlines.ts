import type { Clock, Timer } from "./clock.ts";

/** Something that must be over within the time that its {@linkcode Deadlines} give. */
export interface Deadline {
  /** It is over: nothing will happen to it. */
  met(): void;
}

/** Deadlines of one length, all on one timer. */
export interface Deadlines {
  readonly timeoutMs: number;
  /** Begins one; `expire` is called once, unless it is met before. */
  begin(expire: () => void): Deadline;
  /** Lets go of the timer; nothing expires any more. */
  stop(): void;
}

/**
 * Makes deadlines that cost nothing to meet.
 *
 * A timer for each, set and cleared, costs a request a tenth of its time. The one that is kept here runs
 * out at the deadline of the oldest, met or not, and looks for what has not been met.
 *
 * @param clock Where time comes from.
 * @param timeoutMs How long each is.
 * @returns The deadlines, none of them begun.
 *
 * @example Usage
 * ```ts no-assert
 * import { createDeadlines } from "./deadlines.ts";
 * import { systemClock } from "./clock.ts";
 *
 * const deadlines = createDeadlines(systemClock(), 1000);
 * const deadline = deadlines.begin(() => console.log("too late"));
 * deadline.met();
 * deadlines.stop();
 * ```
 */
export function createDeadlines(clock: Clock, timeoutMs: number): Deadlines {
  // In the order in which they end.
  const open = new Set<Open>();
  let timer: Timer | null = null;
  let stopped = false;

  function look(): void {
    timer = null;
    const nowMs = clock.nowMs();
    for (const deadline of open) {
      const leftMs = deadline.endsAtMs - nowMs;
      if (leftMs > 0) {
        timer = clock.after(Math.ceil(leftMs), look);
        return;
      }
      open.delete(deadline);
      deadline.expire();
    }
  }

  return {
    timeoutMs,
    begin(expire): Deadline {
      const endsAtMs = clock.nowMs() + timeoutMs;
      const deadline = {
        endsAtMs,
        expire,
        met: (): void => void open.delete(deadline),
      };
      if (stopped) return deadline;
      open.add(deadline);
      timer ??= clock.after(timeoutMs, look);
      return deadline;
    },
    stop(): void {
      stopped = true;
      timer?.cancel();
      timer = null;
      open.clear();
    },
  };
}

/** A deadline that is not met yet. */
interface Open extends Deadline {
  readonly endsAtMs: number;
  readonly expire: () => void;
}
