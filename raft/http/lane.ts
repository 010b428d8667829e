import { type Edge, passOut } from "./edge.ts";
import type { Frame, HelloFrame } from "./frame.ts";
import type { HttpTransportLimits } from "./limits.ts";
import {
  closeOutlet,
  createOutlet,
  type Outlet,
  wakeOutlet,
} from "./outlet.ts";
import {
  createSendQueue,
  type SendQueue,
  type SendQueueLimits,
} from "./queue.ts";

/** One lane to one peer: what waits, and the stream that takes it there while one stands. */
export interface Lane {
  readonly limits: HttpTransportLimits;
  readonly edge: Edge;
  /** What waits. */
  readonly queue: SendQueue;
  /** The sending end of the stream; null while none stands. */
  outlet: Outlet | null;
  sentSinceTick: boolean;
  ticksSincePing: number;
  /** For how many ticks the same frames have waited. */
  ticksStuck: number;
  /** How many writes there were at the last tick. */
  writesSeen: number;
}

/**
 * Makes a lane without a stream.
 *
 * @param limits The transport's bounds.
 * @param queueLimits What may wait.
 * @param edge What pings pass on their way out.
 * @returns The lane.
 */
export function createLane(
  limits: HttpTransportLimits,
  queueLimits: SendQueueLimits,
  edge: Edge,
): Lane {
  return {
    limits,
    edge,
    queue: createSendQueue(queueLimits),
    outlet: null,
    sentSinceTick: false,
    ticksSincePing: 0,
    ticksStuck: 0,
    writesSeen: 0,
  };
}

/**
 * Takes the peer's new stream in use; an older one ends.
 *
 * @param lane The lane.
 * @param hello The stream's first frame.
 * @returns The stream's sending end.
 */
export function openLane(lane: Lane, hello: HelloFrame): Outlet {
  if (lane.outlet !== null) closeOutlet(lane.outlet);
  lane.ticksStuck = 0;
  const outlet = createOutlet({
    hello,
    queue: lane.queue,
    maxChunkBytes: lane.limits.maxChunkBytes,
    onClosed: () => {
      if (lane.outlet === outlet) lane.outlet = null;
    },
  });
  lane.outlet = outlet;
  return outlet;
}

/**
 * Queues a frame.
 *
 * @param lane The lane.
 * @param frame The frame.
 */
export function sendOn(lane: Lane, frame: Frame): void {
  lane.queue.offer(frame);
  lane.sentSinceTick = true;
  if (lane.outlet !== null) wakeOutlet(lane.outlet);
}

/**
 * Pings an idle stream, and ends one whose reader has stopped to read.
 *
 * @param lane The lane, every `pingIntervalMs`.
 * @param nowMs The time that a ping carries.
 */
export function tickLane(lane: Lane, nowMs: number): void {
  const { stallMs, bulkOpenMs, pingIntervalMs } = lane.limits;
  const patienceMs = lane.outlet === null ? bulkOpenMs : stallMs;
  countStuck(lane);
  if (lane.ticksStuck >= Math.ceil(patienceMs / pingIntervalMs)) {
    return closeLane(lane);
  }
  if (lane.outlet !== null) pingIdle(lane, nowMs);
}

/**
 * Ends the stream and drops what waits.
 *
 * @param lane The lane.
 */
export function closeLane(lane: Lane): void {
  if (lane.outlet !== null) closeOutlet(lane.outlet);
  lane.queue.clear();
}

function countStuck(lane: Lane): void {
  const writes = lane.outlet?.writes ?? 0;
  const moved = lane.queue.length() === 0 || writes !== lane.writesSeen;
  lane.writesSeen = writes;
  lane.ticksStuck = moved ? 0 : lane.ticksStuck + 1;
}

function pingIdle(lane: Lane, nowMs: number): void {
  const { rttIntervalMs, pingIntervalMs } = lane.limits;
  const rttTicks = Math.ceil(rttIntervalMs / pingIntervalMs);
  lane.ticksSincePing += 1;
  const due = !lane.sentSinceTick || lane.ticksSincePing >= rttTicks;
  if (due && lane.queue.length() === 0) {
    lane.ticksSincePing = 0;
    passOut(lane.edge, { type: "ping", sentAtMs: nowMs }, lane, sendPing);
  }
  lane.sentSinceTick = false;
}

/** A ping that was held up may find no stream any more. */
function sendPing(lane: Lane, ping: Frame): void {
  if (lane.outlet !== null) sendOn(lane, ping);
}
