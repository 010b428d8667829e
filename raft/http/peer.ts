import { invariant } from "../../base/mod.ts";
import type { Message, NodeId } from "../core/mod.ts";
import type { HostAndPort } from "./address.ts";
import type { LaneName } from "./claim.ts";
import type { PeerContext } from "./context.ts";
import { type Courier, createCourier, sendByCourier } from "./courier.ts";
import { withDeadline } from "./deadline.ts";
import {
  closeEdge,
  createEdge,
  type Edge,
  passIn,
  passOut,
  reachAcross,
  setEdgeFault,
} from "./edge.ts";
import { frameWeightBytes } from "./encode.ts";
import type { PeerFault } from "./fault.ts";
import type { Frame, HelloFrame } from "./frame.ts";
import {
  closeLane,
  createLane,
  type Lane,
  openLane,
  sendOn,
  tickLane,
} from "./lane.ts";
import {
  createReceiver,
  hurryReceiver,
  moveReceiver,
  noteTurnedAway,
  type Receiver,
  tickReceiver,
} from "./receiver.ts";
import type { Outlet } from "./outlet.ts";
import { createTasks, type Tasks } from "./tasks.ts";

/** One peer: the streams both ways, and what is known of its process. */
export interface Peer {
  readonly context: PeerContext;
  readonly id: NodeId;
  readonly edge: Edge;
  readonly stopping: AbortController;
  readonly tasks: Tasks;
  /** What we send, by lane. */
  readonly lanes: Readonly<Record<LaneName, Lane>>;
  /** What we receive. */
  readonly receiver: Receiver;
  readonly courier: Courier;
  /** Where it is; null for a node that only calls us. */
  address: HostAndPort | null;
  /** Whether a probe is under way. */
  probing: boolean;
  /** How many messages were dropped before they reached a lane or the courier. */
  droppedMessages: number;
  receivedMessages: number;
}

/**
 * Makes a peer, of which nothing is known yet.
 *
 * @param context What all peers share.
 * @param id Its id.
 * @param fault What goes wrong on purpose with it.
 * @returns The peer.
 */
export function createPeer(
  context: PeerContext,
  id: NodeId,
  fault: Required<PeerFault> | null,
): Peer {
  const stopping = new AbortController();
  const tasks = createTasks();
  const edge = createEdge(context, fault);
  const shared = { context, peer: id, edge, tasks };
  const receiver = createReceiver({
    ...shared,
    onMessage: (message) => deliver(peer, message),
    onNote: (data) => {
      if (!stopping.signal.aborted) context.onNote(id, data);
    },
    answer: (frame) => sendControl(peer, frame),
  });
  const courier = createCourier({
    ...shared,
    stopping: stopping.signal,
    onTurnedAway: ({ reason, message }) =>
      noteTurnedAway(receiver, reason, message),
  });
  const peer: Peer = {
    context,
    id,
    edge,
    stopping,
    tasks,
    lanes: createLanes(context, edge),
    receiver,
    courier,
    address: null,
    probing: false,
    droppedMessages: 0,
    receivedMessages: 0,
  };
  return peer;
}

/**
 * Says where the peer is.
 *
 * @param peer The peer.
 * @param address Where; null when it is no longer a member.
 */
export function movePeer(peer: Peer, address: HostAndPort | null): void {
  const isSame = address?.hostname === peer.address?.hostname &&
    address?.port === peer.address?.port;
  if (peer.stopping.signal.aborted || isSame) return;
  peer.address = address;
  moveReceiver(peer.receiver, address);
}

/**
 * Takes a stream that the peer has opened; an older one of the same lane ends.
 *
 * @param peer The peer.
 * @param lane The stream's lane.
 * @param hello What greets it.
 * @returns The stream's sending end.
 */
export function acceptStream(
  peer: Peer,
  lane: LaneName,
  hello: HelloFrame,
): Outlet {
  if (lane === "main") hurryReceiver(peer.receiver);
  return openLane(peer.lanes[lane], hello);
}

/**
 * Takes a message that came in a request.
 *
 * @param peer The peer that sent it.
 * @param message The message.
 */
export function takeRequest(peer: Peer, message: Message): void {
  passIn(peer.edge, { type: "message", message }, peer, deliverFrame);
}

/**
 * Sends a message without waiting, or drops it.
 *
 * @param peer The peer.
 * @param message The message.
 */
export function sendToPeer(peer: Peer, message: Message): void {
  if (peer.stopping.signal.aborted) return;
  const frame: Frame = { type: "message", message };
  const { maxFrameBytes } = peer.context.limits;
  if (frameWeightBytes(frame) > maxFrameBytes) {
    peer.droppedMessages += 1;
    const why = `Dropped one ${message.kind} over ${maxFrameBytes} bytes`;
    return peer.context.onTrouble(peer.id, why);
  }
  passOut(peer.edge, frame, peer, route);
}

/**
 * Sends a note, or drops it: notes need a stream that stands.
 *
 * @param peer The peer.
 * @param data What the layer above tells.
 */
