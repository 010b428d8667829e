import type { ByteString } from "./byte_string.ts";
import {
  createReader,
  createWriter,
  finishWriter,
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
}

/** What a key-value store can be told to do. */
export type KvOperation = KvPut | KvDelete | KvCompareAndSet;

const PUT = 1;
const DELETE = 2;
const COMPARE_AND_SET = 3;

const RETURN_PREVIOUS = 1;
const EXPECT_VALUE = 1;
const SET_VALUE = 2;

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
  switch (operation.type) {
    case "put":
      writeByte(writer, PUT);
      writeByte(writer, operation.returnPrevious ? RETURN_PREVIOUS : 0);
      writeSized(writer, operation.key);
      writeSized(writer, operation.value);
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
  }
  return finishWriter(writer);
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
  const operation = readBody(reader, tag, flags);
  return readCompletely(reader) ? operation : null;
}

function readBody(
  reader: Reader,
  tag: number,
  flags: number,
): KvOperation | null {
  if (tag === COMPARE_AND_SET) return readCompareAndSet(reader, flags);
  if (flags > RETURN_PREVIOUS) return null;
  const returnPrevious = flags === RETURN_PREVIOUS;
  const key = readByteString(reader);
  const second = readByteString(reader);
  if (tag === PUT) return { type: "put", key, value: second, returnPrevious };
  if (tag !== DELETE) return null;
  return { type: "delete", key, rangeEnd: second, returnPrevious };
}

function readCompareAndSet(
  reader: Reader,
  flags: number,
): KvCompareAndSet | null {
  if (flags > EXPECT_VALUE + SET_VALUE) return null;
  const key = readByteString(reader);
  const expected: KvExpectation = (flags & EXPECT_VALUE) !== 0
    ? { type: "value", value: readByteString(reader) }
    : { type: "mod_revision", modRevision: readNumber(reader) };
  const value = (flags & SET_VALUE) !== 0 ? readByteString(reader) : null;
  return { type: "compare_and_set", key, expected, value };
}

function writeCompareAndSet(
  writer: Writer,
  operation: KvCompareAndSet,
): void {
  const { expected, key, value } = operation;
  const expects = expected.type === "value" ? EXPECT_VALUE : 0;
  writeByte(writer, COMPARE_AND_SET);
  writeByte(writer, expects | (value === null ? 0 : SET_VALUE));
  writeSized(writer, key);
  if (expected.type === "value") writeSized(writer, expected.value);
  else writeNumber(writer, expected.modRevision);
  if (value !== null) writeSized(writer, value);
}

/** Exact but for a compare-and-set, so that the usual operations are written without a copy. */
function encodedSize(operation: KvOperation): number {
  const keySize = 2 + sizedSize(operation.key);
  switch (operation.type) {
    case "put":
      return keySize + sizedSize(operation.value);
    case "delete":
      return keySize + sizedSize(operation.rangeEnd);
    case "compare_and_set":
      return keySize + 16;
  }
}
