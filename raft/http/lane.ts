import type { Frame, HelloFrame } from "./frame.ts";
import type { HttpTransportLimits } from "./limits.ts";
import { createOutlet, type Outlet } from "./outlet.ts";
import { createSendQueue, type SendQueueLimits } from "./queue.ts";

/** One lane to one peer: what waits, and the stream that takes it there while one stands. */
export interface Lane {
  /** Takes the peer's new stream in use; an older one ends. */
  open(hello: HelloFrame): ReadableStream<Uint8Array<ArrayBuffer>>;
  /** Queues a frame. */
  send(frame: Frame): void;
  /** Pings an idle stream, and ends one whose reader has stopped to read. */
  tick(nowMs: number): void;
  /** Returns whether a stream stands. */
  isOpen(): boolean;
  /** Returns whether nothing waits. */
  isEmpty(): boolean;
  /** Returns how many frames wait. */
  queuedMessages(): number;
  /** Returns how much the frames weigh that wait in order. */
  queuedBytes(): number;
  /** Returns how many messages were dropped so far. */
  droppedMessages(): number;
  /** Ends the stream and drops what waits. */
  close(): void;
}

/**
 * Makes a lane without a stream.
 *
 * @param limits The transport's bounds.
 * @param queueLimits What may wait.
 * @returns The lane.
 */
export function createLane(
  limits: HttpTransportLimits,
  queueLimits: SendQueueLimits,
): Lane {
  const queue = createSendQueue(queueLimits);
  const stallTicks = Math.ceil(limits.stallMs / limits.pingIntervalMs);
  const openTicks = Math.ceil(limits.bulkOpenMs / limits.pingIntervalMs);
  const rttTicks = Math.ceil(limits.rttIntervalMs / limits.pingIntervalMs);
  let outlet: Outlet | null = null;
  let sentSinceTick = false;
  let ticksSincePing = 0;
  let ticksStuck = 0;
  let writesSeen = 0;

  function send(frame: Frame): void {
    queue.offer(frame);
    sentSinceTick = true;
    outlet?.wake();
  }

  function ping(nowMs: number): void {
    ticksSincePing += 1;
    const due = !sentSinceTick || ticksSincePing >= rttTicks;
    if (due && queue.length() === 0) {
      ticksSincePing = 0;
      send({ type: "ping", sentAtMs: nowMs });
    }
    sentSinceTick = false;
  }

  /** Returns for how many ticks the same frames have waited. */
  function countStuck(writes: number): number {
    const moved = queue.length() === 0 || writes !== writesSeen;
    writesSeen = writes;
    ticksStuck = moved ? 0 : ticksStuck + 1;
    return ticksStuck;
  }

  function close(): void {
    outlet?.close();
    queue.clear();
  }

  return {
    open: (hello) => {
      outlet?.close();
      ticksStuck = 0;
      const next = createOutlet({
        hello,
        queue,
        maxChunkBytes: limits.maxChunkBytes,
        onClosed: () => {
          if (outlet === next) outlet = null;
        },
      });
      outlet = next;
      return next.body;
    },
    send,
    tick: (nowMs) => {
      const stuck = countStuck(outlet?.writes() ?? 0);
      if (stuck >= (outlet === null ? openTicks : stallTicks)) return close();
      if (outlet !== null) ping(nowMs);
    },
    isOpen: () => outlet !== null,
    isEmpty: () => queue.length() === 0,
    queuedMessages: () => queue.length(),
    queuedBytes: () => queue.bytes(),
    droppedMessages: () => queue.dropped(),
    close,
  };
}
