import type { RawAnswer, RawLine } from "../../base/mod.ts";
import { encodeFrames } from "./encode.ts";
import type { HelloFrame } from "./frame.ts";
import type { SendQueue } from "./queue.ts";

/** The sending end of one stream: the body of a response. */
export interface Outlet {
  readonly options: OutletOptions;
  /** Where the bytes go; null until the body is made. */
  sink: OutletSink | null;
  /** Answers a reader that waits for more; null while none does. */
  answerPull: (() => void) | null;
  /** Whether this turn's frames are about to be written. */
  scheduled: boolean;
  open: boolean;
  /** Whether the hello was written. */
  greeted: boolean;
  /** How many writes there were so far. */
  writes: number;
}

/** Where an outlet's bytes go. */
export interface OutletSink {
  enqueue(bytes: Uint8Array<ArrayBuffer>): void;
  close(): void;
}

/** Options for {@linkcode createOutlet}. */
export interface OutletOptions {
  /** The first frame. */
  readonly hello: HelloFrame;
  /** What is to be sent; only this outlet takes from it. */
  readonly queue: SendQueue;
  /** What one write gathers. */
  readonly maxChunkBytes: number;
  /** Called once, when either end has closed the stream. */
  readonly onClosed: () => void;
}

/**
 * Makes the sending end of a stream.
 *
 * Nothing is taken from the queue until the reader asks for more, so a reader that never reads
 * leaves everything in the queue, which has its limits.
 *
 * @param options What to send and how.
 * @returns The outlet, still without its body.
 */
export function createOutlet(options: OutletOptions): Outlet {
  return {
    options,
    sink: null,
    answerPull: null,
    scheduled: false,
    open: true,
    greeted: false,
    writes: 0,
  };
}

/**
 * Makes what the peer reads.
 *
 * @param outlet The outlet; it has one body.
 * @returns The body.
 */
export function bodyOf(
  outlet: Outlet,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream<Uint8Array<ArrayBuffer>>({
    start: (controller) => {
      outlet.sink = controller;
    },
    pull: () => pullOutlet(outlet),
    cancel: () => endOutlet(outlet),
  }, { highWaterMark: 0 });
}

/**
 * Sends on a connection, in the place of a body.
 *
 * @param outlet The outlet; it has no body.
 * @param line The connection.
 * @returns What is to be told of it.
 */
export function beginOn(outlet: Outlet, line: RawLine): RawAnswer {
  let hasRoom = false;
  const fill = (): void => {
    while (outlet.open && hasRoom) {
      if (write(outlet)) continue;
      outlet.answerPull = fill;
      return;
    }
  };
  outlet.sink = {
    enqueue: (bytes) => {
      hasRoom = line.write(bytes);
    },
    close: () => line.end(),
  };
  return {
    hasRoom: () => {
      // A later stream of the lane may have taken its place before the connection was there.
      if (!outlet.open) return line.end();
      hasRoom = true;
      fill();
    },
    ended: () => endOutlet(outlet),
  };
}

/**
 * Takes that the reader asks for more.
 *
 * @param outlet The outlet.
 * @returns What resolves once there is more; nothing when there was.
 */
export function pullOutlet(outlet: Outlet): Promise<void> | undefined {
  if (!outlet.open || write(outlet)) return;
  return new Promise<void>((resolve) => {
    outlet.answerPull = resolve;
  });
}

/**
 * Says that the queue has something; what one turn queues goes out as one write.
 *
 * @param outlet The outlet.
 */
export function wakeOutlet(outlet: Outlet): void {
  if (outlet.scheduled || outlet.answerPull === null) return;
  outlet.scheduled = true;
  queueMicrotask(() => flush(outlet));
}

/**
 * Takes that the reader has gone: what waits is dropped.
 *
 * @param outlet The outlet.
 */
export function endOutlet(outlet: Outlet): void {
  if (!outlet.open) return;
  outlet.open = false;
  outlet.options.queue.clear();
  outlet.answerPull?.();
  outlet.answerPull = null;
  outlet.options.onClosed();
}

/**
 * Ends the stream and drops what waits.
 *
 * @param outlet The outlet.
 */
export function closeOutlet(outlet: Outlet): void {
  if (!outlet.open) return;
  endOutlet(outlet);
  outlet.sink?.close();
}

function flush(outlet: Outlet): void {
  outlet.scheduled = false;
  const answer = outlet.answerPull;
  if (!outlet.open || answer === null) return;
  if (outlet.options.queue.length() === 0) return;
  // Taken off first: to enqueue can run the reader at once, and the reader can cancel.
  outlet.answerPull = null;
  write(outlet);
  answer();
}

/** Writes what there is; returns whether there was something. */
function write(outlet: Outlet): boolean {
  const { hello, queue, maxChunkBytes } = outlet.options;
  if (outlet.greeted && queue.length() === 0) return false;
  const frames = outlet.greeted ? queue.take(maxChunkBytes) : [hello];
  outlet.greeted = true;
  outlet.writes += 1;
  outlet.sink?.enqueue(encodeFrames(frames));
  return true;
}
