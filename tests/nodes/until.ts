import { messageOf } from "../../base/mod.ts";

/** How long a condition is waited for. */
export const DEFAULT_TIMEOUT_MS = 20_000;

const FIRST_PAUSE_MS = 2;
const LONGEST_PAUSE_MS = 50;

/** How {@linkcode until} waits. */
export interface UntilOptions {
  /** What is waited for, as in "… did not happen within 5 s: node 2 is ready". */
  readonly what: string;
  /**
   * How long.
   *
   * @default {DEFAULT_TIMEOUT_MS}
   */
  readonly timeoutMs?: number;
  /** Is asked before each look; what it returns is the error that makes further waiting vain. */
  readonly vain?: () => Error | null;
}

/**
 * Waits for a condition.
 *
 * @param look Returns what is waited for, or null while it is not there; what it throws counts as null.
 * @param options What is waited for, and how long.
 * @returns What `look` returned.
 * @throws {Error} When the deadline passes, with the last error of `look`, or when waiting is in vain.
 *
 * @example Usage
 * ```ts
 * import { until } from "./until.ts";
 *
 * let looks = 0;
 * const seen = await until(() => ++looks === 3 ? looks : null, { what: "three looks" });
 * if (seen !== 3) throw new Error("It returns what the condition returned");
 * ```
 */
export async function until<T>(
  look: () => T | null | Promise<T | null>,
  options: UntilOptions,
): Promise<T> {
  const { what, timeoutMs = DEFAULT_TIMEOUT_MS, vain = () => null } = options;
  const deadlineMs = performance.now() + timeoutMs;
  let last: unknown = null;
  for (let pauseMs = FIRST_PAUSE_MS;; pauseMs *= 1.5) {
    const stop = vain();
    if (stop !== null) throw stop;
    try {
      const found = await look();
      if (found !== null) return found;
      last = null;
    } catch (error) {
      last = error;
    }
    if (performance.now() >= deadlineMs) {
      const why = last === null ? "" : `; last: ${messageOf(last)}`;
      throw new Error(`Did not happen within ${timeoutMs} ms: ${what}${why}`, {
        cause: last,
      });
    }
    await new Promise((resolve) =>
      setTimeout(resolve, Math.min(pauseMs, LONGEST_PAUSE_MS))
    );
  }
}
