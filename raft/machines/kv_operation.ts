import type { ByteString } from "./byte_string.ts";
import {
  createReader,
  createWriter,
  finishWriter,
  numberSize,
  readByte,
  readByteString,
  readCompletely,
  type Reader,
  readNumber,
  sizedSize,
  writeByte,
  writeNumber,
  type Writer,
  writeSized,
} from "./wire.ts";

/** Which keys are meant, as in etcd. */
export interface KvRange {
  /** The key, or the first one. */
  readonly key: ByteString;
  /** Empty: `key` alone. `"\0"`: every key from `key` on. Else the first key that is left out. */
  readonly rangeEnd: ByteString;
}

/** Sets a key, whether it exists or not. */
export interface KvPut {
  readonly type: "put";
  readonly key: ByteString;
  readonly value: ByteString;
  /** Whether to return the record that was replaced. */
  readonly returnPrevious: boolean;
  /**
   * The lease with which the key goes, which must exist; 0 for none.
   *
   * @default {0}
   */
  readonly lease?: number;
  /** {@linkcode KvTransaction.atMs} */
  readonly atMs?: number;
}

/** Deletes one key or a range, all in one revision. */
export interface KvDelete extends KvRange {
  readonly type: "delete";
  /** Whether to return the records that were deleted. */
  readonly returnPrevious: boolean;
}

/** What a key must be like for a {@linkcode KvCompareAndSet} to succeed. */
export type KvExpectation =
  /** It was last changed by this revision; 0: it does not exist. */
  | { readonly type: "mod_revision"; readonly modRevision: number }
  /** It exists and has this value. */
  | { readonly type: "value"; readonly value: ByteString };

/** Sets or deletes a key if it is as expected. */
export interface KvCompareAndSet {
  readonly type: "compare_and_set";
  readonly key: ByteString;
  readonly expected: KvExpectation;
  /** The new value; null deletes the key. */
  readonly value: ByteString | null;
  /** {@linkcode KvTransaction.atMs} */
  readonly atMs?: number;
}

/** Reads one key or a range; only within a {@linkcode KvTransaction}. */
export interface KvRangeRead extends KvRange {
  readonly type: "range";
  /** How many records to return at most; 0 only counts. */
  readonly limit: number;
}

/** How a side of a comparison must be to the other. */
export type KvRelation = "equal" | "greater" | "less" | "not_equal";

/** What every key of a range must be like. A key that does not exist has zeros, and no value. */
export interface KvComparison extends KvRange {
  readonly relation: KvRelation;
  readonly operand:
    | {
      readonly type: "version" | "create_revision" | "mod_revision";
      readonly number: number;
    }
    | { readonly type: "value"; readonly value: ByteString };
}

/** One step of a {@linkcode KvTransaction}. */
export type KvStep = KvPut | KvDelete | KvRangeRead;

/** Does one of two lists of steps, all in one revision. */
export interface KvTransaction {
  readonly type: "transaction";
  readonly comparisons: readonly KvComparison[];
  /** What is done if all comparisons hold. */
  readonly success: readonly KvStep[];
  /** What is done else. */
  readonly failure: readonly KvStep[];
  /**
   * When it was asked for, by the clock of whoever asks, since 1970: what records say of themselves, and nothing
   * rests on it. Of a step within a transaction it does not count, but that of the transaction.
   *
   * @default {0, which says nothing}
   */
  readonly atMs?: number;
}

/** Makes a lease. */
export interface KvLeaseGrant {
  readonly type: "lease_grant";
  /** Its number, from 1; one that there is no lease of. */
  readonly id: number;
  /** How long it lives unless it is renewed. */
  readonly ttlMs: number;
}

/** Gives a lease its full time again, or ends it, with its keys. */
export interface KvLeaseChange {
  readonly type: "lease_renew" | "lease_revoke";
  readonly id: number;
}

/** Moves the clock of leases on; does nothing unless it still is `fromMs`. */
export interface KvTick {
  readonly type: "tick";
  /** What the clock was when the measurement began. */
  readonly fromMs: number;
  /** How much time has gone since; at most a second of it counts. */
  readonly byMs: number;
}

