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
  readNumber,
  writeByte,
  writeNumber,
} from "./wire.ts";

/** What a log can be told to do. */
export interface LogOperation {
  readonly type: "append";
  readonly data: Uint8Array;
}

/** What a log answers. */
export type LogResult =
  | { readonly type: "appended"; readonly position: number }
  | MachineRefusal;

const APPEND = 1;

/**
 * Encodes an operation for a log.
 *
 * @param operation What to do.
 * @returns The `data` of a `RaftOperation`.
 */
export function encodeLogOperation(operation: LogOperation): Uint8Array {
  const data = new Uint8Array(1 + operation.data.length);
  data[0] = APPEND;
  data.set(operation.data, 1);
  return data;
}

/**
 * Decodes an operation.
 *
 * @param data What {@linkcode encodeLogOperation} made.
 * @returns The operation, whose data lies in `data`; null when the bytes are malformed.
 */
export function decodeLogOperation(data: Uint8Array): LogOperation | null {
  if (data[0] !== APPEND) return null;
  return { type: "append", data: data.subarray(1) };
}

/**
 * Encodes the result of an append.
 *
 * @param position Where the entry is.
 * @returns The result.
 */
export function encodeAppended(position: number): Uint8Array {
  const writer = createWriter(1 + numberSize(position));
  writeByte(writer, ACCEPTED);
  writeNumber(writer, position);
  return finishWriter(writer);
}

/**
 * Decodes what a log answered.
 *
 * @param data What `applyOperation` returned.
 * @returns Where the entry is, or why it was refused.
 * @throws {RangeError} When these bytes are no result of a log.
 */
export function decodeLogResult(data: Uint8Array): LogResult {
  const refusal = decodeRefusal(data);
  if (refusal !== null) return refusal;
  const reader = createReader(data);
  readByte(reader);
  const position = readNumber(reader);
  if (!readCompletely(reader)) throw unreadableResult();
  return { type: "appended", position };
}
