import { formatAddress } from "./address.ts";
import type { Peer } from "./peer.ts";

/** What is known of the traffic with a peer. */
export interface PeerStats {
  /** Where the peer is; null for a node that only calls us. */
  readonly address: string | null;
  /** Since when we receive from it, on the clock handed in; null while we do not. */
  readonly receivingSinceMs: number | null;
  /** Whether it receives from us. */
  readonly sending: boolean;
  /** Whether it receives pieces of snapshots from us now. */
  readonly sendingBulk: boolean;
  /** How many messages wait to be sent, on both lanes. */
  readonly queuedMessages: number;
  /** What they weigh. */
  readonly queuedBytes: number;
  /** How many messages to it were dropped; those that a fault has lost are not counted. */
  readonly droppedMessages: number;
  /** How many messages came from it. */
  readonly receivedMessages: number;
  /** The last measured round trip, through both event loops; null before. */
  readonly rttMs: number | null;
}

/**
 * Returns what is known of the traffic with a peer.
 *
 * @param peer The peer.
 * @returns A picture of now.
 */
export function statsOf(peer: Peer): PeerStats {
  const { address, receiver, courier } = peer;
  const { main, bulk } = peer.lanes;
  return {
    address: address === null ? null : formatAddress(address),
    receivingSinceMs: receiver.sinceMs,
    sending: main.outlet !== null,
    sendingBulk: bulk.outlet !== null,
    queuedMessages: main.queue.length() + bulk.queue.length(),
    queuedBytes: main.queue.bytes() + bulk.queue.bytes(),
    droppedMessages: peer.droppedMessages + courier.droppedMessages +
      main.queue.dropped() + bulk.queue.dropped(),
    receivedMessages: peer.receivedMessages,
    rttMs: receiver.rttMs,
  };
}