/** Forgets the changes up to a revision, on all members. */
export interface KvCompact {
  readonly type: "compact";
  readonly revision: number;
}

/** What a key-value store can be told to do. */
export type KvOperation =
  | KvPut
  | KvDelete
  | KvCompareAndSet
  | KvTransaction
  | KvLeaseGrant
  | KvLeaseChange
  | KvTick
  | KvCompact;

const PUT = 1;
const DELETE = 2;
const COMPARE_AND_SET = 3;
const TRANSACTION = 4;
const RANGE = 5;
const LEASE_GRANT = 6;
const LEASE_RENEW = 7;
const LEASE_REVOKE = 8;
const TICK = 9;
const COMPACT = 10;

const RETURN_PREVIOUS = 1;
const HAS_LEASE = 2;
const EXPECT_VALUE = 1;
const SET_VALUE = 2;
/** Of all operations that set keys. */
const HAS_TIME = 4;

/** The room that is made at first for what has no key, or several. */
const OTHER_BYTES = 32;

const RELATIONS = ["equal", "greater", "less", "not_equal"] as const;
const OPERANDS = [
  "version",
  "create_revision",
  "mod_revision",
  "value",
] as const;

/**
 * Says which keys begin with a prefix.
 *
 * @param prefix How they begin; empty for all keys.
 * @returns Their range.
 *
 * @example Usage
 * ```ts
 * import { prefixRange } from "./kv_operation.ts";
 *
 * const { key, rangeEnd } = prefixRange("app/");
 * if (key !== "app/" || rangeEnd !== "app0") throw new Error("0 comes after /");
 * ```
 */
export function prefixRange(prefix: ByteString): KvRange {
  let length = prefix.length;
  while (length > 0 && prefix.charCodeAt(length - 1) === 0xff) length -= 1;
  if (length === 0) return { key: prefix, rangeEnd: "\0" };
  const last = String.fromCharCode(prefix.charCodeAt(length - 1) + 1);
  return { key: prefix, rangeEnd: prefix.slice(0, length - 1) + last };
}

/**
 * Encodes an operation for a key-value store.
 *
 * @param operation What to do.
 * @returns The `data` of a `RaftOperation`.
 *
 * @example Usage
 * ```ts
 * import { textToByteString } from "./byte_string.ts";
 * import { encodeKvOperation } from "./kv_operation.ts";
 *
 * const data = encodeKvOperation({
 *   type: "put",
 *   key: textToByteString("color"),
 *   value: textToByteString("blue"),
 *   returnPrevious: false,
 * });
 * if (data.length !== 13) throw new Error("Thirteen bytes expected");
 * ```
 */
export function encodeKvOperation(operation: KvOperation): Uint8Array {
  const writer = createWriter(encodedSize(operation));
  writeOperation(writer, operation);
  return finishWriter(writer);
}

function writeOperation(
  writer: Writer,
  operation: KvOperation | KvRangeRead,
): void {
  switch (operation.type) {
    case "put":
      writePut(writer, operation);
      break;
    case "delete":
      writeByte(writer, DELETE);
      writeByte(writer, operation.returnPrevious ? RETURN_PREVIOUS : 0);
      writeSized(writer, operation.key);
      writeSized(writer, operation.rangeEnd);
      break;
    case "compare_and_set":
      writeCompareAndSet(writer, operation);
      break;
    case "range":
      writeByte(writer, RANGE);
      writeByte(writer, 0);
      writeSized(writer, operation.key);
      writeSized(writer, operation.rangeEnd);
      writeNumber(writer, operation.limit);
      break;
    case "transaction":
      writeTransaction(writer, operation);
      break;
    default:
      writeNumbers(writer, operation);
  }
}

function writePut(
  writer: Writer,
  { key, value, returnPrevious, lease = 0, atMs = 0 }: KvPut,
): void {
  const previous = returnPrevious ? RETURN_PREVIOUS : 0;
  const leased = lease === 0 ? 0 : HAS_LEASE;
  writeByte(writer, PUT);
  writeByte(writer, previous | leased | timeFlag(atMs));
  writeSized(writer, key);
  writeSized(writer, value);
  if (lease !== 0) writeNumber(writer, lease);
  if (atMs !== 0) writeNumber(writer, atMs);
}

