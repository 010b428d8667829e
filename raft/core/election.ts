import { draw } from "../../base/mod.ts";
import {
  configurationAt,
  latestConfiguration,
  memberOf,
  votersOf,
} from "./configuration.ts";
import { configurationCommitted } from "./commit.ts";
import { refuseVote } from "./held_votes.ts";
import {
  FAST_ELECTION_STEP_MS,
  FAST_RETRY_MAX_MS,
  FAST_RETRY_MIN_MS,
} from "./limits.ts";
import { isUpToDate, lastIndex, lastTerm } from "./log.ts";
import type { VoteRequest, VoteResponse } from "./messages.ts";
import {
  answer,
  answerWhenDurable,
  sendInTerm,
  sendWhenDurable,
} from "./outbox.ts";
import { countVotes } from "./quorum.ts";
import {
  becomeCandidate,
  becomeFollower,
  becomeLeader,
  becomePreCandidate,
} from "./roles.ts";
import {
  configurationOf,
  type Core,
  diskStalled,
  mayHaveLeases,
  ownMember,
  resetElectionDeadline,
} from "./state.ts";
import type { MemberRole } from "./types.ts";

/** Whether this node may stand for election. */
export function mayCampaign(core: Core): boolean {
  const role = ownMember(core)?.role ?? committedRole(core);
  return (role === "voter" || role === "witness") && core.removedAt === 0 &&
    core.receiving?.stage !== "installing" && !diskStalled(core);
}

/**
 * What the committed configuration makes of a node that the one in force no longer has: it may be
 * the only one that holds its removal, and then nobody else can win (dissertation §4.2.2).
 */
function committedRole(core: Core): MemberRole | undefined {
  const { configuration } = configurationAt(core.configurations, core.commit);
  const member = memberOf(configuration, core.id);
  return member?.incarnation === core.incarnation ? member.role : undefined;
}

/** Begins an election with pre-votes, or puts it off where this node may not stand. */
export function startElection(core: Core): void {
  resetElectionDeadline(core);
  if (hasPromised(core)) return;
  if (!mayCampaign(core)) {
    becomeFollower(core, core.term, 0);
    return;
  }
  if (core.fast) {
    core.electionDeadlineMs = core.nowMs + core.options.heartbeatIntervalMs;
  }
  becomePreCandidate(core);
  askForVotes(core, "pre_vote");
  settlePreVotes(core);
}

/** Stands for election at once, as the leader asked (dissertation §3.10). */
export function startTransferElection(core: Core): void {
  if (!mayCampaign(core)) return;
  becomeCandidate(core, true);
  resetElectionDeadline(core);
  askForVotes(core, "vote");
}

/** A promise that a lease rests on binds this node as a candidate too, whoever tells it to stand. */
function hasPromised(core: Core): boolean {
  return mayHaveLeases(core) && core.nowMs < core.stickyUntilMs;
}

function askForVotes(core: Core, kind: "pre_vote" | "vote"): void {
  const body = {
    kind,
    lastIndex: lastIndex(core.log),
    lastTerm: lastTerm(core.log),
    early: core.fast,
    transfer: core.transferElection,
  };
  for (const voter of votersOf(configurationOf(core))) {
    if (voter === core.id) continue;
    if (kind === "vote") sendWhenDurable(core, voter, body);
    else sendInTerm(core, voter, core.term + 1, body);
  }
}

/** Answers a request for a vote or a pre-vote (paper §5.2, §5.4.1; dissertation §9.6). */
export function onVoteRequest(core: Core, request: VoteRequest): void {
  if (request.term < core.term || isPremature(core, request)) {
    refuseVote(core, request);
    return;
  }
  if (isRemoved(core, request)) {
    tellRemoved(core, request);
    return;
  }
  if (isBoundToLeader(core, request)) {
    considerEarlyVote(core, request);
    return;
  }
  decideVote(core, request);
}

/** A node that knows of no group yet votes for nobody (FAILOVER R34); a pre-vote asks for a new term. */
function isPremature(core: Core, request: VoteRequest): boolean {
  if (configurationOf(core).members.length === 0) return true;
  return request.kind === "pre_vote" && request.term === core.term;
}

/** A candidate that a committed configuration no longer has, and whose log does not know it. */
function isRemoved(core: Core, request: VoteRequest): boolean {
  if (!configurationCommitted(core)) return false;
  const member = memberOf(configurationOf(core), request.from);
  if (member?.incarnation === request.fromIncarnation) return false;
  return !isUpToDate(core.log, request.lastIndex, request.lastTerm);
}

function tellRemoved(core: Core, request: VoteRequest): void {
  answer(core, request, core.term, {
    kind: request.kind === "vote" ? "vote_response" : "pre_vote_response",
    granted: false,
    removedAt: latestConfiguration(core.configurations).index,
  });
}

/** While its leader lives, a voter moves neither its term nor its vote (dissertation §4.2.3). */
function isBoundToLeader(core: Core, request: VoteRequest): boolean {
  if (request.transfer) return false;
  if (core.role === "leader") return true;
  if (core.nowMs >= core.stickyUntilMs) return false;
  if (mayHaveLeases(core)) return true;
  // A leader that asks for votes itself does not lead any more.
  return core.leaderId !== 0 && core.leaderId !== request.from;
}

