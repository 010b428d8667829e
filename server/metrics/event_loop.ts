import { type Clock, delayToBeat, type Timer } from "../../base/mod.ts";

/** How often the event loop is asked how late it is: rare enough to cost an idle node nothing. */
export const SAMPLE_INTERVAL_MS = 500;

/** A running sampler. */
export interface EventLoopSampler {
  /** Ends it. */
  stop(): void;
}

/**
 * Measures how late timers run, which is how long something else has held the event loop.
 *
 * @param clock Where time comes from.
 * @param onDelay Is told each lateness.
 * @returns The sampler, which runs until it is stopped.
 */
export function sampleEventLoop(
  clock: Clock,
  onDelay: (delayMs: number) => void,
): EventLoopSampler {
  let timer: Timer = arm();

  function arm(): Timer {
    const nowMs = clock.nowMs();
    const delayMs = delayToBeat(nowMs, SAMPLE_INTERVAL_MS);
    const dueMs = nowMs + delayMs;
    return clock.after(delayMs, () => {
      // A timer may run a fraction of a millisecond early.
      onDelay(Math.max(0, clock.nowMs() - dueMs));
      timer = arm();
    });
  }

  return { stop: () => timer.cancel() };
}
