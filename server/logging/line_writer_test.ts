import { assert, assertEquals } from "@std/assert";
import type { Clock } from "../../base/mod.ts";
import {
  createLineWriter,
  FLUSH_TIMEOUT_MS,
  type LineWriter,
  type LogOutput,
  MAX_QUEUED_CHARS,
} from "./line_writer.ts";

/** An output whose reads are up to the test. */
interface ManualOutput extends LogOutput {
  /** What has been written. */
  text(): string;
  /** The write that is under way takes this many bytes at most, or all. */
  take(maxBytes?: number): Promise<void>;
  /** The write that is under way fails. */
  fail(): Promise<void>;
}

function manualOutput(): ManualOutput {
  const decoder = new TextDecoder();
  let text = "";
  let under: { bytes: Uint8Array; done: PromiseWithResolvers<number> } | null =
    null;

  async function settle(
    how: (done: PromiseWithResolvers<number>, bytes: Uint8Array) => void,
  ): Promise<void> {
    assert(under !== null, "a write is under way");
    const { bytes, done } = under;
    under = null;
    how(done, bytes);
    // The writer goes on in a later microtask.
    for (let i = 0; i < 5; i++) await Promise.resolve();
  }

  return {
    write: (bytes) => {
      assertEquals(under, null, "one write at a time");
      const done = Promise.withResolvers<number>();
      under = { bytes, done };
      return done.promise;
    },
    writeSync: (bytes) => {
      const part = bytes.subarray(0, 7);
      text += decoder.decode(part, { stream: true });
      return part.length;
    },
    text: () => text,
    take: (maxBytes = Infinity) =>
      settle((done, bytes) => {
        const part = bytes.subarray(0, Math.min(maxBytes, bytes.length));
        text += decoder.decode(part, { stream: true });
        done.resolve(part.length);
      }),
    fail: () => settle((done) => done.reject(new Error("Broken pipe"))),
  };
}

interface ManualClock extends Clock {
  advance(ms: number): void;
  armed(): number;
}

function manualClock(): ManualClock {
  let nowMs = 0;
  const timers = new Set<{ dueMs: number; run: () => void }>();
  return {
    nowMs: () => nowMs,
    after: (delayMs, run) => {
      const timer = { dueMs: nowMs + delayMs, run };
      timers.add(timer);
      return { cancel: () => timers.delete(timer) };
    },
    advance: (ms) => {
      nowMs += ms;
      for (const timer of timers) {
        if (timer.dueMs <= nowMs && timers.delete(timer)) timer.run();
      }
    },
    armed: () => timers.size,
  };
}

interface Stand {
  readonly writer: LineWriter;
  readonly output: ManualOutput;
  readonly clock: ManualClock;
}

function create(): Stand {
  const output = manualOutput();
  const clock = manualClock();
  const lostLine = (count: number): string => `lost ${count}`;
  return {
    writer: createLineWriter({ output, clock, lostLine }),
    output,
    clock,
  };
}

Deno.test("write() keeps the order while a write is under way, and after short writes", async () => {
  const { writer, output } = create();
  for (const line of ["eins", "zwei", "dréi"]) writer.write(line);
  assertEquals(output.text(), "");
  await output.take(2);
  await output.take();
  assertEquals(output.text(), "eins\n");
  await output.take(7);
  writer.write("vier");
  await output.take();
  await output.take();
  assertEquals(output.text(), "eins\nzwei\ndréi\nvier\n");
  await writer.close();
});

Deno.test("write() drops what exceeds the queue, and the log says so at that place", async () => {
  const { writer, output } = create();
  writer.write("first");
  const huge = "x".repeat(MAX_QUEUED_CHARS / 2);
  for (let i = 0; i < 5; i++) writer.write(huge);
  await output.take();
  await output.take();
  assertEquals(output.text(), `first\n${huge}\nlost 4\n`);
  writer.write("last");
  await output.take();
  assertEquals(output.text().endsWith("lost 4\nlast\n"), true);
  await writer.close();
});

Deno.test("write() has room again for as much as has been written", async () => {
  const { writer, output } = create();
  const large = "x".repeat(MAX_QUEUED_CHARS / 2);
  for (let i = 0; i < 5; i++) {
    writer.write(large);
    await output.take();
  }
  assertEquals(output.text().length, 5 * (large.length + 1));
  await writer.close();
});

Deno.test("a write that fails loses its lines, and the log says so when it works again", async () => {
  const { writer, output } = create();
  writer.write("a");
  writer.write("b");
  await output.fail();
  await output.fail();
  writer.write("c");
  await output.fail();
  writer.write("d");
  await output.take();
  assertEquals(output.text(), "d\nlost 3\n");
  await writer.close();
});

Deno.test("flushSync() writes what waits, in order", async () => {
  const { writer, output } = create();
  writer.write("under way");
  for (let i = 0; i < 9; i++) writer.write(`line ${i}`);
  writer.flushSync();
  const lines = Array.from({ length: 9 }, (_, i) => `line ${i}\n`).join("");
  assertEquals(output.text(), lines);
  await output.take();
  await writer.close();
});

Deno.test("flushSync() does not wait for a reader that has stalled", async () => {
  const { writer, output, clock } = create();
  writer.write("under way");
  writer.write("waits");
  clock.advance(FLUSH_TIMEOUT_MS + 1);
  writer.flushSync();
  assertEquals(output.text(), "");
  await output.take();
  await output.take();
  assertEquals(output.text(), "under way\nwaits\n");
  await writer.close();
});

Deno.test("close() waits until all is written, and takes no more", async () => {
  const { writer, output, clock } = create();
  writer.write("a");
  writer.write("b");
  const closed = writer.close();
  writer.write("too late");
  await output.take();
  await output.take();
  await closed;
  assertEquals(output.text(), "a\nb\n");
  assertEquals(clock.armed(), 0);
});

Deno.test("close() gives up when the reader takes nothing in time", async () => {
  const { writer, output, clock } = create();
  writer.write("a");
  writer.write("b");
  const closed = writer.close();
  clock.advance(FLUSH_TIMEOUT_MS);
  await closed;
  writer.flushSync();
  assertEquals(output.text(), "");
  await output.take();
});
