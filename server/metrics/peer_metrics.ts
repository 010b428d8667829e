import type { PeerStats } from "../../raft/http/mod.ts";
import type { Reading, ReadMetric, Registry } from "./registry.ts";

/** What is known of the traffic with each peer, by its id. */
export type PeersStats = ReadonlyMap<number, PeerStats>;

function perPeer(
  peers: PeersStats,
  read: (stats: PeerStats) => number | null,
): Reading[] {
  return [...peers].flatMap(([id, stats]) => {
    const value = read(stats);
    return value === null ? [] : [{ labels: { peer: `${id}` }, value }];
  });
}

function connections(peers: PeersStats): Reading[] {
  return [...peers].flatMap(([id, { receivingSinceMs, sending }]) => [
    {
      labels: { peer: `${id}`, direction: "in" },
      value: +(receivingSinceMs !== null),
    },
    { labels: { peer: `${id}`, direction: "out" }, value: +sending },
  ]);
}

/** A transport may forget a peer, so that a count begins anew: Prometheus takes that for a restart. */
const METRICS: readonly ReadMetric<PeersStats>[] = [
  {
    name: "pgraft_peer_connected",
    help: "Whether the stream from the peer (in) or to it (out) stands",
    type: "gauge",
    read: connections,
  },
  {
    name: "pgraft_peer_round_trip_seconds",
    help: "The last measured round trip to the peer, through both event loops",
    type: "gauge",
    read: (peers) =>
      perPeer(peers, ({ rttMs }) => rttMs === null ? null : rttMs / 1000),
  },
  {
    name: "pgraft_peer_queue_bytes",
    help: "Size of the messages that wait to be sent to the peer",
    type: "gauge",
    read: (peers) => perPeer(peers, ({ queuedBytes }) => queuedBytes),
  },
  {
    name: "pgraft_peer_queue_messages",
    help: "Messages that wait to be sent to the peer",
    type: "gauge",
    read: (peers) => perPeer(peers, ({ queuedMessages }) => queuedMessages),
  },
  {
    name: "pgraft_peer_dropped_messages_total",
    help: "Messages to the peer that were dropped",
    type: "counter",
    read: (peers) => perPeer(peers, ({ droppedMessages }) => droppedMessages),
  },
  {
    name: "pgraft_peer_received_messages_total",
    help: "Messages that came from the peer",
    type: "counter",
    read: (peers) => perPeer(peers, ({ receivedMessages }) => receivedMessages),
  },
];

/**
 * Defines what is read from the transport's peers.
 *
 * @param registry Where.
 * @param peers Returns the traffic with each peer; null before there is a transport.
 */
export function definePeerMetrics(
  registry: Registry,
  peers: () => PeersStats | null,
): void {
  registry.read(peers, METRICS);
}
