import type { Clock, Timer } from "../../base/mod.ts";
import { type Driver, pump, wakeAtMs } from "../driver/mod.ts";

/**
 * So many turns within so long are taken at once: a lone caller waits for nothing. Under load a turn
 * waits until all that has arrived is taken in, which then shares a write and a message to each member.
 */
const QUIET_TURNS = 6;
const WINDOW_MS = 1;

/** Calls a driver's `pump` when it asks for it, and when it is time. */
export interface Loop {
  /** Asks for a turn soon. */
  wake(): void;
  /** Ends the loop. */
  stop(): void;
}

/**
 * Makes the loop of a driver that is made later.
 *
 * @param clock Where time comes from.
 * @param driver The driver, null before it exists.
 */
export function createLoop(clock: Clock, driver: () => Driver | null): Loop {
  let scheduled = false;
  let stopped = false;
  let windowStartMs = -Infinity;
  let turnsInWindow = 0;
  let timer: Timer | null = null;
  let timerAtMs = Infinity;
  let immediate: ReturnType<typeof setImmediate> | null = null;

  function turn(): void {
    scheduled = false;
    const node = driver();
    if (stopped || !node) return;
    pump(node);
    arm(wakeAtMs(node));
  }

  function arm(atMs: number): void {
    if (stopped || atMs >= timerAtMs || atMs === Infinity) return;
    timer?.cancel();
    timerAtMs = atMs;
    // Rounded up: a timer that is early would find nothing due.
    const delayMs = Math.max(0, Math.ceil(atMs - clock.nowMs()));
    timer = clock.after(delayMs, ring);
  }

  /** What the timer was set for may have come to nothing: under load it mostly has. */
  function ring(): void {
    timer = null;
    timerAtMs = Infinity;
    const node = driver();
    if (stopped || !node) return;
    const atMs = wakeAtMs(node);
    if (atMs > clock.nowMs()) arm(atMs);
    else turn();
  }

  function isQuiet(): boolean {
    const nowMs = clock.nowMs();
    if (nowMs - windowStartMs >= WINDOW_MS) {
      windowStartMs = nowMs;
      turnsInWindow = 0;
    }
    turnsInWindow += 1;
    return turnsInWindow <= QUIET_TURNS;
  }

  function wake(): void {
    if (scheduled || stopped) return;
    scheduled = true;
    if (isQuiet()) {
      queueMicrotask(turn);
      return;
    }
    // Not a timer: one of 0 ms takes a millisecond or two.
    immediate = setImmediate(() => {
      immediate = null;
      turn();
    });
  }

  return {
    wake,
    stop(): void {
      stopped = true;
      timer?.cancel();
      if (immediate) clearImmediate(immediate);
    },
  };
}
