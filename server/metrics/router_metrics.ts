import type { LoopStats } from "../router/mod.ts";
import type { Reading, ReadMetric, Registry } from "./registry.ts";

function metric(
  type: "gauge" | "counter",
  name: string,
  help: string,
  read: (stats: LoopStats) => number | readonly Reading[],
): ReadMetric<LoopStats> {
  return { type, name, help, read };
}

function byReason(counts: Readonly<Record<string, number>>): Reading[] {
  return Object.entries(counts).map(([reason, value]) => ({
    labels: { reason },
    value,
  }));
}

const METRICS: readonly ReadMetric<LoopStats>[] = [
  metric(
    "gauge",
    "pgraft_router_sessions",
    "Sessions by port, node and epoch; epoch 0 is a standby",
    ({ sessions }) =>
      sessions.map(({ door, member, epoch, count }) => ({
        labels: { port: door, node: `${member}`, epoch: `${epoch}` },
        value: count,
      })),
  ),
  metric(
    "gauge",
    "pgraft_router_waiting",
    "Clients that wait for a node that takes them",
    ({ waiting }) => waiting,
  ),
  metric(
    "gauge",
    "pgraft_router_opening",
    "Clients that have not said yet who they are",
    ({ opening }) => opening,
  ),
  metric(
    "gauge",
    "pgraft_router_clients",
    "Clients by thread",
    ({ threads }) =>
      threads.map((value, at) => ({ labels: { thread: `${at}` }, value })),
  ),
  metric(
    "gauge",
    "pgraft_router_longest_wait_seconds",
    "How long the client waits that waits longest",
    ({ longestWaitMs }) => longestWaitMs / 1000,
  ),
  metric(
    "gauge",
    "pgraft_router_in_contact",
    "Whether this node leads writers: it had contact with a majority an election timeout ago at most",
    ({ isTrusted }) => +isTrusted,
  ),
  metric(
    "gauge",
    "pgraft_router_drained",
    "Whether the router takes no new sessions",
    ({ isDrained }) => +isDrained,
  ),
  metric(
    "counter",
    "pgraft_router_accepted_total",
    "Clients that have come",
    ({ accepted }) => accepted,
  ),
  metric(
    "counter",
    "pgraft_router_refused_total",
    "Clients that were turned away",
    ({ refused }) => byReason(refused),
  ),
  metric(
    "counter",
    "pgraft_router_ended_total",
    "Sessions that the router has ended",
    ({ ended }) => byReason(ended),
  ),
  metric(
    "counter",
    "pgraft_router_held_cancels_total",
    "Cancel requests that were held because a commit waited for standbys",
    ({ heldCancels }) => heldCancels,
  ),
  metric(
    "counter",
    "pgraft_router_bytes_total",
    "Bytes that came from clients and from servers",
    ({ bytesFromClients, bytesFromServers }) => [
      { labels: { from: "client" }, value: bytesFromClients },
      { labels: { from: "server" }, value: bytesFromServers },
    ],
  ),
];

/**
 * Defines what is read from a node's router.
 *
 * @param registry Where.
 * @param stats Returns its figures; null where there is none.
 */
export function defineRouterMetrics(
  registry: Registry,
  stats: () => LoopStats | null,
): void {
  registry.read(stats, METRICS);
}
