import type { Clock } from "./clock.ts";

/**
 * Waits, unless a signal ends the wait. Nothing of it stays with the signal, which may live long.
 *
 * @param clock Whose time counts.
 * @param delayMs How long.
 * @param signal Ends the wait at once, without an error.
 */
export function pause(
  clock: Clock,
  delayMs: number,
  signal: AbortSignal,
): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  const { promise, resolve } = Promise.withResolvers<void>();
  const end = (): void => {
    timer.cancel();
    signal.removeEventListener("abort", end);
    resolve();
  };
  const timer = clock.after(delayMs, end);
  signal.addEventListener("abort", end);
  return promise;
}