function timeFlag(atMs: number): number {
  return atMs === 0 ? 0 : HAS_TIME;
}

function readTime(reader: Reader, flags: number): number {
  return (flags & HAS_TIME) === 0 ? 0 : readNumber(reader);
}

/** Operations that are no more than a number or two. */
type NumbersOperation = KvLeaseGrant | KvLeaseChange | KvTick | KvCompact;

function writeNumbers(writer: Writer, operation: NumbersOperation): void {
  const [tag, first, second] = numbersOf(operation);
  writeByte(writer, tag);
  writeByte(writer, 0);
  writeNumber(writer, first);
  writeNumber(writer, second);
}

function numbersOf(
  operation: NumbersOperation,
): readonly [tag: number, first: number, second: number] {
  switch (operation.type) {
    case "lease_grant":
      return [LEASE_GRANT, operation.id, operation.ttlMs];
    case "lease_renew":
      return [LEASE_RENEW, operation.id, 0];
    case "lease_revoke":
      return [LEASE_REVOKE, operation.id, 0];
    case "tick":
      return [TICK, operation.fromMs, operation.byMs];
    case "compact":
      return [COMPACT, operation.revision, 0];
  }
}

function readNumbers(
  reader: Reader,
  tag: number,
  flags: number,
): NumbersOperation | null {
  if (flags !== 0) return null;
  const first = readNumber(reader);
  const second = readNumber(reader);
  switch (tag) {
    case LEASE_GRANT:
      return { type: "lease_grant", id: first, ttlMs: second };
    case LEASE_RENEW:
      return { type: "lease_renew", id: first };
    case LEASE_REVOKE:
      return { type: "lease_revoke", id: first };
    case TICK:
      return { type: "tick", fromMs: first, byMs: second };
    case COMPACT:
      return { type: "compact", revision: first };
    default:
      return null;
  }
}

/**
 * Decodes an operation.
 *
 * @param data What {@linkcode encodeKvOperation} made.
 * @returns The operation, or null when the bytes are malformed.
 */
export function decodeKvOperation(data: Uint8Array): KvOperation | null {
  const reader = createReader(data);
  const tag = readByte(reader);
  const flags = readByte(reader);
  const operation = tag <= COMPARE_AND_SET
    ? readBody(reader, tag, flags)
    : tag === TRANSACTION
    ? readTransaction(reader, flags)
    : readNumbers(reader, tag, flags);
  return readCompletely(reader) ? operation : null;
}

function readTransaction(
  reader: Reader,
  flags: number,
): KvTransaction | null {
  if ((flags & ~HAS_TIME) !== 0) return null;
  const comparisons = readList(reader, readComparison);
  const success = readList(reader, readStep);
  const failure = readList(reader, readStep);
  if (!comparisons || !success || !failure) return null;
  const atMs = readTime(reader, flags);
  return { type: "transaction", comparisons, success, failure, atMs };
}

/** Null when one of them is malformed. */
function readList<T>(
  reader: Reader,
  read: (reader: Reader) => T | null,
): T[] | null {
  const count = readNumber(reader);
  const items: T[] = [];
  while (items.length < count && !reader.failed) {
    const item = read(reader);
    if (item === null) return null;
    items.push(item);
  }
  return items;
}

function readComparison(reader: Reader): KvComparison | null {
  const relation = RELATIONS[readByte(reader)];
  const type = OPERANDS[readByte(reader)];
  const key = readByteString(reader);
  const rangeEnd = readByteString(reader);
  if (relation === undefined || type === undefined) return null;
  const operand = type === "value"
    ? { type, value: readByteString(reader) }
    : { type, number: readNumber(reader) };
  return { key, rangeEnd, relation, operand };
}

function readStep(reader: Reader): KvStep | null {
  const tag = readByte(reader);
  const flags = readByte(reader);
  if (tag === PUT || tag === DELETE) return readBody(reader, tag, flags);
  if (tag !== RANGE || flags !== 0) return null;
  const key = readByteString(reader);
  const rangeEnd = readByteString(reader);
  return { type: "range", key, rangeEnd, limit: readNumber(reader) };
}

