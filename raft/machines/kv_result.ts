import { type KvRecord, readRecord, writeRecord } from "./kv_record.ts";
import {
  ACCEPTED,
  decodeRefusal,
  type MachineRefusal,
  unreadableResult,
} from "./result.ts";
import {
  createReader,
  createWriter,
  finishWriter,
  numberSize,
  readByte,
  readCompletely,
  type Reader,
  readNumber,
  writeByte,
  writeNumber,
  type Writer,
} from "./wire.ts";

/** What a put did. */
export interface KvPutResult {
  readonly type: "put";
  /** The store's revision behind it. */
  readonly revision: number;
  /** What was replaced, if it was asked for and there was something. */
  readonly previous: KvRecord | null;
}

/** What a delete did. */
export interface KvDeleteResult {
  readonly type: "delete";
  /** The store's revision behind it; the old one when there was nothing to delete. */
  readonly revision: number;
  /** How many keys were deleted. */
  readonly deleted: number;
  /** What was deleted, if asked for: the first records in order, up to about 1 MiB. */
  readonly previous: readonly KvRecord[];
}

/** What a compare-and-set did. */
export interface KvCompareAndSetResult {
  readonly type: "compare_and_set";
  /** The store's revision behind it. */
  readonly revision: number;
  readonly succeeded: boolean;
  /** The record that was not as expected; null when there is none, or when it succeeded. */
  readonly current: KvRecord | null;
}

/** What a read within a transaction found. */
export interface KvRangeResult {
  readonly type: "range";
  /** The store's revision at that step. */
  readonly revision: number;
  /** How many keys the range has in all. */
  readonly count: number;
  /** The first of them in order, up to the limit and about 1 MiB. */
  readonly records: readonly KvRecord[];
}

/** What a step of a transaction came to. */
export type KvStepResult = KvPutResult | KvDeleteResult | KvRangeResult;

/** What a transaction did. */
export interface KvTransactionResult {
  readonly type: "transaction";
  /** The store's revision behind it; the old one when it changed nothing. */
  readonly revision: number;
  /** Whether all comparisons held. */
  readonly succeeded: boolean;
  /** What each step of the list that was taken came to. */
  readonly answers: readonly KvStepResult[];
}

/** What a change of a lease came to. */
export interface KvLeaseResult {
  readonly type: "lease";
  /** The store's revision behind it. */
  readonly revision: number;
  /** How long it lives from now on; 0 when it has ended. */
  readonly ttlMs: number;
}

/** What a tick came to. */
export interface KvClockResult {
  readonly type: "clock";
  /** The store's revision behind it. */
  readonly revision: number;
  /** The clock of leases behind it. */
  readonly clockMs: number;
}

/** What a compaction came to. */
export interface KvCompactResult {
  readonly type: "compact";
  /** The store's revision. */
  readonly revision: number;
}

/** What a key-value store answers. */
export type KvResult =
  | KvLeaseResult
  | KvClockResult
  | KvCompactResult
  | KvTransactionResult
  | KvPutResult
  | KvDeleteResult
  | KvCompareAndSetResult
  | MachineRefusal;

const PUT = 1;
const DELETE = 2;
const COMPARE_AND_SET = 3;
const TRANSACTION = 4;
const RANGE = 5;
const LEASE = 6;
const CLOCK = 7;
const COMPACT = 8;

/**
 * Encodes the result of an operation that was carried out.
 *
 * @param result What was done.
 * @returns The result.
 */
export function encodeKvResult(
  result: Exclude<KvResult, MachineRefusal>,
): Uint8Array {
  const writer = createWriter(4 + numberSize(result.revision));
  writeByte(writer, ACCEPTED);
  if (result.type === "transaction") writeTransaction(writer, result);
  else writeResult(writer, result);
  return finishWriter(writer);
}

type PlainResult =
  | KvStepResult
  | KvCompareAndSetResult
  | KvLeaseResult
  | KvClockResult
  | KvCompactResult;

