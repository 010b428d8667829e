import type { Index, ReadOutcome } from "../core/mod.ts";
import { RaftError } from "../errors.ts";

/** Called once: with null when the machine may be read, else with why not. */
export type ReadDone = (error: RaftError | null) => void;

/** Somebody who waits for a read. */
export interface Reader {
  readonly deadlineMs: number;
  readonly done: ReadDone;
}

/** Reads that one request to the leader carries. */
export interface ReadRequest {
  readers: readonly Reader[];
  readonly sentAtMs: number;
}

/** Reads that wait: for the next request, for the leader's answer, or for the machine to catch up. */
export interface Reads {
  nextRequestId: number;
  /** Those that the next request carries. */
  queued: Reader[];
  /** Those that were refused: asked again at the next sweep, when there may be a leader. */
  refused: Reader[];
  readonly requests: Map<number, ReadRequest>;
  /** Confirmed ones, which wait for the machine to reach `index`. */
  ready: { readonly index: Index; readonly readers: readonly Reader[] }[];
  waiting: number;
  sweepAtMs: number;
}

/** How many reads of a node may wait. */
export const MAX_PENDING_READS = 16384;
/** How often deadlines and lost answers are looked for. */
export const READ_SWEEP_INTERVAL_MS = 20;

/**
 * Makes the book of reads.
 *
 * @param firstRequestId Drawn at random, so that an answer to a former process finds nobody.
 */
export function createReads(firstRequestId: number): Reads {
  return {
    nextRequestId: firstRequestId,
    queued: [],
    refused: [],
    requests: new Map(),
    ready: [],
    waiting: 0,
    sweepAtMs: Infinity,
  };
}

/** Takes a read in. */
export function addRead(
  reads: Reads,
  nowMs: number,
  deadlineMs: number,
  done: ReadDone,
): void {
  if (reads.waiting >= MAX_PENDING_READS) {
    const message = `${MAX_PENDING_READS} reads of this node wait; try again`;
    done(new RaftError("busy", message));
    return;
  }
  reads.waiting += 1;
  reads.queued.push({ deadlineMs, done });
  if (reads.sweepAtMs === Infinity) {
    reads.sweepAtMs = nowMs + READ_SWEEP_INTERVAL_MS;
  }
}

/** Puts all queued reads on one request; null when there is none or nobody to ask. */
export function takeRequest(
  reads: Reads,
  nowMs: number,
  hasLeader: boolean,
): number | null {
  if (reads.queued.length === 0 || !hasLeader) return null;
  const requestId = reads.nextRequestId++;
  reads.requests.set(requestId, { readers: reads.queued, sentAtMs: nowMs });
  reads.queued = [];
  return requestId;
}

/** Takes the answer to a request. */
export function onReadOutcome(reads: Reads, outcome: ReadOutcome): void {
  const request = reads.requests.get(outcome.requestId);
  if (!request) return;
  if (outcome.kind === "ready") return confirm(reads, outcome);
  reads.requests.delete(outcome.requestId);
  for (const reader of request.readers) reads.refused.push(reader);
}

/** What the leader confirms for a request holds for all that were asked before, whose answers may be lost. */
function confirm(
  reads: Reads,
  { requestId, index }: Extract<ReadOutcome, { kind: "ready" }>,
): void {
  for (const [id, { readers }] of reads.requests) {
    if (id > requestId) return;
    reads.requests.delete(id);
    reads.ready.push({ index, readers });
  }
}

/** Answers the reads that the machine has caught up with. */
export function answerReads(reads: Reads, applied: Index): void {
  if (reads.ready.length === 0) return;
  const due = reads.ready.filter(({ index }) => index <= applied);
  if (due.length === 0) return;
  reads.ready = reads.ready.filter(({ index }) => index > applied);
  for (const { readers } of due) {
    for (const reader of readers) finish(reads, reader, null);
  }
}

/** Ends what took too long, and asks again where the answer seems lost. */
export function sweepReads(
  reads: Reads,
  nowMs: number,
  resendAfterMs: number,
): void {
  if (nowMs < reads.sweepAtMs) return;
  for (const [requestId, request] of reads.requests) {
    request.readers = endLate(reads, request.readers, nowMs, lateError);
    if (nowMs - request.sentAtMs < resendAfterMs) continue;
    reads.requests.delete(requestId);
    for (const reader of request.readers) reads.queued.push(reader);
  }
  reads.queued.push(...reads.refused);
  reads.refused = [];
  reads.queued = endLate(reads, reads.queued, nowMs, lateError);
  reads.ready = reads.ready.map(({ index, readers }) => ({
    index,
    readers: endLate(reads, readers, nowMs, behindError),
  }));
  const idle = reads.waiting === 0;
  reads.sweepAtMs = idle ? Infinity : nowMs + READ_SWEEP_INTERVAL_MS;
}

/** Ends the readers whose time is over; returns the others. */
function endLate(
  reads: Reads,
  readers: readonly Reader[],
  nowMs: number,
  error: () => RaftError,
): Reader[] {
  const inTime: Reader[] = [];
  for (const reader of readers) {
    if (nowMs < reader.deadlineMs) inTime.push(reader);
    else finish(reads, reader, error());
  }
  return inTime;
}

function behindError(): RaftError {
  const message = "This node has not caught up with the leader in time; " +
    "try again, or read from another node";
  return new RaftError("busy", message);
}

function lateError(): RaftError {
  const message = "No leader with a majority confirmed the read in time; " +
    "try again, or read stale";
  return new RaftError("no_quorum", message);
}

/** Ends every read. */
export function failReads(reads: Reads, error: RaftError): void {
  const readers = [
    ...reads.queued,
    ...reads.refused,
    ...[...reads.requests.values()].flatMap((request) => request.readers),
    ...reads.ready.flatMap(({ readers }) => readers),
  ];
  reads.queued = [];
  reads.refused = [];
  reads.requests.clear();
  reads.ready = [];
  for (const reader of readers) finish(reads, reader, error);
}

function finish(reads: Reads, reader: Reader, error: RaftError | null): void {
  reads.waiting -= 1;
  reader.done(error);
}
