import { invariant, messageOf } from "../../base/mod.ts";
import type { HardState, Index } from "../core/mod.ts";
import type { LogBatch, LogIdentity } from "../ports.ts";
import { DiskFullError, StorageFailedError } from "./errors.ts";
import type { FileSystem, StoreFile } from "./file_system.ts";
import { SECTOR_BYTES } from "./format.ts";
import {
  BASE_RECORD_BYTES,
  batchBytes,
  encodeBase,
  encodeBatch,
  type LogPosition,
  MAX_RECORD_BYTES,
  type RecordPlace,
} from "./record.ts";
import type { RecoveredSegment } from "./recovery.ts";
import {
  encodeSegmentHeader,
  SEGMENT_HEADER_BYTES,
  segmentName,
} from "./segment.ts";
import type { SegmentSupply } from "./segment_supply.ts";

/** Room at a segment's end for records without entries, so that a full disk can still be compacted. */
const RESERVED_BYTES = 4096;

/** The log in use: what the next record needs to know. */
export interface LogWriter {
  readonly directory: string;
  readonly files: FileSystem;
  readonly supply: SegmentSupply;
  readonly identity: LogIdentity;
  readonly segmentBytes: number;
  readonly warn: (message: string) => void;
  hardState: HardState;
  base: LogPosition;
  last: LogPosition;
  /** Segments before the one in use. */
  older: RecoveredSegment[];
  sequence: number;
  file: StoreFile;
  sizeBytes: number;
  /** The highest index of any entry in the segment in use. */
  maxIndex: Index;
  /** Where the next record goes. */
  end: number;
  /** How far the segment in use is durable. */
  durable: number;
  /** Whether the last record holds nothing that would be missed. */
  sealed: boolean;
  /** What ended the use of the store. */
  failure: StorageFailedError | null;
}

/** After a failure the pages in the kernel's cache may be clean and lost: never write again. */
async function touch<T>(log: LogWriter, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    log.failure ??= new StorageFailedError(log.directory, error);
    throw log.failure;
  }
}

function requireUsable(log: LogWriter): void {
  if (log.failure !== null) throw log.failure;
}

function place(log: LogWriter): RecordPlace {
  return { sequence: log.sequence, offset: log.end, durable: log.durable };
}

/**
 * Appends a batch; resolves once it is durable. A batch that only moves the commit index is written
 * without a sync.
 *
 * @param log The log.
 * @param batch The batch.
 * @throws {DiskFullError} When there is no space for it; nothing was written.
 * @throws {StorageFailedError} When a write or sync failed, now or before.
 * @throws {RangeError} When it is too large; nothing was written.
 */
export async function appendBatch(
  log: LogWriter,
  batch: LogBatch,
): Promise<void> {
  requireUsable(log);
  requireFits(log, batch);
  const { entries } = batch;
  const size = batchBytes(batch);
  if (size > MAX_RECORD_BYTES) {
    throw new RangeError(
      `Batch of ${size} bytes exceeds the limit of ${MAX_RECORD_BYTES}: write it in parts`,
    );
  }
  await makeRoom(log, size, entries.length === 0 ? 0 : RESERVED_BYTES);
  await writeRecord(log, encodeBatch(batch, place(log)));
  const lazy = entries.length === 0 && isCommitOnly(log, batch);
  if (!lazy) await syncLog(log);
  log.sealed = lazy;
  log.hardState = batch.hardState ?? log.hardState;
  const last = entries.at(-1);
  if (last !== undefined) {
    log.last = { index: last.index, term: last.term };
    log.maxIndex = Math.max(log.maxIndex, last.index);
  }
  log.supply.prepare(log.sequence + 1);
}

function isCommitOnly(log: LogWriter, batch: LogBatch): boolean {
  const { hardState } = batch;
  if (hardState === null) return true;
  return hardState.term === log.hardState.term &&
    hardState.votedFor === log.hardState.votedFor;
}

function requireFits(log: LogWriter, batch: LogBatch): void {
  const first = batch.entries[0];
  const end = batch.entries.at(-1)?.index ?? log.last.index;
  const commit = batch.hardState?.commit ?? log.hardState.commit;
  if (first !== undefined) {
    const { base, last } = log;
    invariant(
      first.index > base.index && first.index <= last.index + 1,
      `entry ${first.index} does not fit a log from ${base.index} to ${last.index}`,
    );
  }
  requireLaterVote(log.hardState, batch.hardState ?? log.hardState);
  invariant(commit <= end, `commit ${commit} exceeds the last entry ${end}`);
}

function requireLaterVote(before: HardState, after: HardState): void {
  const once = after.votedFor === before.votedFor || before.votedFor === 0;
  invariant(
    after.term > before.term || (after.term === before.term && once),
    `vote for ${after.votedFor} in term ${after.term} follows a vote for ` +
      `${before.votedFor} in term ${before.term}`,
  );
}

