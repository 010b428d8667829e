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
  const ring = createRing();
  let timer: Timer | null = null;
  let stopped = false;

  function look(): void {
    timer = null;
    const nowMs = clock.nowMs();
    for (let oldest = ring.after; oldest.open !== null; oldest = ring.after) {
      const leftMs = oldest.open.endsAtMs - nowMs;
      if (leftMs > 0) {
        timer = clock.after(Math.ceil(leftMs), look);
        return;
      }
      const { expire } = oldest.open;
      takeOut(oldest);
      expire();
    }
  }

  return {
    timeoutMs,
    begin(expire): Deadline {
      if (stopped) return { met: () => {} };
      const link = putLast(ring, {
        endsAtMs: clock.nowMs() + timeoutMs,
        expire,
      });
      timer ??= clock.after(timeoutMs, look);
      return { met: () => takeOut(link) };
    },
    stop(): void {
      stopped = true;
      timer?.cancel();
      timer = null;
      while (ring.after.open !== null) takeOut(ring.after);
    },
  };
}

/** A deadline that is not met yet. */
interface Open {
  readonly endsAtMs: number;
  readonly expire: () => void;
}

/**
 * The open deadlines stand in a ring, in the order in which they end, around one link that has none. A set would
 * do as well, but for what {@linkcode createNumbered} says of maps.
 */
interface Link {
  open: Open | null;
  before: Link;
  after: Link;
}

function createRing(): Link {
  const ring = { open: null } as Link;
  ring.before = ring;
  ring.after = ring;
  return ring;
}

function putLast(ring: Link, open: Open): Link {
  const link: Link = { open, before: ring.before, after: ring };
  ring.before.after = link;
  ring.before = link;
  return link;
}

/** Takes a link out, which then leads nowhere: one that is no more must not keep those that came after it. */
function takeOut(link: Link): void {
  link.before.after = link.after;
  link.after.before = link.before;
  link.before = link;
  link.after = link;
  link.open = null;
}
