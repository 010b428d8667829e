import type { Clock, Timer } from "./clock.ts";

/** A timer may run a fraction of a millisecond early. */
const EARLY_MS = 1;

/**
 * Says how long to wait for the next moment at which a period of the clock begins.
 *
 * To wake an idle process costs more than most of what it then does. So all that is done now and again is
 * done at multiples of its period, and periods that divide each other share their wakes.
 *
 * @param nowMs The time.
 * @param periodMs The period.
 * @returns More than nothing, and at most a period.
 *
 * @example Usage
 * ```ts
 * import { delayToBeat } from "./every.ts";
 *
 * if (delayToBeat(1020, 250) !== 230) throw new Error("1250 is next");
 * if (delayToBeat(1249.5, 250) !== 250.5) throw new Error("1250 has been");
 * ```
 */
export function delayToBeat(nowMs: number, periodMs: number): number {
  const begun = Math.floor((nowMs + EARLY_MS) / periodMs);
  return (begun + 1) * periodMs - nowMs;
}

/**
 * Calls something again and again, until the timer is cancelled.
 *
 * @param clock Where time comes from.
 * @param periodMs How often; the first call comes with the next period of the clock.
 * @param run What.
 */
export function every(
  clock: Clock,
  periodMs: number,
  run: () => void,
): Timer {
  let timer = arm();

  function arm(): Timer {
    return clock.after(delayToBeat(clock.nowMs(), periodMs), () => {
      timer = arm();
      run();
    });
  }

  return { cancel: () => timer.cancel() };
}
