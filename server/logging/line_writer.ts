import type { Clock } from "../../base/mod.ts";

/** How much may wait for a reader that is slow; more is dropped, and the log says so. */
export const MAX_QUEUED_CHARS = 4 * 1024 * 1024;
/** How much is handed to the system at once. */
export const MAX_BATCH_CHARS = 64 * 1024;
/** How long the last lines may take. */
export const FLUSH_TIMEOUT_MS = 2000;

/** Where lines go, such as `Deno.stderr`. */
export interface LogOutput {
  /** Writes some of the bytes, without holding the event loop. */
  write(bytes: Uint8Array): Promise<number>;
  /** Writes some of the bytes, and waits for it. */
  writeSync(bytes: Uint8Array): number;
}

/** Writes lines in order, without making whoever logs wait. */
export interface LineWriter {
  /** Takes a line, without its end. */
  write(line: string): void;
  /**
   * Writes what waits, and waits for it: when the process is about to end. Does nothing when the
   * reader has stalled, or the process would never end.
   */
  flushSync(): void;
  /** Takes no more lines, and resolves when all are written or the time has run out. */
  close(): Promise<void>;
}

/** What a writer is made of. */
export interface LineWriterOptions {
  /** Where the lines go. */
  readonly output: LogOutput;
  /** Where time comes from. */
  readonly clock: Clock;
  /** Makes the line that tells of lines that were lost. */
  readonly lostLine: (count: number) => string;
}

/** Lines that wait, with what they weigh. */
interface Queue {
  lines: string[];
  chars: number;
  lost: number;
}

interface Batch {
  readonly bytes: Uint8Array;
  /** How many lines are lost when it is not written, with those that it tells of. */
  readonly lines: number;
}

const encoder = new TextEncoder();

function takeBatch(
  queue: Queue,
  lostLine: LineWriterOptions["lostLine"],
): Batch {
  let text = "";
  let lines = 0;
  for (const line of queue.lines) {
    if (lines > 0 && text.length + line.length > MAX_BATCH_CHARS) break;
    text += `${line}\n`;
    lines += 1;
  }
  queue.chars -= text.length;
  queue.lines = queue.lines.slice(lines);
  // Lines are lost when the queue is full, so that they belong after what had waited in it.
  if (queue.lines.length === 0 && queue.lost > 0) {
    text += `${lostLine(queue.lost)}\n`;
    lines += queue.lost;
    queue.lost = 0;
  }
  return { bytes: encoder.encode(text), lines };
}

function isEmpty(queue: Queue): boolean {
  return queue.lines.length === 0 && queue.lost === 0;
}

/** A write that takes nothing would be tried for ever. */
function advance(at: number, count: number): number {
  if (count <= 0) throw new Error("The log's output takes nothing");
  return at + count;
}

async function writeAll(output: LogOutput, bytes: Uint8Array): Promise<void> {
  let at = 0;
  while (at < bytes.length) {
    at = advance(at, await output.write(bytes.subarray(at)));
  }
}

function writeAllSync(output: LogOutput, bytes: Uint8Array): void {
  let at = 0;
  while (at < bytes.length) {
    at = advance(at, output.writeSync(bytes.subarray(at)));
  }
}

/** Resolves with the promise or after a time; the promise must not reject. */
function within(
  clock: Clock,
  limitMs: number,
  done: Promise<void>,
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = clock.after(limitMs, resolve);
  return Promise.race([promise, done]).finally(() => timer.cancel());
}

/**
 * Makes a writer of lines.
 *
 * @param options What it is made of.
 * @returns The writer.
 */
export function createLineWriter(options: LineWriterOptions): LineWriter {
  const { output, clock, lostLine } = options;
  const queue: Queue = { lines: [], chars: 0, lost: 0 };
  let pumping: Promise<void> | null = null;
  let batchSinceMs: number | null = null;
  let isClosed = false;

  async function pump(): Promise<void> {
    while (!isEmpty(queue)) {
      const { bytes, lines } = takeBatch(queue, lostLine);
      batchSinceMs = clock.nowMs();
      try {
        await writeAll(output, bytes);
      } catch {
        // There is nobody to tell. With the next line that goes through, the log itself will say it.
        queue.lost += lines;
        if (queue.lines.length === 0) break;
      } finally {
        batchSinceMs = null;
      }
    }
    pumping = null;
  }

  function write(line: string): void {
    if (isClosed) return;
    if (queue.chars + line.length >= MAX_QUEUED_CHARS) {
      queue.lost += 1;
      return;
    }
    queue.lines.push(line);
    queue.chars += line.length + 1;
    pumping ??= pump();
  }

  function flushSync(): void {
    const hasStalled = batchSinceMs !== null &&
      clock.nowMs() - batchSinceMs > FLUSH_TIMEOUT_MS;
    if (hasStalled) return;
    try {
      while (!isEmpty(queue)) {
        writeAllSync(output, takeBatch(queue, lostLine).bytes);
      }
    } catch {
      // The process ends, and so has its output.
    }
  }

  return {
    write,
    flushSync,
    close: async () => {
      isClosed = true;
      if (pumping !== null) await within(clock, FLUSH_TIMEOUT_MS, pumping);
      // What a stalled reader has not taken by now is given up, also when the process ends.
      queue.lines = [];
      queue.lost = 0;
    },
  };
}
