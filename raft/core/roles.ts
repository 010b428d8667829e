import { invariant } from "../../base/mod.ts";
import { appendOwn, recountUncommitted } from "./entries.ts";
import { refuseHeldVotes } from "./held_votes.ts";
import { lastIndex } from "./log.ts";
import { createProgress, type Progress } from "./progress.ts";
import { refuseReads } from "./refusals.ts";
import { configurationOf, type Core, resetElectionDeadline } from "./state.ts";
import type { NodeId, Term } from "./types.ts";

/**
 * Follows: enters `term` when it is new, and `leaderId` when one is known (paper §5.1). The vote
 * stays within its term.
 */
export function becomeFollower(
  core: Core,
  term: Term,
  leaderId: NodeId,
): void {
  invariant(term >= core.term, `term ${term} goes back from ${core.term}`);
  const led = core.leader;
  const stoodForElection = core.role !== "follower";
  if (term > core.term) {
    core.term = term;
    core.votedFor = 0;
  }
  core.role = "follower";
  core.leaderId = leaderId;
  core.leader = null;
  core.votes.clear();
  core.transferElection = false;
  if (led) refuseReads(core, led, "no_leader");
  if (stoodForElection) resetElectionDeadline(core);
  refuseHeldVotes(core);
}

/** Asks around whether an election could be won, without touching the term (dissertation §9.6). */
export function becomePreCandidate(core: Core): void {
  invariant(core.role !== "leader", "a leader can't ask for pre-votes");
  core.role = "pre_candidate";
  // Kept, the old leader's name would make this node refuse the others' pre-votes for ever.
  core.leaderId = 0;
  core.transferElection = false;
  core.votes.clear();
  core.votes.set(core.id, true);
}

/** Enters a new term with a vote for itself, which counts once it is durable (paper §5.2). */
export function becomeCandidate(core: Core, transfer: boolean): void {
  invariant(core.role !== "leader", "a leader can't stand for election");
  core.role = "candidate";
  core.term += 1;
  core.votedFor = core.id;
  core.leaderId = 0;
  core.transferElection = transfer;
  core.votes.clear();
}

/** Leads: opens the term with an entry, which commits all that came before it (paper §5.4.2, §8). */
export function becomeLeader(core: Core): void {
  invariant(core.role === "candidate", `a ${core.role} can't become leader`);
  core.role = "leader";
  core.leaderId = core.id;
  core.fast = false;
  core.transferElection = false;
  core.votes.clear();
  const next = lastIndex(core.log) + 1;
  core.leader = {
    progress: initialProgress(core),
    termStartIndex: next,
    heartbeatDueMs: core.nowMs,
    newsDueMs: Infinity,
    dueMs: core.nowMs,
    round: 1,
    queuedReads: [],
    readRounds: [],
    transfer: null,
    yieldDueMs: core.nowMs,
    leaseRevoked: false,
    uncommittedBytes: 0,
  };
  recountUncommitted(core, core.leader);
  appendOwn(core, core.leader, "noop", new Uint8Array());
}

function initialProgress(core: Core): Map<NodeId, Progress> {
  const progress = new Map<NodeId, Progress>();
  const next = lastIndex(core.log) + 1;
  for (const member of configurationOf(core).members) {
    if (member.id === core.id) continue;
    const peer = createProgress(member.id, next, core.nowMs);
    peer.gone = core.gone.has(member.id);
    progress.set(member.id, peer);
  }
  return progress;
}
