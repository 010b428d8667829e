import type { Body } from "./body.ts";

/** What is waited for. */
export interface Wait {
  readonly what: string;
  readonly timeoutMs: number;
  readonly everyMs: number;
  holds(): Promise<boolean>;
}

/** Waits for a condition, with a deadline; ends early when the agent stops. */
export async function until(
  { options, stopping }: Body,
  { what, timeoutMs, everyMs, holds }: Wait,
): Promise<void> {
  const { clock } = options;
  const deadlineMs = clock.nowMs() + timeoutMs;
  while (!await holds()) {
    if (stopping.signal.aborted || clock.nowMs() > deadlineMs) {
      throw new Error(`Not so after ${timeoutMs} ms: ${what}`);
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    clock.after(everyMs, resolve);
    await promise;
  }
}