/**
 * Lets go of the entries up to a position, and of the segments that hold nothing else.
 *
 * @param log The log.
 * @param base The position.
 */
export async function compactLog(
  log: LogWriter,
  base: LogPosition,
): Promise<void> {
  requireUsable(log);
  if (base.index <= log.base.index) return;
  invariant(
    base.index <= log.last.index,
    `compaction to ${base.index} exceeds the last entry ${log.last.index}`,
  );
  await moveBase(log, "compact", base);
  while ((log.older[0]?.maxIndex ?? Infinity) <= base.index) {
    if (!await removeOldest(log)) return;
  }
}

/**
 * Drops every entry: the log goes on after a position.
 *
 * @param log The log.
 * @param base The position.
 */
export async function resetLog(
  log: LogWriter,
  base: LogPosition,
): Promise<void> {
  requireUsable(log);
  const { commit } = log.hardState;
  invariant(base.index >= commit, `reset to ${base.index} before ${commit}`);
  await moveBase(log, "reset", base);
  log.last = base;
  // Nothing before the record counts any more, whatever its index.
  log.older = log.older.map((segment) => ({ ...segment, maxIndex: 0 }));
  log.maxIndex = 0;
  while (log.older.length > 0) if (!await removeOldest(log)) return;
}

async function moveBase(
  log: LogWriter,
  kind: "compact" | "reset",
  base: LogPosition,
): Promise<void> {
  await makeRoom(log, BASE_RECORD_BYTES, 0);
  await writeRecord(log, encodeBase(kind, base, place(log)));
  await syncLog(log);
  log.sealed = false;
  log.base = base;
  const commit = Math.max(log.hardState.commit, base.index);
  log.hardState = { ...log.hardState, commit };
}

/** Losing a removal costs space only: the next compaction, or the next start, tries again. */
async function removeOldest(log: LogWriter): Promise<boolean> {
  const oldest = log.older[0];
  if (oldest === undefined) return false;
  try {
    await log.files.remove(segmentName(oldest.sequence));
  } catch (error) {
    log.warn(
      `Segment ${oldest.sequence} of the log in "${log.directory}" cannot be removed: ` +
        messageOf(error),
    );
    return false;
  }
  log.older.shift();
  return true;
}

async function writeRecord(log: LogWriter, bytes: Uint8Array): Promise<void> {
  await touch(log, log.file.write(log.end, bytes));
  log.end += bytes.length;
}

async function syncLog(log: LogWriter): Promise<void> {
  await touch(log, log.file.syncData());
  log.durable = log.end;
}

async function makeRoom(
  log: LogWriter,
  recordBytes: number,
  reservedBytes: number,
): Promise<void> {
  if (log.end + recordBytes + reservedBytes <= log.sizeBytes) return;
  // The next segment's header vouches for this one up to its end.
  if (log.durable < log.end) await syncLog(log);
  const needed = SEGMENT_HEADER_BYTES + recordBytes + RESERVED_BYTES;
  const fresh = await takeSegment(log, Math.max(log.segmentBytes, needed));
  const header = encodeSegmentHeader({
    identity: log.identity,
    sequence: fresh.sequence,
    previousEnd: log.end,
    hardState: log.hardState,
    base: log.base,
    last: log.last,
  });
  log.file.close();
  log.older.push({ sequence: log.sequence, maxIndex: log.maxIndex });
  log.sequence = fresh.sequence;
  log.file = fresh.file;
  log.sizeBytes = fresh.sizeBytes;
  log.maxIndex = 0;
  log.end = 0;
  log.durable = 0;
  await writeRecord(log, header);
}

async function takeSegment(
  log: LogWriter,
  sizeBytes: number,
): ReturnType<SegmentSupply["take"]> {
  try {
    return await log.supply.take(log.sequence + 1, sizeBytes);
  } catch (error) {
    if (error instanceof DiskFullError) throw error;
    return await touch(log, Promise.reject(error));
  }
}

/**
 * Writes records that nobody would miss, as evidence that what precedes them was durable. The last of
 * them lies in a sector of its own: losing one sector cannot take away a record and its evidence.
 *
 * @param log The log.
 */
export async function sealLog(log: LogWriter): Promise<void> {
  if (log.sealed || log.failure !== null) return;
  const batch = { hardState: log.hardState, entries: [] };
  const ownSector = Math.ceil(log.end / SECTOR_BYTES) * SECTOR_BYTES;
  let sealedAt = 0;
  while (sealedAt < ownSector) {
    if (log.end + batchBytes(batch) > log.sizeBytes) return;
    sealedAt = log.end;
    await writeRecord(log, encodeBatch(batch, place(log)));
  }
  log.sealed = true;
}

/**
 * Seals the log and lets go of its files.
 *
 * @param log The log.
 */
export async function closeLog(log: LogWriter): Promise<void> {
  try {
    await sealLog(log);
    if (log.failure === null && log.durable < log.end) await syncLog(log);
  } finally {
    log.file.close();
    await log.supply.close();
  }
}
