import { memberOf } from "./configuration.ts";
import type { TransferOutcome } from "./effects.ts";
import { lastIndex } from "./log.ts";
import { send } from "./outbox.ts";
import type { Progress } from "./progress.ts";
import { configurationOf, type Core, type LeaderState } from "./state.ts";
import type { NodeId } from "./types.ts";

/**
 * Begins to hand leadership over (dissertation §3.10): proposals are refused from now on, and the
 * target is told to stand for election once it has the whole log.
 *
 * @param target Who shall lead; 0 lets the leader choose the best.
 * @returns Whether the transfer began.
 */
export function startTransfer(core: Core, target: NodeId): TransferOutcome {
  const { leader } = core;
  if (!leader) return "not_leader";
  const chosen = target === 0 ? bestSuccessor(core, leader) : target;
  const progress = leader.progress.get(chosen);
  const member = memberOf(configurationOf(core), chosen);
  if (!progress || !member || member.role === "learner") return "no_target";
  // Asked again and again, a transfer that can't succeed would keep proposals out for ever.
  if (leader.transfer?.target === chosen) return "started";
  leader.transfer = {
    target: chosen,
    deadlineMs: core.nowMs + core.options.electionTimeoutMs,
    sent: false,
  };
  continueTransfer(core, leader, progress);
  return "started";
}

/** Tells the target to stand, once it has everything. */
export function continueTransfer(
  core: Core,
  leader: LeaderState,
  progress: Progress,
): void {
  const { transfer } = leader;
  if (!transfer || transfer.target !== progress.id || transfer.sent) return;
  if (progress.match < lastIndex(core.log)) return;
  transfer.sent = true;
  tellToStand(core, leader, progress.id);
}

/** Ends a transfer that took too long; the leader goes on. */
export function expireTransfer(core: Core, leader: LeaderState): void {
  const { transfer } = leader;
  if (!transfer || core.nowMs < transfer.deadlineMs) return;
  leader.transfer = null;
  core.outbox.transfers.push("failed");
}

/** Lets the best successor stand for election at once, before this leader steps down. */
export function abdicate(core: Core, leader: LeaderState): void {
  const successor = bestSuccessor(core, leader);
  if (successor !== 0) tellToStand(core, leader, successor);
}

function tellToStand(core: Core, leader: LeaderState, target: NodeId): void {
  // The target's election disregards every promise made to this leader, now or whenever it arrives.
  leader.leaseRevoked = true;
  send(core, target, { kind: "timeout_now" });
}

/** The voter with the most complete log that answered lately, voters before witnesses; 0 for none. */
function bestSuccessor(core: Core, leader: LeaderState): NodeId {
  let best = 0;
  let bestRank = -Infinity;
  for (const member of configurationOf(core).members) {
    const progress = leader.progress.get(member.id);
    if (!progress || member.role === "learner" || !isActive(core, progress)) {
      continue;
    }
    const rank = progress.match + (member.role === "voter" ? 0.5 : 0);
    if (rank > bestRank) {
      best = member.id;
      bestRank = rank;
    }
  }
  return best;
}

/** Whether a member answered within an election timeout and its process is not gone. */
export function isActive(core: Core, progress: Progress): boolean {
  return !progress.gone &&
    core.nowMs - progress.lastContactMs < core.options.electionTimeoutMs;
}