function writeTransaction(
  writer: Writer,
  { comparisons, success, failure, atMs = 0 }: KvTransaction,
): void {
  writeByte(writer, TRANSACTION);
  writeByte(writer, timeFlag(atMs));
  writeNumber(writer, comparisons.length);
  for (const { key, rangeEnd, relation, operand } of comparisons) {
    writeByte(writer, RELATIONS.indexOf(relation));
    writeByte(writer, OPERANDS.indexOf(operand.type));
    writeSized(writer, key);
    writeSized(writer, rangeEnd);
    if (operand.type === "value") writeSized(writer, operand.value);
    else writeNumber(writer, operand.number);
  }
  for (const steps of [success, failure]) {
    writeNumber(writer, steps.length);
    for (const step of steps) writeOperation(writer, step);
  }
  if (atMs !== 0) writeNumber(writer, atMs);
}

function readBody(
  reader: Reader,
  tag: typeof PUT | typeof DELETE,
  flags: number,
): KvPut | KvDelete | null;
function readBody(
  reader: Reader,
  tag: number,
  flags: number,
): KvPut | KvDelete | KvCompareAndSet | null;
function readBody(
  reader: Reader,
  tag: number,
  flags: number,
): KvPut | KvDelete | KvCompareAndSet | null {
  if (tag === COMPARE_AND_SET) return readCompareAndSet(reader, flags);
  if (flags > RETURN_PREVIOUS + HAS_LEASE + HAS_TIME) return null;
  const returnPrevious = (flags & RETURN_PREVIOUS) !== 0;
  const key = readByteString(reader);
  const second = readByteString(reader);
  if (tag === PUT) {
    const lease = (flags & HAS_LEASE) === 0 ? 0 : readNumber(reader);
    const atMs = readTime(reader, flags);
    return { type: "put", key, value: second, returnPrevious, lease, atMs };
  }
  if (tag !== DELETE || flags > RETURN_PREVIOUS) return null;
  return { type: "delete", key, rangeEnd: second, returnPrevious };
}

function readCompareAndSet(
  reader: Reader,
  flags: number,
): KvCompareAndSet | null {
  if (flags > EXPECT_VALUE + SET_VALUE + HAS_TIME) return null;
  const key = readByteString(reader);
  const expected: KvExpectation = (flags & EXPECT_VALUE) !== 0
    ? { type: "value", value: readByteString(reader) }
    : { type: "mod_revision", modRevision: readNumber(reader) };
  const value = (flags & SET_VALUE) !== 0 ? readByteString(reader) : null;
  const atMs = readTime(reader, flags);
  return { type: "compare_and_set", key, expected, value, atMs };
}

function writeCompareAndSet(
  writer: Writer,
  operation: KvCompareAndSet,
): void {
  const { expected, key, value, atMs = 0 } = operation;
  const expects = expected.type === "value" ? EXPECT_VALUE : 0;
  const sets = value === null ? 0 : SET_VALUE;
  writeByte(writer, COMPARE_AND_SET);
  writeByte(writer, expects | sets | timeFlag(atMs));
  writeSized(writer, key);
  if (expected.type === "value") writeSized(writer, expected.value);
  else writeNumber(writer, expected.modRevision);
  if (value !== null) writeSized(writer, value);
  if (atMs !== 0) writeNumber(writer, atMs);
}

/** Exact for puts and deletes, so that the usual operations are written without a copy. */
function encodedSize(operation: KvOperation): number {
  if (!("key" in operation)) return OTHER_BYTES;
  const keySize = 2 + sizedSize(operation.key);
  switch (operation.type) {
    case "put": {
      const { lease = 0, atMs = 0 } = operation;
      const leaseSize = lease === 0 ? 0 : numberSize(lease);
      const timeSize = atMs === 0 ? 0 : numberSize(atMs);
      return keySize + sizedSize(operation.value) + leaseSize + timeSize;
    }
    case "delete":
      return keySize + sizedSize(operation.rangeEnd);
    case "compare_and_set":
      return keySize + 16;
  }
}
