import { invariant } from "../../base/mod.ts";
import { FrameError } from "./frame.ts";

const TWO_TO_32 = 0x100000000;
const TEXT_ENCODER = new TextEncoder();
const TEXT_DECODER = new TextDecoder("utf-8", { fatal: true });

/** A buffer that grows as it is written, and the place of the next byte. */
export interface ByteWriter {
  bytes: Uint8Array<ArrayBuffer>;
  view: DataView;
  at: number;
}

/**
 * Makes an empty buffer.
 *
 * @param sizeBytes What is expected to be written; more makes it grow.
 * @returns The buffer.
 */
export function createWriter(sizeBytes: number): ByteWriter {
  const bytes = new Uint8Array(Math.max(sizeBytes, 16));
  return { bytes, view: new DataView(bytes.buffer), at: 0 };
}

function claim(writer: ByteWriter, sizeBytes: number): number {
  const at = writer.at;
  const end = at + sizeBytes;
  if (end > writer.bytes.length) {
    const grown = new Uint8Array(Math.max(end, writer.bytes.length * 2));
    grown.set(writer.bytes.subarray(0, at));
    writer.bytes = grown;
    writer.view = new DataView(grown.buffer);
  }
  writer.at = end;
  return at;
}

/** Writes one byte. */
export function putU8(writer: ByteWriter, value: number): void {
  const at = claim(writer, 1);
  writer.bytes[at] = value;
}

/** Writes true or false. */
export function putBoolean(writer: ByteWriter, value: boolean): void {
  putU8(writer, value ? 1 : 0);
}

/** Writes a node's id, 0 for none. */
export function putNodeId(writer: ByteWriter, value: number): void {
  invariant(isNodeId(value) || value === 0, `${value} is no node id`);
  const at = claim(writer, 2);
  writer.view.setUint16(at, value);
}

/** Writes a number below 2^32. */
export function putU32(writer: ByteWriter, value: number): void {
  const at = claim(writer, 4);
  writer.view.setUint32(at, value);
}

/** Writes a whole number from 0 to 2^53 - 1. */
export function putCount(writer: ByteWriter, value: number): void {
  invariant(
    Number.isSafeInteger(value) && value >= 0,
    `${value} is no whole number from 0 to 2^53 - 1`,
  );
  const at = claim(writer, 8);
  writer.view.setUint32(at, Math.floor(value / TWO_TO_32));
  writer.view.setUint32(at + 4, value >>> 0);
}

/** Writes any finite number. */
export function putNumber(writer: ByteWriter, value: number): void {
  invariant(Number.isFinite(value), `${value} is not finite`);
  const at = claim(writer, 8);
  writer.view.setFloat64(at, value);
}

/** Writes bytes with their length. */
export function putBytes(writer: ByteWriter, value: Uint8Array): void {
  putU32(writer, value.length);
  const at = claim(writer, value.length);
  writer.bytes.set(value, at);
}

/** Writes a value as JSON, with its length. */
export function putJson(writer: ByteWriter, value: unknown): void {
  putBytes(writer, TEXT_ENCODER.encode(JSON.stringify(value)));
}

/** The content of one frame, and the place of the next byte. */
export interface ByteReader {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly view: DataView;
  at: number;
}

/**
 * Makes a reader.
 *
 * @param bytes What to read; views of it are handed out.
 * @returns The reader, at the first byte.
 */
export function createReader(bytes: Uint8Array<ArrayBuffer>): ByteReader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return { bytes, view, at: 0 };
}

/** Returns how many bytes are left. */
export function bytesLeft(reader: ByteReader): number {
  return reader.bytes.length - reader.at;
}

function advance(reader: ByteReader, sizeBytes: number): number {
  if (sizeBytes > bytesLeft(reader)) {
    throw new FrameError(
      `Frame ends early: ${sizeBytes} bytes wanted at ${reader.at} of ${reader.bytes.length}`,
    );
  }
  const at = reader.at;
  reader.at += sizeBytes;
  return at;
}

/** Reads one byte. */
export function takeU8(reader: ByteReader): number {
  return reader.view.getUint8(advance(reader, 1));
}

/** Reads true or false. */
export function takeBoolean(reader: ByteReader): boolean {
  const value = takeU8(reader);
  if (value > 1) throw new FrameError(`Frame has ${value} for true or false`);
  return value === 1;
}

/** Reads the id of a node. */
export function takeNodeId(reader: ByteReader): number {
  const value = takeNodeIdOrNone(reader);
  if (value === 0) throw new FrameError("Frame has no node where one must be");
  return value;
}

/** Reads the id of a node, or 0 for none. */
export function takeNodeIdOrNone(reader: ByteReader): number {
  const value = reader.view.getUint16(advance(reader, 2));
  if (value !== 0 && !isNodeId(value)) {
    throw new FrameError(`Frame has node id ${value}, which is not 1 to 1000`);
  }
  return value;
}

/** Reads a number below 2^32. */
export function takeU32(reader: ByteReader): number {
  return reader.view.getUint32(advance(reader, 4));
}

/** Reads a whole number from 0 to 2^53 - 1. */
export function takeCount(reader: ByteReader): number {
  const at = advance(reader, 8);
  const value = reader.view.getUint32(at) * TWO_TO_32 +
    reader.view.getUint32(at + 4);
  if (!Number.isSafeInteger(value)) {
    throw new FrameError("Frame has a number above 2^53 - 1");
  }
  return value;
}

/** Reads any finite number. */
export function takeNumber(reader: ByteReader): number {
  const value = reader.view.getFloat64(advance(reader, 8));
  if (!Number.isFinite(value)) {
    throw new FrameError(`Frame has ${value} where a number must be`);
  }
  return value;
}

/** Reads bytes with their length, as a view of the frame. */
export function takeBytes(reader: ByteReader): Uint8Array<ArrayBuffer> {
  const sizeBytes = takeU32(reader);
  const at = advance(reader, sizeBytes);
  return reader.bytes.subarray(at, at + sizeBytes);
}

/** Reads how many things of at least `minBytes` each follow. */
export function takeLength(reader: ByteReader, minBytes: number): number {
  const count = takeU32(reader);
  if (count * minBytes > bytesLeft(reader)) {
    throw new FrameError(`Frame is too short for ${count} parts`);
  }
  return count;
}

/** Reads one of a list of names by its place in it. */
export function takeName<const T extends string>(
  reader: ByteReader,
  names: readonly T[],
): T {
  const code = takeU8(reader);
  const name = names[code];
  if (name === undefined) {
    throw new FrameError(
      `Frame has code ${code} for one of ${names.join(", ")}`,
    );
  }
  return name;
}

/** Reads a JSON value with its length. */
export function takeJson(reader: ByteReader): unknown {
  const bytes = takeBytes(reader);
  try {
    return JSON.parse(TEXT_DECODER.decode(bytes));
  } catch (cause) {
    throw new FrameError("Frame has bytes that are no JSON", { cause });
  }
}

/** Returns whether a value is the id of a node, 1 to 1000. */
export function isNodeId(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= 1 && Number(value) <= 1000;
}
