import type { Clock, Timer } from "../../base/mod.ts";
import { type Driver, pump, wakeAtMs } from "../driver/mod.ts";

/** Turns taken in a row before timers and sockets get theirs. */
const MAX_TURNS_IN_A_ROW = 32;

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
  let turnsInARow = 0;
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
    timer = clock.after(delayMs, () => {
      timer = null;
      timerAtMs = Infinity;
      turnsInARow = 0;
      turn();
    });
  }

  function wake(): void {
    if (scheduled || stopped) return;
    scheduled = true;
    turnsInARow += 1;
    if (turnsInARow <= MAX_TURNS_IN_A_ROW) {
      // A timer of 0 ms would cost a lone caller a millisecond or two.
      queueMicrotask(turn);
      return;
    }
    immediate = setImmediate(() => {
      immediate = null;
      turnsInARow = 0;
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