/** A tag, the revision, a number, and records where there can be any: all results but that of a transaction. */
function writeResult(writer: Writer, result: PlainResult): void {
  switch (result.type) {
    case "put":
      writeHead(writer, PUT, result.revision, 0);
      writeOne(writer, result.previous);
      break;
    case "delete":
      writeHead(writer, DELETE, result.revision, result.deleted);
      writeRecords(writer, result.previous);
      break;
    case "compare_and_set": {
      const succeeded = result.succeeded ? 1 : 0;
      writeHead(writer, COMPARE_AND_SET, result.revision, succeeded);
      writeOne(writer, result.current);
      break;
    }
    case "range":
      writeHead(writer, RANGE, result.revision, result.count);
      writeRecords(writer, result.records);
      break;
    case "lease":
      writeHead(writer, LEASE, result.revision, result.ttlMs);
      break;
    case "clock":
      writeHead(writer, CLOCK, result.revision, result.clockMs);
      break;
    case "compact":
      writeHead(writer, COMPACT, result.revision, 0);
      break;
  }
}

function writeHead(
  writer: Writer,
  tag: number,
  revision: number,
  second: number,
): void {
  writeByte(writer, tag);
  writeNumber(writer, revision);
  writeNumber(writer, second);
}

function writeOne(writer: Writer, record: KvRecord | null): void {
  writeByte(writer, record === null ? 0 : 1);
  if (record !== null) writeRecord(writer, record, "leased");
}

function writeRecords(writer: Writer, records: readonly KvRecord[]): void {
  writeNumber(writer, records.length);
  for (const record of records) writeRecord(writer, record, "leased");
}

function writeTransaction(
  writer: Writer,
  { revision, succeeded, answers }: KvTransactionResult,
): void {
  writeHead(writer, TRANSACTION, revision, succeeded ? 1 : 0);
  writeNumber(writer, answers.length);
  for (const answer of answers) writeResult(writer, answer);
}

/**
 * Decodes what a key-value store answered.
 *
 * @param data What `applyOperation` returned.
 * @returns What was done, or why it was refused.
 * @throws {RangeError} When these bytes are no result of a key-value store.
 */
export function decodeKvResult(data: Uint8Array): KvResult {
  const refusal = decodeRefusal(data);
  if (refusal !== null) return refusal;
  const reader = createReader(data);
  readByte(reader);
  const tag = readByte(reader);
  const revision = readNumber(reader);
  const second = readNumber(reader);
  const result = tag === TRANSACTION
    ? readTransaction(reader, revision, second === 1)
    : readResult(reader, tag, revision, second);
  if (!readCompletely(reader)) throw unreadableResult();
  return result;
}

function readResult(
  reader: Reader,
  tag: number,
  revision: number,
  second: number,
): Exclude<PlainResult, KvRangeResult> {
  if (tag === LEASE) return { type: "lease", revision, ttlMs: second };
  if (tag === CLOCK) return { type: "clock", revision, clockMs: second };
  if (tag === COMPACT) return { type: "compact", revision };
  if (tag === COMPARE_AND_SET) {
    const [current = null] = readRecords(reader);
    const succeeded = second === 1;
    return { type: "compare_and_set", revision, succeeded, current };
  }
  const result = readStepResult(reader, tag, revision, second);
  if (result.type === "range") throw unreadableResult();
  return result;
}

function readStepResult(
  reader: Reader,
  tag: number,
  revision: number,
  second: number,
): KvStepResult {
  const records = readRecords(reader);
  switch (tag) {
    case PUT:
      return { type: "put", revision, previous: records[0] ?? null };
    case DELETE:
      return { type: "delete", revision, deleted: second, previous: records };
    case RANGE:
      return { type: "range", revision, count: second, records };
    default:
      throw unreadableResult();
  }
}

function readTransaction(
  reader: Reader,
  revision: number,
  succeeded: boolean,
): KvTransactionResult {
  const count = readNumber(reader);
  const answers: KvStepResult[] = [];
  while (answers.length < count && !reader.failed) {
    const tag = readByte(reader);
    const own = readNumber(reader);
    answers.push(readStepResult(reader, tag, own, readNumber(reader)));
  }
  return { type: "transaction", revision, succeeded, answers };
}

function readRecords(reader: Reader): KvRecord[] {
  const records: KvRecord[] = [];
  const count = readNumber(reader);
  while (records.length < count && !reader.failed) {
    records.push(readRecord(reader, "leased"));
  }
  return records;
}
