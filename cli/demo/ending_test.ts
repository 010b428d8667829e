import { assert, assertEquals } from "@std/assert";
import { type Ending, listenForEnd } from "./ending.ts";

async function withEnding(
  run: (ending: Ending) => Promise<void>,
): Promise<void> {
  const ending = listenForEnd();
  try {
    await run(ending);
  } finally {
    ending.release();
  }
}

const WAIT_MS = 10_000;

/** With a deadline, which also keeps the event loop alive: listening for signals does not. */
async function whenAborted(signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(() => reject(new Error("Never aborted")), WAIT_MS);
  if (signal.aborted) resolve();
  signal.addEventListener("abort", () => resolve(), { once: true });
  await promise.finally(() => clearTimeout(timer));
}

Deno.test("listenForEnd() ends in order with the first signal, and at once with the second", () =>
  withEnding(async ({ signal, hurry, failure }) => {
    Deno.kill(Deno.pid, "SIGHUP");
    await whenAborted(signal);
    assert(!hurry.aborted);
    Deno.kill(Deno.pid, "SIGHUP");
    await whenAborted(hurry);
    assertEquals(failure(), null);
  }));

Deno.test("listenForEnd() ends in order with an error that nobody takes, and keeps the first", () =>
  withEnding(async ({ signal, hurry, failure }) => {
    setTimeout(() => {
      throw new Error("thrown by a timer");
    }, 0);
    await whenAborted(signal);
    Promise.reject(new Error("of no interest any more"));
    await new Promise((resolve) => setTimeout(resolve, 0));
    assertEquals(failure()?.message, "thrown by a timer");
    assert(!hurry.aborted);
  }));

Deno.test("listenForEnd() ends in order with a rejection that nobody takes", () =>
  withEnding(async ({ signal, failure }) => {
    Promise.reject(new Error("rejected"));
    await whenAborted(signal);
    assertEquals(failure()?.message, "rejected");
  }));
