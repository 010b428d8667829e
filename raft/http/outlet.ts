import { encodeFrames } from "./encode.ts";
import type { HelloFrame } from "./frame.ts";
import type { SendQueue } from "./queue.ts";

/** The sending end of one stream: the body of a response. */
export interface Outlet {
  /** What the peer reads. */
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** Says that the queue has something; what one turn queues goes out as one write. */
  wake(): void;
  /** Returns how many writes there were so far. */
  writes(): number;
  /** Ends the stream and drops what waits. */
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
 * @returns The outlet.
 */
export function createOutlet(options: OutletOptions): Outlet {
  const { hello, queue, maxChunkBytes, onClosed } = options;
  let source: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>;
  let answerPull: (() => void) | null = null;
  let scheduled = false;
  let open = true;
  let writes = 0;
  let greeted = false;

  function end(): void {
    if (!open) return;
    open = false;
    queue.clear();
    answerPull?.();
    answerPull = null;
    onClosed();
  }

  function write(): boolean {
    if (greeted && queue.length() === 0) return false;
    const frames = greeted ? queue.take(maxChunkBytes) : [hello];
    greeted = true;
    writes += 1;
    source.enqueue(encodeFrames(frames));
    return true;
  }

  function flush(): void {
    scheduled = false;
    const answer = answerPull;
    if (!open || answer === null || queue.length() === 0) return;
    // Taken off first: to enqueue can run the reader at once, and the reader can cancel.
    answerPull = null;
    write();
    answer();
  }

  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    start: (controller) => {
      source = controller;
    },
    pull: () => {
      if (!open || write()) return;
      return new Promise<void>((resolve) => {
        answerPull = resolve;
      });
    },
    cancel: end,
  }, { highWaterMark: 0 });

  return {
    body,
    wake: () => {
      if (scheduled || answerPull === null) return;
      scheduled = true;
      queueMicrotask(flush);
    },
    writes: () => writes,
    close: () => {
      if (!open) return;
      end();
      source.close();
    },
  };
}
