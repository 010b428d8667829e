import type { Index, NodeId, SnapshotMeta } from "./types.ts";

/** How a leader sends to a follower. */
export type ProgressState =
  /** Looks for the last matching entry: one append at a time. */
  | { readonly kind: "probe"; sent: boolean }
  /** Streams: appends are sent before earlier ones are answered. */
  | { readonly kind: "replicate" }
  /** Sends a snapshot; `waiting` while a chunk is on its way. */
  | {
    readonly kind: "snapshot";
    readonly snapshot: SnapshotMeta;
    offset: number;
    waiting: boolean;
    sentAtMs: number;
  };

/** An append that was not answered yet. */
export interface Inflight {
  readonly lastIndex: Index;
  readonly bytes: number;
}

/** What a leader knows of another member. */
export interface Progress {
  readonly id: NodeId;
  /** The highest index known to be durable there. */
  match: Index;
  /** The next index to send. */
  next: Index;
  state: ProgressState;
  /** The commit index that it was told. */
  sentCommit: Index;
  /** Until when it is told of commits at once: it forwards proposals or reads. */
  eagerUntilMs: number;
  /** Until when entries gather for the next append; Infinity when none do. */
  gatherDueMs: number;
  /** When it last answered in this term. */
  lastContactMs: number;
  /** The highest read round that it answered. */
  ackedRound: number;
  /** The leader's clock when the heartbeat left that it answered last. */
  leaseFromMs: number;
  /** When it was last asked whether an append got lost. */
  pokedAtMs: number;
  /** Its process is gone, as far as the transport knows. */
  gone: boolean;
  readonly inflight: Inflight[];
  inflightBytes: number;
}

/** What a new leader assumes of a member (paper, figure 2). */
export function createProgress(
  id: NodeId,
  next: Index,
  nowMs: number,
): Progress {
  return {
    id,
    match: 0,
    next,
    state: { kind: "probe", sent: false },
    sentCommit: 0,
    eagerUntilMs: -Infinity,
    gatherDueMs: Infinity,
    lastContactMs: nowMs,
    ackedRound: 0,
    leaseFromMs: -Infinity,
    pokedAtMs: nowMs,
    gone: false,
    inflight: [],
    inflightBytes: 0,
  };
}

/** Goes back to one append at a time, from what is known to match. */
export function becomeProbe(progress: Progress): void {
  progress.next = progress.match + 1;
  progress.state = { kind: "probe", sent: false };
  clearInflight(progress);
}

/** Streams from the first entry that is not known to be there. */
export function becomeReplicate(progress: Progress): void {
  progress.next = progress.match + 1;
  progress.state = { kind: "replicate" };
  clearInflight(progress);
}

/** Waits until a snapshot is installed there. */
export function becomeSnapshot(
  progress: Progress,
  snapshot: SnapshotMeta,
): void {
  progress.state = {
    kind: "snapshot",
    snapshot,
    offset: 0,
    waiting: false,
    sentAtMs: 0,
  };
  clearInflight(progress);
}

/** Notes an append that was sent. */
export function addInflight(
  progress: Progress,
  lastIndex: Index,
  bytes: number,
): void {
  progress.inflight.push({ lastIndex, bytes });
  progress.inflightBytes += bytes;
}

/** Notes that everything up to `index` arrived; returns whether that was news. */
export function acknowledge(progress: Progress, index: Index): boolean {
  let answered = 0;
  for (const sent of progress.inflight) {
    if (sent.lastIndex > index) break;
    progress.inflightBytes -= sent.bytes;
    answered++;
  }
  if (answered > 0) progress.inflight.splice(0, answered);
  if (index <= progress.match) return false;
  progress.match = index;
  progress.next = Math.max(progress.next, index + 1);
  return true;
}

/** Makes room for one append more, so that a lost answer can't stop the stream for ever. */
export function freeOneInflight(progress: Progress): void {
  const first = progress.inflight.shift();
  if (first) progress.inflightBytes -= first.bytes;
}

/**
 * Notes that the append after `rejected` did not match; the next one follows `hint`.
 *
 * @returns False when the rejection is of an earlier time and says nothing new.
 */
export function reject(
  progress: Progress,
  rejected: Index,
  hint: Index,
): boolean {
  if (progress.state.kind === "snapshot") return false;
  if (progress.state.kind === "replicate") {
    if (rejected <= progress.match) return false;
    becomeProbe(progress);
    return true;
  }
  if (progress.next - 1 !== rejected) return false;
  progress.next = Math.max(
    Math.min(rejected, hint + 1),
    progress.match + 1,
    1,
  );
  progress.state.sent = false;
  return true;
}

function clearInflight(progress: Progress): void {
  progress.inflight.length = 0;
  progress.inflightBytes = 0;
}
