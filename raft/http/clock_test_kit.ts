import type { Clock } from "../../base/mod.ts";

/** A clock that stands until it is moved. */
export interface ManualClock extends Clock {
  /** Moves the time on, and runs what is due, in order. */
  pass(ms: number): void;
  /** Returns how many timers run. */
  timers(): number;
}

/** Makes a clock at 0. */
export function manualClock(): ManualClock {
  const timers = new Set<
    { readonly dueMs: number; readonly run: () => void }
  >();
  let nowMs = 0;

  function runDue(untilMs: number): void {
    while (true) {
      const [next] = [...timers].sort((a, b) => a.dueMs - b.dueMs);
      if (next === undefined || next.dueMs > untilMs) return;
      timers.delete(next);
      nowMs = next.dueMs;
      next.run();
    }
  }

  return {
    nowMs: () => nowMs,
    after: (delayMs, run) => {
      const timer = { dueMs: nowMs + delayMs, run };
      timers.add(timer);
      return { cancel: () => timers.delete(timer) };
    },
    pass: (ms) => {
      const untilMs = nowMs + ms;
      runDue(untilMs);
      nowMs = untilMs;
    },
    timers: () => timers.size,
  };
}
