import { configurationCommitted } from "./commit.ts";
import { latestConfiguration } from "./configuration.ts";
import { LEASE_DRIFT_RATIO } from "./limits.ts";
import type { ReadIndexRequest, ReadIndexResponse } from "./messages.ts";
import { send } from "./outbox.ts";
import type { Progress } from "./progress.ts";
import { majorityValue } from "./quorum.ts";
import { refuseRead } from "./refusals.ts";
import { noteEager } from "./replication.ts";
import {
  configurationOf,
  type Core,
  type LeaderState,
  type PendingRead,
  type ReadRound,
} from "./state.ts";
import type { Index } from "./types.ts";

/** Takes a read of this node's own. */
export function onRead(core: Core, requestId: number): void {
  const read: PendingRead = { requestId, from: 0 };
  if (core.leader) {
    takeRead(core, core.leader, read);
    return;
  }
  if (core.leaderId === 0) {
    refuseRead(core, read, "no_leader");
    return;
  }
  send(core, core.leaderId, { kind: "read_index", requestId });
}

/** Takes a follower's read (dissertation §6.4). */
export function onReadIndex(core: Core, request: ReadIndexRequest): void {
  const read = { requestId: request.requestId, from: request.from };
  noteEager(core, request.from);
  if (core.leader) takeRead(core, core.leader, read);
  else refuseRead(core, read, "no_leader");
}

/** Takes the leader's answer; whatever its term, a majority confirmed it after the read began. */
export function onReadIndexResponse(
  core: Core,
  response: ReadIndexResponse,
): void {
  const { requestId, index } = response;
  core.outbox.reads.push(
    index > 0
      ? { kind: "ready", requestId, index }
      : { kind: "refused", requestId, reason: "no_leader" },
  );
}

function takeRead(core: Core, leader: LeaderState, read: PendingRead): void {
  if (leaseHolds(core, leader)) {
    answerRead(core, read, core.commit);
    return;
  }
  if (leader.queuedReads.length >= core.options.maxPendingReads) {
    refuseRead(core, read, "busy");
    return;
  }
  leader.queuedReads.push(read);
}

/**
 * Whether reads need no confirmation now: a majority promised lately to elect nobody else, nobody was
 * asked to break that promise, and no configuration that may still come allows it.
 */
export function leaseHolds(core: Core, leader: LeaderState): boolean {
  if (!configurationOf(core).leaseReads || leader.leaseRevoked) return false;
  if (leader.transfer || !configurationCommitted(core)) return false;
  if (core.commit < leader.termStartIndex) return false;
  // A member that might not find this configuration after a restart would forget its promise then.
  const { index } = latestConfiguration(core.configurations);
  const promisedFrom = ({ match, leaseFromMs }: Progress): number =>
    match >= index ? leaseFromMs : -Infinity;
  const sinceMs = majorityValue(
    perVoter(core, leader, core.nowMs, promisedFrom),
  );
  const leaseMs = core.options.electionTimeoutMs * (1 - LEASE_DRIFT_RATIO);
  return core.nowMs < sinceMs + leaseMs;
}

/** One value for each voter: `own` for this node, `of` its progress for the others. */
export function perVoter(
  core: Core,
  leader: LeaderState,
  own: number,
  of: (progress: Progress) => number,
): number[] {
  const values: number[] = [];
  for (const member of configurationOf(core).members) {
    if (member.role === "learner") continue;
    const progress = leader.progress.get(member.id);
    if (member.id === core.id) values.push(own);
    else values.push(progress ? of(progress) : -Infinity);
  }
  return values;
}

/**
 * Puts the reads that wait on a round of heartbeats, one round at a time so that reads gather. A
 * leader knows what is committed only once it committed an entry of its own term.
 *
 * @returns Whether a round begins, so heartbeats must go out.
 */
export function beginReadRound(core: Core, leader: LeaderState): boolean {
  if (leader.queuedReads.length === 0) return false;
  if (core.commit < leader.termStartIndex) return false;
  const pending = leader.readRounds[leader.readRounds.length - 1];
  const waits = pending !== undefined &&
    core.nowMs - pending.sentAtMs < core.options.heartbeatIntervalMs;
  if (waits) return false;
  leader.round += 1;
  leader.readRounds.push({
    round: leader.round,
    index: core.commit,
    sentAtMs: core.nowMs,
    reads: leader.queuedReads.splice(0),
  });
  return true;
}

/** Answers the reads whose round a majority has answered. */
export function confirmReads(core: Core, leader: LeaderState): void {
  if (leader.readRounds.length === 0) return;
  const confirmed = majorityValue(
    perVoter(core, leader, leader.round, (progress) => progress.ackedRound),
  );
  while (isConfirmed(leader.readRounds[0], confirmed)) {
    const round = leader.readRounds.shift();
    for (const read of round?.reads ?? []) {
      answerRead(core, read, round?.index ?? 0);
    }
  }
}

function isConfirmed(round: ReadRound | undefined, confirmed: number): boolean {
  return round !== undefined && round.round <= confirmed;
}

function answerRead(core: Core, read: PendingRead, index: Index): void {
  const { requestId, from } = read;
  if (from === 0) {
    core.outbox.reads.push({ kind: "ready", requestId, index });
    return;
  }
  send(core, from, { kind: "read_index_response", requestId, index });
}
