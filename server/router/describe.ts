import type { LoopStats } from "./loop/mod.ts";

/**
 * Says what a router does and did, for `GET /v1/router`.
 *
 * @param stats Its figures.
 * @returns JSON.
 */
export function routerToJson(stats: LoopStats): Record<string, unknown> {
  return {
    threads: stats.threads,
    drained: stats.isDrained,
    in_contact: stats.isTrusted,
    epoch: stats.epoch,
    why_waiting: stats.why === "" ? null : stats.why,
    sessions: stats.sessions.map(({ door, member, epoch, count }) => ({
      port: door,
      node: member,
      role: epoch === 0 ? "standby" : "primary",
      epoch,
      count,
    })),
    opening: stats.opening,
    waiting: stats.waiting,
    longest_wait_ms: Math.round(stats.longestWaitMs),
    longest_wait_ever_ms: Math.round(stats.longestWaitEverMs),
    accepted: stats.accepted,
    refused: stats.refused,
    ended: stats.ended,
    cancels: stats.cancels,
    held_cancels: stats.heldCancels,
    bytes_from_clients: stats.bytesFromClients,
    bytes_from_servers: stats.bytesFromServers,
  };
}