export function noteToPeer(peer: Peer, data: Uint8Array): void {
  invariant(
    data.length <= peer.context.limits.maxNoteBytes,
    `a note has at most ${peer.context.limits.maxNoteBytes} bytes, got ${data.length}`,
  );
  if (!peer.stopping.signal.aborted) sendControl(peer, { type: "note", data });
}

/**
 * Finds out whether the peer's process is gone, and tells.
 *
 * @param peer The peer.
 */
export function probePeer(peer: Peer): void {
  const { address, context, id, tasks } = peer;
  if (peer.stopping.signal.aborted || peer.probing) return;
  if (address === null) return context.events.present(id);
  tasks.own(probe(peer, address));
}

/**
 * Lets lanes and streams see that time passes.
 *
 * @param peer The peer, every `pingIntervalMs`.
 */
export function tickPeer(peer: Peer): void {
  const nowMs = peer.context.clock.nowMs();
  tickLane(peer.lanes.main, nowMs);
  tickLane(peer.lanes.bulk, nowMs);
  askForBulk(peer);
  tickReceiver(peer.receiver);
}

/**
 * Says what goes wrong with the peer on purpose from now on.
 *
 * @param peer The peer.
 * @param fault What; null for nothing.
 */
export function setPeerFault(
  peer: Peer,
  fault: Required<PeerFault> | null,
): void {
  setEdgeFault(peer.edge, fault);
  if (!fault?.cutOut) return;
  peer.lanes.main.queue.clear();
  peer.lanes.bulk.queue.clear();
}

/**
 * Returns whether nothing is left of the peer.
 *
 * @param peer The peer.
 * @returns Whether it has no address and no stream of its own, and nothing is under way.
 */
export function isForgotten({ address, lanes, tasks }: Peer): boolean {
  return address === null && !isOpen(lanes.main) && !isOpen(lanes.bulk) &&
    tasks.count() === 0;
}

/**
 * Ends all streams and calls.
 *
 * @param peer The peer.
 */
export async function stopPeer(peer: Peer): Promise<void> {
  peer.stopping.abort();
  closeEdge(peer.edge);
  moveReceiver(peer.receiver, null);
  closeLane(peer.lanes.main);
  closeLane(peer.lanes.bulk);
  await peer.tasks.settled();
}

function createLanes(
  { limits }: PeerContext,
  edge: Edge,
): Readonly<Record<LaneName, Lane>> {
  const { maxUrgentMessages } = limits;
  const main = {
    maxBytes: limits.maxQueueBytes,
    maxMessages: limits.maxQueueMessages,
    maxUrgentMessages,
  };
  const bulk = {
    maxBytes: limits.maxBulkQueueBytes,
    maxMessages: limits.maxBulkQueueMessages,
    maxUrgentMessages,
  };
  return {
    main: createLane(limits, main, edge),
    bulk: createLane(limits, bulk, edge),
  };
}

function isOpen(lane: Lane): boolean {
  return lane.outlet !== null;
}

function deliverFrame(peer: Peer, frame: Frame): void {
  if (frame.type === "message") deliver(peer, frame.message);
}

function deliver(peer: Peer, message: Message): void {
  if (peer.stopping.signal.aborted) return;
  peer.receivedMessages += 1;
  peer.context.events.message(message);
}

/** Picks the way of a frame that leaves now. */
function route(peer: Peer, frame: Frame): void {
  const { main } = peer.lanes;
  if (frame.type !== "message") {
    if (isOpen(main)) sendOn(main, frame);
    return;
  }
  const { message } = frame;
  if (message.kind === "snapshot_chunk") return sendBulk(peer, frame);
  if (isOpen(main)) return sendOn(main, frame);
  sendByCourier(peer.courier, peer.address, message);
}

function sendBulk(peer: Peer, frame: Frame): void {
  const { main, bulk } = peer.lanes;
  if (!isOpen(bulk) && !isOpen(main)) {
    peer.droppedMessages += 1;
    return;
  }
  const isFirst = bulk.queue.length() === 0;
  sendOn(bulk, frame);
  if (isFirst) askForBulk(peer);
}

function askForBulk(peer: Peer): void {
  const { bulk } = peer.lanes;
  if (isOpen(bulk) || bulk.queue.length() === 0) return;
  sendControl(peer, { type: "want_bulk" });
}

function sendControl(peer: Peer, frame: Frame): void {
  passOut(peer.edge, frame, peer, route);
}

async function probe(peer: Peer, address: HostAndPort): Promise<void> {
  const { context, id, edge } = peer;
  peer.probing = true;
  const reached = await withDeadline(
    context.clock,
    context.limits.probeTimeoutMs,
    peer.stopping.signal,
    (signal) => reachAcross(edge, address, signal),
  );
  peer.probing = false;
  if (peer.stopping.signal.aborted) return;
  if (reached.kind === "refused") context.events.gone(id);
  else context.events.present(id);
}
