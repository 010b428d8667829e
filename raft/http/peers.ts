import type { NodeId } from "../core/mod.ts";
import { parseAddress } from "./address.ts";
import type { PeerContext } from "./context.ts";
import { closeEdge } from "./edge.ts";
import { faultFrom, type PeerFault } from "./fault.ts";
import {
  createPeer,
  isForgotten,
  movePeer,
  type Peer,
  setPeerFault,
  stopPeer,
  tickPeer,
} from "./peer.ts";

/** Everybody a node talks with. */
export interface Peers {
  readonly context: PeerContext;
  /** Members, and strangers that call us. */
  readonly byId: Map<NodeId, Peer>;
  /** Where members are. */
  addresses: ReadonlyMap<NodeId, string>;
  /** What goes wrong on purpose, also with nodes that are not here yet. */
  readonly faults: Map<NodeId, Required<PeerFault>>;
}

/**
 * Makes a table without peers.
 *
 * @param context What they will share.
 * @returns The table.
 */
export function createPeers(context: PeerContext): Peers {
  return { context, byId: new Map(), addresses: new Map(), faults: new Map() };
}

/**
 * Returns the peer with an id, and makes it when it is new.
 *
 * @param peers The table.
 * @param id The peer's id.
 * @returns The peer; null for a stranger for whom there is no room.
 */
export function admitPeer(peers: Peers, id: NodeId): Peer | null {
  const known = peers.byId.get(id);
  if (known !== undefined) return known;
  if (!peers.addresses.has(id) && !hasRoomForStranger(peers)) return null;
  const peer = createPeer(peers.context, id, peers.faults.get(id) ?? null);
  peers.byId.set(id, peer);
  return peer;
}

/**
 * Says where members are: streams are opened to them, and to nobody else.
 *
 * @param peers The table.
 * @param addresses Where they are; this node is passed over.
 */
export function movePeers(
  peers: Peers,
  addresses: ReadonlyMap<NodeId, string>,
): void {
  peers.addresses = addresses;
  for (const [id, peer] of peers.byId) {
    if (!addresses.has(id)) movePeer(peer, null);
  }
  for (const [id, address] of addresses) {
    if (id === peers.context.self.nodeId) continue;
    const peer = admitPeer(peers, id);
    if (peer !== null) movePeer(peer, parseAddress(address));
  }
}

/**
 * Says what goes wrong with a peer on purpose from now on.
 *
 * @param peers The table.
 * @param id The peer's id.
 * @param fault What; null for nothing.
 * @throws {RangeError} When the fault is out of bounds.
 */
export function setFaultOf(
  peers: Peers,
  id: NodeId,
  fault: PeerFault | null,
): void {
  const checked = fault === null ? null : faultFrom(fault);
  if (checked === null) peers.faults.delete(id);
  else peers.faults.set(id, checked);
  const peer = peers.byId.get(id);
  if (peer !== undefined) setPeerFault(peer, checked);
}

/**
 * Returns whether this node and another are cut apart on purpose.
 *
 * @param peers The table.
 * @param id The other's id.
 * @returns Whether either way is cut.
 */
export function isCutApart({ faults }: Peers, id: NodeId): boolean {
  const fault = faults.get(id);
  return fault !== undefined && (fault.cutIn || fault.cutOut);
}

/**
 * Lets peers see that time passes, and lets go of those of whom nothing is left.
 *
 * @param peers The table, every `pingIntervalMs`.
 */
export function tickPeers({ byId }: Peers): void {
  for (const [id, peer] of byId) {
    tickPeer(peer);
    if (!isForgotten(peer)) continue;
    closeEdge(peer.edge);
    byId.delete(id);
  }
}

/**
 * Ends all streams and calls.
 *
 * @param peers The table.
 */
export async function stopPeers({ byId }: Peers): Promise<void> {
  await Promise.all([...byId.values()].map(stopPeer));
}

function hasRoomForStranger({ byId, addresses, context }: Peers): boolean {
  const strangers = [...byId.keys()].filter((id) => !addresses.has(id));
  return strangers.length < context.limits.maxStrangers;
}
