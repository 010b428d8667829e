/**
 * Recovery: tells what a crash may leave from what only damage can, and loses nothing acknowledged.
 *
 * What a crash may leave. Segments are zeros until a record is written, and bytes are written once
 * (what was cut is overwritten with zeros). So a write that was never acknowledged may show as any
 * mixture of whole sectors of it and zeros, or as its first bytes followed by zeros. Everything else is
 * damage, and stops the start with file and offset. A record is at fault when
 *
 * - a later record says that it was written when this one was durable already (records carry how far
 *   the segment was synced before them; a commit index that is written without a sync claims nothing);
 * - a later segment was begun: its header says where this one ends;
 * - no torn write looks like it: first and last byte of header and body are there, and no more of its
 *   sectors are zero than when it was made (the header counts them). Therefore any flipped bit is told
 *   from a torn write, in the very last record as well.
 *
 * What cannot be told: the last acknowledged record when whole sectors of it, or its end, came to be
 * zeros, and nothing was written after it. That is a disk which lost what it said was durable, or an
 * overwriting with zeros. A clean stop and every start write evidence behind it, in a sector of its
 * own, which closes this gap; between them it is open for the last batch only. The loss of the last
 * segment's whole file, name included, cannot be told either.
 *
 * @module
 */
import { invariant, present } from "../../base/mod.ts";
import type { Entry, HardState, Index } from "../core/mod.ts";
import type { LogIdentity } from "../ports.ts";
import { CorruptLogError } from "./errors.ts";
import { lastUsed, viewOf } from "./format.ts";
import {
  decodeBase,
  decodeBatch,
  type Finding,
  inspectRecord,
  type LogPosition,
  readHeader,
  RECORD_ALIGNMENT,
  type RecordKind,
} from "./record.ts";
import {
  type HeadFinding,
  inspectHead,
  SEGMENT_HEADER_BYTES,
  type SegmentHeader,
  segmentName,
} from "./segment.ts";

/** A segment's file, as read. */
export interface SegmentBytes {
  /** The file, as errors name it. */
  readonly name: string;
  readonly sequence: number;
  readonly bytes: Uint8Array;
}

/** A recovered segment. */
export interface RecoveredSegment {
  readonly sequence: number;
  /** The highest index of any entry in it, overwritten ones too; 0 without entries. */
  readonly maxIndex: Index;
}

/** Where the last segment's records end. */
export interface RecoveredTail {
  readonly sequence: number;
  /** Where the next record goes. */
  readonly end: number;
  /** How far the records themselves prove that they were synced. */
  readonly durable: number;
  /** The end of what is not zero; beyond `end` it is what a torn write left. */
  readonly usedEnd: number;
  /** Why something was cut, or null. */
  readonly cut: string | null;
  /** Whether the last record holds nothing that would be missed. */
  readonly sealed: boolean;
}

/** What segments hold. */
export interface RecoveredLog {
  readonly identity: LogIdentity;
  readonly hardState: HardState;
  readonly base: LogPosition;
  /** The entries after the base; their data are views into the segments. */
  readonly entries: Entry[];
  readonly segments: readonly RecoveredSegment[];
  readonly tail: RecoveredTail;
  /** Numbers of segments that no record was written to yet. */
  readonly unused: readonly number[];
  /** Numbers of segments that an interrupted compaction left over. */
  readonly leftover: readonly number[];
}

interface Headed {
  readonly segment: SegmentBytes;
  readonly header: SegmentHeader;
}

/** The log while its records are played back. */
interface Replay {
  hardState: HardState;
  base: LogPosition;
  entries: Entry[];
  last: LogPosition;
  /** The first segment begins amid the log; a compaction or reset must account for what is before. */
  needsBase: boolean;
  maxIndex: Index;
  /** The segments already played back. */
  segments: RecoveredSegment[];
  /** Whether the last record holds nothing that would be missed. */
  sealed: boolean;
  durable: number;
}

/**
 * Recovers a log from its segments. Changes nothing; what it cut is to be overwritten with zeros
 * before the log goes on.
 *
 * @param segments The segments in ascending order, unused ones included.
 * @returns What they hold, or null when no log was ever begun in them.
 * @throws {CorruptLogError} When something is damaged or missing that no crash can have damaged.
 * @throws {NewerFormatError} When a newer version wrote a segment.
 */
