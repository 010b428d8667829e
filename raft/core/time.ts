import { draw } from "../../base/mod.ts";
import { memberOf } from "./configuration.ts";
import { startElection } from "./election.ts";
import { broadcastHeartbeat } from "./heartbeat.ts";
import { WITNESS_YIELD_INTERVAL_RATIO } from "./limits.ts";
import { hasCaughtUp } from "./membership.ts";
import { majorityValue } from "./quorum.ts";
import { perVoter } from "./reads.ts";
import { becomeFollower } from "./roles.ts";
import {
  configurationOf,
  type Core,
  diskStalled,
  type LeaderState,
} from "./state.ts";
import { abdicate, expireTransfer, startTransfer } from "./transfer.ts";

/** Does what is due at this time. Runs before every input, so that a node that slept acts on the truth. */
export function onTime(core: Core): void {
  if (core.leader) {
    lead(core, core.leader);
    return;
  }
  if (core.nowMs >= core.electionDeadlineMs) startElection(core);
}

function lead(core: Core, leader: LeaderState): void {
  if (core.nowMs < leader.dueMs) return;
  if (core.nowMs >= quorumLostAtMs(core, leader)) {
    becomeFollower(core, core.term, 0);
    return;
  }
  if (diskStalled(core)) {
    abdicate(core, leader);
    becomeFollower(core, core.term, 0);
    return;
  }
  if (core.nowMs >= leader.heartbeatDueMs) {
    leader.heartbeatDueMs = core.nowMs + core.options.heartbeatIntervalMs;
    expireTransfer(core, leader);
    broadcastHeartbeat(core, leader);
    yieldAsWitness(core, leader);
  }
  // Answers only put the loss of the quorum off, so this moment is never too late.
  leader.dueMs = Math.min(leader.heartbeatDueMs, quorumLostAtMs(core, leader));
}

/** When a leader that hears no more answers has lost its majority (dissertation §6.2). */
function quorumLostAtMs(core: Core, leader: LeaderState): number {
  const heardAtMs = majorityValue(
    perVoter(core, leader, core.nowMs, (progress) => progress.lastContactMs),
  );
  return heardAtMs + core.options.electionTimeoutMs;
}

/**
 * A witness leads only until a data member is about to have the whole log. Proposals are refused
 * while one is asked to take over, so an attempt that fails is repeated rarely, and with any heir.
 */
function yieldAsWitness(core: Core, leader: LeaderState): void {
  if (leader.transfer || core.nowMs < leader.yieldDueMs) return;
  const configuration = configurationOf(core);
  if (memberOf(configuration, core.id)?.role !== "witness") return;
  const heirs = configuration.members.filter((member) => {
    const progress = leader.progress.get(member.id);
    return member.role === "voter" && hasCaughtUp(core, progress);
  });
  const heir = heirs[Math.floor(draw(core.random) * heirs.length)];
  if (!heir) return;
  leader.yieldDueMs = core.nowMs +
    core.options.electionTimeoutMs * WITNESS_YIELD_INTERVAL_RATIO;
  startTransfer(core, heir.id);
}

/** When the core wants to be woken if nothing else happens. */
export function nextDeadlineMs(core: Core): number {
  const { leader } = core;
  if (!leader) return core.electionDeadlineMs;
  let deadlineMs = Math.min(leader.dueMs, leader.newsDueMs);
  for (const { gatherDueMs } of leader.progress.values()) {
    deadlineMs = Math.min(deadlineMs, gatherDueMs);
  }
  return deadlineMs;
}
