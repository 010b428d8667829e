import type { Random } from "../../base/mod.ts";
import type { HttpTransportLimits } from "./limits.ts";

/** So many refusals in a row are no restart any more: who comes back opens a stream, and is reached at once. */
const MANY_REFUSALS = 64;

/** What decides when the next attempt comes. */
export interface RetryState {
  /** How many attempts in a row did not lead to a stream that lasted. */
  readonly failures: number;
  /** Whether the last one was refused. */
  readonly refused: boolean;
}

/**
 * Says how long to wait before the next attempt to open a stream.
 *
 * @param state What came before.
 * @param limits The bounds.
 * @param random Spreads the attempts of several nodes.
 * @returns The delay, 0 for the first attempt.
 */
export function retryDelayMs(
  state: RetryState,
  limits: HttpTransportLimits,
  random: Random,
): number {
  if (state.failures === 0) return 0;
  const isRestart = state.refused && state.failures <= MANY_REFUSALS;
  const highest = isRestart ? limits.retryRefusedMs : limits.retryMaxMs;
  const doubled = limits.retryMinMs * 2 ** Math.min(state.failures - 1, 16);
  const delayMs = Math.min(doubled, highest);
  return delayMs * (0.5 + random.next() / 2);
}