export function recoverSegments(
  segments: readonly SegmentBytes[],
): RecoveredLog | null {
  const heads = segments.map((segment) =>
    inspectHead(segment.bytes, segment.name)
  );
  const active = heads.findLastIndex((head) => head.state === "header");
  for (let at = active + 1; at < segments.length; at++) {
    requireUnused(segmentAt(segments, at), present(heads[at], "head"));
  }
  if (active < 0) return requireFresh(segments);
  const run = contiguousRun(segments, heads, active);
  const first = present(run[0], "first segment").header;
  const replay: Replay = {
    hardState: first.hardState,
    base: first.last,
    entries: [],
    last: first.last,
    needsBase: first.base.index < first.last.index,
    maxIndex: 0,
    segments: [],
    sealed: true,
    durable: 0,
  };
  let tail: RecoveredTail | null = null;
  run.forEach(({ segment, header }, at) => {
    requireSameStore(first, header, segment);
    replay.maxIndex = 0;
    const next = run[at + 1]?.header ?? null;
    if (next === null) tail = playTail(segment, replay);
    else playWhole(segment, next.previousEnd, replay);
    const { maxIndex } = replay;
    replay.segments.push({ sequence: segment.sequence, maxIndex });
  });
  const end = present<RecoveredTail>(tail, "tail");
  requireComplete(replay, present(run[0], "first segment"), end);
  return {
    identity: first.identity,
    hardState: replay.hardState,
    base: replay.base,
    entries: replay.entries,
    segments: replay.segments,
    tail: end,
    unused: segments.slice(active + 1).map((segment) => segment.sequence),
    leftover: segments.slice(0, active + 1 - run.length)
      .map((segment) => segment.sequence),
  };
}

function segmentAt(
  segments: readonly SegmentBytes[],
  at: number,
): SegmentBytes {
  return present(segments[at], `segment ${at}`);
}

/** Names another segment of the same directory. */
function sibling(segment: SegmentBytes, sequence: number): string {
  const prefix = segment.name.slice(0, -segmentName(segment.sequence).length);
  return prefix + segmentName(sequence);
}

function requireUnused(segment: SegmentBytes, head: HeadFinding): void {
  const proven = provenRecord(segment, 0, 0);
  if (head.state !== "damaged" && proven === null) return;
  throw new CorruptLogError(segment.name, 0, "invalid segment header");
}

function requireFresh(segments: readonly SegmentBytes[]): null {
  const first = segments[0];
  if (first === undefined || first.sequence === 1) return null;
  const missing = sibling(first, first.sequence - 1);
  throw new CorruptLogError(missing, 0, "this segment of the log is missing");
}

/** Collects the segments up to the last begun one that follow each other by number. */
function contiguousRun(
  segments: readonly SegmentBytes[],
  heads: readonly HeadFinding[],
  active: number,
): Headed[] {
  const run: Headed[] = [];
  for (let at = active; at >= 0; at--) {
    const segment = segmentAt(segments, at);
    const follower = run[0]?.segment.sequence ?? segment.sequence + 1;
    if (segment.sequence + 1 !== follower) break;
    const head = present(heads[at], "head");
    if (head.state !== "header") {
      throw new CorruptLogError(segment.name, 0, "invalid segment header");
    }
    if (head.header.sequence !== segment.sequence) {
      const what = `it is segment ${head.header.sequence} under another name`;
      throw new CorruptLogError(segment.name, 0, what);
    }
    run.unshift({ segment, header: head.header });
  }
  return run;
}

function requireSameStore(
  first: SegmentHeader,
  header: SegmentHeader,
  segment: SegmentBytes,
): void {
  const a = first.identity;
  const b = header.identity;
  const same = a.clusterId === b.clusterId && a.nodeId === b.nodeId &&
    a.incarnation === b.incarnation;
  if (same) return;
  throw new CorruptLogError(segment.name, 0, "it belongs to another store");
}

function requireComplete(
  replay: Replay,
  first: Headed,
  tail: RecoveredTail,
): void {
  if (replay.needsBase) {
    const missing = sibling(first.segment, first.segment.sequence - 1);
    throw new CorruptLogError(missing, 0, "this segment of the log is missing");
  }
  const { commit } = replay.hardState;
  if (commit <= replay.last.index) return;
  throw new CorruptLogError(
    sibling(first.segment, tail.sequence),
    tail.end,
    `entries up to ${commit} were committed, the log ends at ${replay.last.index}`,
  );
}

