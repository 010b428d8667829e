import type { Clock } from "../../base/mod.ts";

/** Between two looks at something that takes milliseconds. */
export const POLL_MS = 5;

/**
 * Lets a moment pass.
 *
 * @param clock Whose time.
 * @param delayMs How long.
 */
export function pause(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => clock.after(delayMs, resolve));
}

/**
 * Looks again and again until something holds.
 *
 * @param clock Whose time.
 * @param options How often and how long to look.
 * @param look Returns what was waited for, or null.
 * @returns What `look` returned, or null when the deadline passed.
 */
export async function waitFor<T>(
  clock: Clock,
  options: { readonly timeoutMs: number; readonly everyMs?: number },
  look: () => Promise<T | null> | T | null,
): Promise<T | null> {
  const deadlineMs = clock.nowMs() + options.timeoutMs;
  while (true) {
    const seen = await look();
    if (seen !== null) return seen;
    if (clock.nowMs() >= deadlineMs) return null;
    await pause(clock, options.everyMs ?? POLL_MS);
  }
}

/**
 * Bounds a promise in time. The promise itself goes on: its end is nobody's error.
 *
 * @param clock Whose time.
 * @param timeoutMs How long.
 * @param promise What is waited for.
 * @param late Makes the value when time is up; it may throw.
 */
export async function within<T>(
  clock: Clock,
  timeoutMs: number,
  promise: Promise<T>,
  late: () => T,
): Promise<T> {
  const { promise: timeUp, resolve } = Promise.withResolvers<null>();
  const timer = clock.after(timeoutMs, () => resolve(null));
  const boxed = promise.then((value) => ({ value }));
  boxed.catch(() => {});
  try {
    const first = await Promise.race([boxed, timeUp]);
    return first === null ? late() : first.value;
  } finally {
    timer.cancel();
  }
}
