import type { Clock } from "../../base/mod.ts";

/**
 * Runs something that ends by itself, at a deadline or when its owner stops.
 *
 * @param clock Whose time counts.
 * @param timeoutMs How long it may take.
 * @param parent Aborted when the owner stops.
 * @param run What to run; it must heed its signal.
 * @returns What it returned.
 */
export async function withDeadline<T>(
  clock: Clock,
  timeoutMs: number,
  parent: AbortSignal,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const stop = (): void => controller.abort(parent.reason);
  const timer = clock.after(timeoutMs, () => {
    const message = `Nothing came within ${timeoutMs} ms`;
    controller.abort(new DOMException(message, "TimeoutError"));
  });
  if (parent.aborted) stop();
  parent.addEventListener("abort", stop, { once: true });
  try {
    return await run(controller.signal);
  } finally {
    timer.cancel();
    parent.removeEventListener("abort", stop);
  }
}
