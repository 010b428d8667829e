import type { Frame, MessageFrame } from "./frame.ts";
import { frameWeightBytes } from "./encode.ts";

/** What a {@linkcode SendQueue} may hold. */
export interface SendQueueLimits {
  readonly maxBytes: number;
  readonly maxMessages: number;
  readonly maxUrgentMessages: number;
}

/** What waits to be written into one stream. */
export interface SendQueue {
  /**
   * Adds a frame: votes, heartbeats and their like before everything else, the rest in order.
   * Beyond the limits the oldest urgent frame goes, or else the new one is not taken.
   */
  offer(frame: Frame): void;
  /** Takes frames out, about `maxBytes` of them and at least one if there is any. */
  take(maxBytes: number): Frame[];
  /** Drops everything. */
  clear(): void;
  /** Returns how many frames wait. */
  length(): number;
  /** Returns how much the frames weigh that wait in order. */
  bytes(): number;
  /** Returns how many messages were dropped so far. */
  dropped(): number;
}

const IN_ORDER: ReadonlySet<MessageFrame["message"]["kind"]> = new Set([
  "append",
  "append_response",
  "snapshot_chunk",
  "snapshot_response",
  "forward",
  "forward_refused",
]);

function isUrgent(frame: Frame): boolean {
  return frame.type !== "message" || !IN_ORDER.has(frame.message.kind);
}

function countMessages(frames: readonly Frame[]): number {
  return frames.filter((frame) => frame.type === "message").length;
}

/**
 * Makes an empty queue.
 *
 * @param limits What it may hold.
 * @returns The queue.
 */
export function createSendQueue(limits: SendQueueLimits): SendQueue {
  let urgent: Frame[] = [];
  let ordered: Frame[] = [];
  let orderedBytes = 0;
  let dropped = 0;

  function offerUrgent(frame: Frame): void {
    urgent.push(frame);
    if (urgent.length <= limits.maxUrgentMessages) return;
    dropped += countMessages(urgent.splice(0, 1));
  }

  function offerOrdered(frame: Frame): void {
    const weight = frameWeightBytes(frame);
    if (
      ordered.length >= limits.maxMessages ||
      orderedBytes + weight > limits.maxBytes
    ) {
      dropped += 1;
      return;
    }
    ordered.push(frame);
    orderedBytes += weight;
  }

  function takeFrom(frames: Frame[], maxBytes: number): [Frame[], number] {
    let count = 0;
    let sum = 0;
    for (const frame of frames) {
      const weight = frameWeightBytes(frame);
      if (count > 0 && sum + weight > maxBytes) break;
      count += 1;
      sum += weight;
      if (sum >= maxBytes) break;
    }
    return [frames.splice(0, count), sum];
  }

  return {
    offer: (frame) =>
      isUrgent(frame) ? offerUrgent(frame) : offerOrdered(frame),
    take: (maxBytes) => {
      const [first, urgentBytes] = takeFrom(urgent, maxBytes);
      if (urgentBytes >= maxBytes) return first;
      const [rest, takenBytes] = takeFrom(ordered, maxBytes - urgentBytes);
      orderedBytes -= takenBytes;
      return [...first, ...rest];
    },
    clear: () => {
      dropped += countMessages(urgent) + countMessages(ordered);
      urgent = [];
      ordered = [];
      orderedBytes = 0;
    },
    length: () => urgent.length + ordered.length,
    bytes: () => orderedBytes,
    dropped: () => dropped,
  };
}
