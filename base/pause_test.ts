import { assertEquals } from "@std/assert";
import { systemClock } from "./clock.ts";
import { pause } from "./pause.ts";

const LONG_MS = 60_000;

/** A signal that counts who listens to it. */
function counted(): { abort: AbortController; listeners(): number } {
  const abort = new AbortController();
  const { signal } = abort;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  let listeners = 0;
  Object.assign(signal, {
    addEventListener: (...args: Parameters<typeof add>) => {
      listeners += 1;
      add(...args);
    },
    removeEventListener: (...args: Parameters<typeof remove>) => {
      listeners -= 1;
      remove(...args);
    },
  });
  return { abort, listeners: () => listeners };
}

Deno.test("pause() leaves nothing behind with a signal that lives on", async () => {
  const { abort, listeners } = counted();
  for (let i = 0; i < 3; i++) await pause(systemClock(), 1, abort.signal);
  assertEquals(listeners(), 0);
});

Deno.test("pause() ends when its signal is aborted, and keeps no timer", async () => {
  const { abort, listeners } = counted();
  const waiting = pause(systemClock(), LONG_MS, abort.signal);
  assertEquals(listeners(), 1);
  abort.abort();
  await waiting;
  assertEquals(listeners(), 0);
});

Deno.test("pause() does not begin when its signal was aborted before", async () => {
  await pause(systemClock(), LONG_MS, AbortSignal.abort());
});
