import { maybePromote } from "./membership.ts";
import type { HeartbeatResponse } from "./messages.ts";
import { send } from "./outbox.ts";
import { confirmReads } from "./reads.ts";
import { pokeIfStuck } from "./replication.ts";
import { retrySnapshot } from "./snapshot_send.ts";
import type { Core, LeaderState } from "./state.ts";

/** Speaks to every member: nobody else shall stand, and reads of the current round are confirmed. */
export function broadcastHeartbeat(core: Core, leader: LeaderState): void {
  for (const progress of leader.progress.values()) {
    const commit = Math.min(core.commit, progress.match);
    progress.sentCommit = Math.max(progress.sentCommit, commit);
    send(core, progress.id, {
      kind: "heartbeat",
      commit,
      round: leader.round,
      sentAtMs: core.nowMs,
    });
    retrySnapshot(core, progress);
  }
}

/** Takes a member's answer to a heartbeat. */
export function onHeartbeatResponse(
  core: Core,
  response: HeartbeatResponse,
): void {
  const { leader } = core;
  const progress = leader?.progress.get(response.from);
  if (!leader || !progress) return;
  progress.lastContactMs = core.nowMs;
  progress.gone = false;
  progress.ackedRound = Math.max(progress.ackedRound, response.round);
  progress.leaseFromMs = Math.max(progress.leaseFromMs, response.sentAtMs);
  pokeIfStuck(core, progress);
  confirmReads(core, leader);
  maybePromote(core, leader, progress);
}
