import { invariant } from "../../base/mod.ts";
import { maybeCommit } from "./commit.ts";
import {
  COMMIT_NEWS_DELAY_MS,
  EAGER_RATIO,
  GATHER_BYTES,
  GATHER_ENTRIES,
  GATHER_MS,
} from "./limits.ts";
import {
  conflictByTerm,
  lastIndex,
  type Log,
  sizeOf,
  slice,
  termAt,
} from "./log.ts";
import type { AppendResponse } from "./messages.ts";
import { send } from "./outbox.ts";
import {
  acknowledge,
  addInflight,
  becomeReplicate,
  freeOneInflight,
  type Progress,
  reject,
} from "./progress.ts";
import type { Core, LeaderState } from "./state.ts";
import { maybePromote } from "./membership.ts";
import { beginSnapshot } from "./snapshot_send.ts";
import { continueTransfer } from "./transfer.ts";
import type { Entry, NodeId } from "./types.ts";

/** Sends every member what it lacks, as far as its window allows (paper §5.3). */
export function replicate(core: Core, leader: LeaderState): void {
  const isDue = core.nowMs >= leader.newsDueMs;
  if (isDue) leader.newsDueMs = Infinity;
  for (const progress of leader.progress.values()) {
    replicateTo(core, progress);
    tellCommit(core, leader, progress, isDue);
  }
}

function replicateTo(core: Core, progress: Progress): void {
  const { log } = core;
  const { state } = progress;
  if (state.kind === "snapshot") return;
  if (progress.next <= log.baseIndex) {
    beginSnapshot(core, progress);
    return;
  }
  if (state.kind === "probe") {
    if (state.sent) return;
    state.sent = true;
    sendAppend(core, progress, nextEntries(core, progress));
    return;
  }
  if (isGathering(core, progress)) return;
  while (progress.next <= lastIndex(log) && hasRoom(core, progress)) {
    const entries = nextEntries(core, progress);
    sendAppend(core, progress, entries);
    progress.next += entries.length;
    addInflight(progress, progress.next - 1, bytesOf(entries));
  }
}

/**
 * Lets entries gather while an append is unanswered, a moment at most: each message costs sender and
 * receiver more than the entries in it.
 */
function isGathering(core: Core, progress: Progress): boolean {
  const { log } = core;
  const waiting = lastIndex(log) - progress.next + 1;
  const isSmall = waiting > 0 && waiting < GATHER_ENTRIES &&
    progress.inflight.length > 0 &&
    bytesOf(slice(log, progress.next, waiting, GATHER_BYTES)) < GATHER_BYTES;
  if (!isSmall || core.nowMs >= progress.gatherDueMs) {
    progress.gatherDueMs = Infinity;
    return false;
  }
  progress.gatherDueMs = Math.min(
    progress.gatherDueMs,
    core.nowMs + GATHER_MS,
  );
  return true;
}

function hasRoom(core: Core, progress: Progress): boolean {
  const { maxInflightMessages, maxInflightBytes } = core.options;
  return progress.inflight.length < maxInflightMessages &&
    progress.inflightBytes < maxInflightBytes;
}

function nextEntries(core: Core, progress: Progress): Entry[] {
  const { maxAppendEntries, maxAppendBytes } = core.options;
  return slice(core.log, progress.next, maxAppendEntries, maxAppendBytes);
}

function bytesOf(entries: readonly Entry[]): number {
  let bytes = 0;
  for (const entry of entries) bytes += sizeOf(entry);
  return bytes;
}

function sendAppend(
  core: Core,
  progress: Progress,
  entries: readonly Entry[],
): void {
  const prevIndex = progress.next - 1;
  send(core, progress.id, {
    kind: "append",
    prevIndex,
    prevTerm: termOf(core.log, prevIndex),
    entries,
    commit: core.commit,
  });
  progress.sentCommit = Math.max(
    progress.sentCommit,
    Math.min(core.commit, prevIndex + entries.length),
  );
}

function termOf(log: Log, index: number): number {
  const term = termAt(log, index);
  invariant(term !== null, `the log does not reach ${index}`);
  return term;
}

/**
 * Tells a member of commits: at once if somebody there waits for a result, else soon, for the next
 * append may carry the news along.
 */
function tellCommit(
  core: Core,
  leader: LeaderState,
  progress: Progress,
  isDue: boolean,
): void {
  const commit = Math.min(core.commit, progress.match);
  if (commit <= progress.sentCommit || progress.gone) return;
  if (!isDue && core.nowMs >= progress.eagerUntilMs) {
    leader.newsDueMs = Math.min(
      leader.newsDueMs,
      core.nowMs + COMMIT_NEWS_DELAY_MS,
    );
    return;
  }
  progress.sentCommit = commit;
  send(core, progress.id, { kind: "heartbeat", commit, round: 0, sentAtMs: 0 });
}

/** Takes a follower's answer to an append (paper §5.3). */
export function onAppendResponse(core: Core, response: AppendResponse): void {
  const { leader } = core;
  const progress = leader?.progress.get(response.from);
  if (!leader || !progress) return;
  progress.lastContactMs = core.nowMs;
  if (!response.ok) {
    onRejected(core, progress, response);
    return;
  }
  invariant(
    response.index <= lastIndex(core.log),
    `member ${progress.id} acknowledged ${response.index} beyond the log's end`,
  );
  const news = acknowledge(progress, response.index);
  leaveProbe(progress);
  if (!news) return;
  maybeCommit(core);
  if (core.leader !== leader) return;
  maybePromote(core, leader, progress);
  continueTransfer(core, leader, progress);
}

function onRejected(
  core: Core,
  progress: Progress,
  response: AppendResponse,
): void {
  const { hintIndex, hintTerm } = response;
  const hint = conflictByTerm(core.log, hintIndex, hintTerm);
  reject(progress, response.index, hint);
}

/** Streams again once the probe was answered, or the snapshot turned out not to be needed any more. */
function leaveProbe(progress: Progress): void {
  const { state } = progress;
  if (state.kind === "probe") becomeReplicate(progress);
  if (state.kind === "snapshot" && progress.match >= state.snapshot.index) {
    becomeReplicate(progress);
  }
}

/**
 * Sends an append without entries to a member whose answers stopped coming: if an earlier one was
 * lost, this one does not match, and the member is probed anew.
 */
export function pokeIfStuck(core: Core, progress: Progress): void {
  // Reads make heartbeats as frequent as messages; a poke may carry a whole append.
  if (core.nowMs - progress.pokedAtMs < core.options.heartbeatIntervalMs) {
    return;
  }
  const { state } = progress;
  if (state.kind === "probe") {
    progress.pokedAtMs = core.nowMs;
    state.sent = false;
    return;
  }
  if (state.kind !== "replicate" || progress.match >= progress.next - 1) return;
  // What comes before `next` was compacted in the same turn: a snapshot is about to be sent.
  if (progress.next <= core.log.baseIndex) return;
  progress.pokedAtMs = core.nowMs;
  if (!hasRoom(core, progress)) freeOneInflight(progress);
  sendAppend(core, progress, []);
}

/** Notes that a member waits for results, so that it hears of commits at once. */
export function noteEager(core: Core, id: NodeId): void {
  const progress = core.leader?.progress.get(id);
  if (!progress) return;
  progress.eagerUntilMs = core.nowMs +
    core.options.electionTimeoutMs * EAGER_RATIO;
}
