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

/** What a key-value store answers. */
export type KvResult =
  | KvPutResult
  | KvDeleteResult
  | KvCompareAndSetResult
  | MachineRefusal;

const PUT = 1;
const DELETE = 2;
const COMPARE_AND_SET = 3;

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
  switch (result.type) {
    case "put":
      writeByte(writer, PUT);
      writeNumber(writer, result.revision);
      writeByte(writer, 0);
      writeByte(writer, result.previous === null ? 0 : 1);
      if (result.previous !== null) writeRecord(writer, result.previous);
      break;
    case "delete":
      writeByte(writer, DELETE);
      writeNumber(writer, result.revision);
      writeNumber(writer, result.deleted);
      writeNumber(writer, result.previous.length);
      for (const record of result.previous) writeRecord(writer, record);
      break;
    case "compare_and_set":
      writeByte(writer, COMPARE_AND_SET);
      writeNumber(writer, result.revision);
      writeByte(writer, result.succeeded ? 1 : 0);
      writeByte(writer, result.current === null ? 0 : 1);
      if (result.current !== null) writeRecord(writer, result.current);
      break;
  }
  return finishWriter(writer);
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
  const records = readRecords(reader);
  if (!readCompletely(reader)) throw unreadableResult();
  const first = records[0] ?? null;
  switch (tag) {
    case PUT:
      return { type: "put", revision, previous: first };
    case DELETE:
      return { type: "delete", revision, deleted: second, previous: records };
    case COMPARE_AND_SET: {
      const succeeded = second === 1;
      return { type: "compare_and_set", revision, succeeded, current: first };
    }
    default:
      throw unreadableResult();
  }
}

function readRecords(reader: Reader): KvRecord[] {
  const records: KvRecord[] = [];
  const count = readNumber(reader);
  while (records.length < count && !reader.failed) {
    records.push(readRecord(reader));
  }
  return records;
}