/** Grants early, before the promise ran out, only on evidence of this node's own. */
function considerEarlyVote(core: Core, request: VoteRequest): void {
  const { leaderId } = core;
  const possible = request.early && core.role === "follower" &&
    leaderId !== 0 && !mayHaveLeases(core);
  if (!possible) {
    refuseVote(core, request);
    return;
  }
  if (core.gone.has(leaderId)) {
    decideVote(core, request);
    return;
  }
  core.heldVotes.set(request.from, request);
  core.outbox.probes.push(leaderId);
}

/** Decides on log and vote alone. */
export function decideVote(core: Core, request: VoteRequest): void {
  const upToDate = isUpToDate(core.log, request.lastIndex, request.lastTerm);
  if (request.kind === "pre_vote") {
    if (!upToDate) {
      refuseVote(core, request);
      hurryIfBetter(core);
      return;
    }
    answer(core, request, request.term, {
      kind: "pre_vote_response",
      granted: true,
      removedAt: 0,
    });
    return;
  }
  if (request.term > core.term) becomeFollower(core, request.term, 0);
  const free = core.votedFor === 0 || core.votedFor === request.from;
  if (!free || !upToDate) {
    refuseVote(core, request);
    if (!upToDate) hurryIfBetter(core);
    return;
  }
  if (core.role !== "follower") becomeFollower(core, core.term, 0);
  core.votedFor = request.from;
  resetElectionDeadline(core);
  answerWhenDurable(core, request, {
    kind: "vote_response",
    granted: true,
    removedAt: 0,
  });
}

/** A survivor with a better log than the one who asked stands at once. */
function hurryIfBetter(core: Core): void {
  const idle = core.role === "follower" && core.gone.has(core.leaderId);
  if (idle) core.electionDeadlineMs = core.nowMs;
}

/** Counts a vote or pre-vote. */
export function onVoteResponse(core: Core, response: VoteResponse): void {
  const ownIndex = latestConfiguration(core.configurations).index;
  const isNews = response.removedAt > 0 && response.removedAt >= ownIndex;
  if (isNews && core.role !== "leader") {
    core.removedAt = response.removedAt;
    becomeFollower(core, core.term, 0);
    return;
  }
  const expected = core.role === "pre_candidate"
    ? "pre_vote_response"
    : "vote_response";
  if (response.kind !== expected) return;
  if (core.role === "pre_candidate") {
    // A grant speaks of the term to come, a refusal of the voter's own.
    if (response.granted && response.term !== core.term + 1) return;
    core.votes.set(response.from, response.granted);
    settlePreVotes(core);
    return;
  }
  if (core.role !== "candidate" || response.term !== core.term) return;
  core.votes.set(response.from, response.granted);
  settleVotes(core);
}

function settlePreVotes(core: Core): void {
  const outcome = outcomeOf(core);
  if (outcome === "pending") return;
  if (outcome === "lost") {
    giveUp(core);
    return;
  }
  becomeCandidate(core, false);
  // Its own vote and those of others go to disk first: a fast election too gives them their time.
  resetElectionDeadline(core);
  askForVotes(core, "vote");
}

/** Counts the candidate's own vote, which is durable now. */
export function onOwnVoteDurable(core: Core): void {
  if (core.role !== "candidate") return;
  const { term, votedFor } = core.durableHardState;
  if (term !== core.term || votedFor !== core.id) return;
  core.votes.set(core.id, true);
  settleVotes(core);
}

/**
 * How an election stands. Who is gone is not waited for: where two survivors of three have voted for
 * themselves, both would else wait a whole timeout for the vote of the dead.
 */
function outcomeOf(core: Core): ReturnType<typeof countVotes> {
  const votes = new Map(core.votes);
  for (const id of core.gone) if (!votes.has(id)) votes.set(id, false);
  return countVotes(votersOf(configurationOf(core)), votes);
}

function settleVotes(core: Core): void {
  const outcome = outcomeOf(core);
  if (outcome === "won") becomeLeader(core);
  if (outcome === "lost") giveUp(core);
}

/** Follows again after an election that can't be won, and tries again soon if nobody can lead. */
function giveUp(core: Core): void {
  becomeFollower(core, core.term, 0);
  if (!core.fast) return;
  const span = FAST_RETRY_MAX_MS - FAST_RETRY_MIN_MS;
  core.electionDeadlineMs = core.nowMs + FAST_RETRY_MIN_MS +
    draw(core.random) * span;
}

/**
 * The leader's process is gone: survivors start without waiting for the timeout, one after the other
 * so that the first wins.
 */
export function scheduleFastElection(core: Core): void {
  if (mayHaveLeases(core) || !mayCampaign(core)) return;
  core.fast = true;
  const startMs = core.nowMs + rankOf(core) * FAST_ELECTION_STEP_MS;
  core.electionDeadlineMs = Math.min(core.electionDeadlineMs, startMs);
}

/** How many members come before this one: witnesses come last, else the id decides. */
function rankOf(core: Core): number {
  const own = ownMember(core);
  let rank = 0;
  for (const member of configurationOf(core).members) {
    const out = member.id === core.id || member.role === "learner" ||
      core.gone.has(member.id);
    if (out) continue;
    const before = member.role === own?.role
      ? member.id < core.id
      : own?.role === "witness";
    if (before) rank++;
  }
  return rank;
}

/** A voter for whom the leader was probed: its process is gone. */
export function grantHeldVotes(core: Core): void {
  const held: VoteRequest[] = [...core.heldVotes.values()];
  core.heldVotes.clear();
  for (const request of held) onVoteRequest(core, request);
}