/** Plays back a segment that another one follows: all of it was durable before that was begun. */
function playWhole(segment: SegmentBytes, end: number, replay: Replay): void {
  const stop = playRecords(segment, end, replay);
  if (stop.finding === null && stop.offset === end) return;
  const what = stop.finding?.what ?? "the next segment says it ends elsewhere";
  throw new CorruptLogError(segment.name, stop.offset, what);
}

/** Plays back the last segment, whose last records may be torn. */
function playTail(segment: SegmentBytes, replay: Replay): RecoveredTail {
  const { bytes, name, sequence } = segment;
  const { offset, finding } = playRecords(segment, bytes.length, replay);
  const usedEnd = lastUsed(bytes, offset);
  const tail = {
    sequence,
    end: offset,
    durable: Math.min(replay.durable, offset),
    usedEnd,
    cut: null,
    sealed: replay.sealed,
  };
  if (finding === null || usedEnd === offset) return tail;
  if (finding.state === "damaged") {
    throw new CorruptLogError(name, offset, finding.what);
  }
  const proven = provenRecord(segment, offset + RECORD_ALIGNMENT, offset);
  if (proven !== null) {
    const what = `${finding.what}, but a record at byte ${proven} ` +
      "was written after it was durable";
    throw new CorruptLogError(name, offset, what);
  }
  return { ...tail, cut: finding.what };
}

function playRecords(
  segment: SegmentBytes,
  end: number,
  replay: Replay,
): { offset: number; finding: Exclude<Finding, { state: "record" }> | null } {
  const { bytes, sequence } = segment;
  const view = viewOf(bytes);
  let offset = SEGMENT_HEADER_BYTES;
  replay.durable = 0;
  while (offset < end) {
    const finding = inspectRecord(bytes, view, offset, sequence);
    if (finding.state !== "record") return { offset, finding };
    replay.durable = finding.header.durable;
    playRecord(segment, view, offset, finding.header.kind, replay);
    offset += finding.header.sizeBytes;
  }
  return { offset, finding: null };
}

function playRecord(
  segment: SegmentBytes,
  view: DataView,
  offset: number,
  kind: RecordKind,
  replay: Replay,
): void {
  if (kind === "batch") return playBatch(segment, view, offset, replay);
  const base = decodeBase(view, offset);
  replay.sealed = false;
  if (kind === "reset") {
    replay.needsBase = false;
    replay.entries = [];
    replay.last = base;
    replay.maxIndex = 0;
    replay.segments = replay.segments.map((each) => ({ ...each, maxIndex: 0 }));
  } else {
    if (base.index < replay.base.index) return;
    replay.needsBase = false;
    replay.entries.splice(0, base.index - replay.base.index);
  }
  replay.base = base;
  if (replay.hardState.commit < base.index) {
    replay.hardState = { ...replay.hardState, commit: base.index };
  }
}

function playBatch(
  segment: SegmentBytes,
  view: DataView,
  offset: number,
  replay: Replay,
): void {
  const batch = decodeBatch(segment.bytes, view, offset);
  const { term, votedFor } = replay.hardState;
  replay.hardState = batch.hardState ?? replay.hardState;
  replay.sealed = batch.entries.length === 0 &&
    term === replay.hardState.term && votedFor === replay.hardState.votedFor;
  const first = batch.entries[0];
  const last = batch.entries.at(-1);
  if (first === undefined || last === undefined) return;
  if (first.index > replay.last.index + 1) {
    const what = `entry ${first.index} follows entry ${replay.last.index}`;
    throw new CorruptLogError(segment.name, offset, what);
  }
  const kept = first.index - 1 - replay.base.index;
  if (kept < replay.entries.length) {
    replay.entries.length = Math.max(0, kept);
  }
  for (const entry of batch.entries) {
    if (entry.index > replay.base.index) replay.entries.push(entry);
  }
  replay.last = last;
  replay.maxIndex = Math.max(replay.maxIndex, last.index);
}

/**
 * Looks for a record that was written after everything before it was durable: it proves that what
 * precedes it was not torn by a crash.
 *
 * @returns The record's offset, or null.
 */
function provenRecord(
  segment: SegmentBytes,
  from: number,
  damage: number,
): number | null {
  const { bytes, sequence } = segment;
  invariant(from % RECORD_ALIGNMENT === 0, `search begins at ${from}`);
  const view = viewOf(bytes);
  for (let at = from; at < bytes.length; at += RECORD_ALIGNMENT) {
    const header = readHeader(bytes, view, at, sequence);
    if (header !== null && header.durable > damage) return at;
  }
  return null;
}
