import { Buffer } from "node:buffer";
import { shortLivedBytes } from "../../base/mod.ts";
import { type ByteString, writeByteString } from "./byte_string.ts";

/**
 * A place in bytes that are being read. A read beyond the end or of nonsense sets `failed` and
 * returns a zero value, so that a decoder checks once, at its end.
 */
export interface Reader {
  readonly data: Uint8Array;
  readonly buffer: Buffer;
  at: number;
  failed: boolean;
}

/** A place in bytes that are being written; they grow when needed. */
export interface Writer {
  data: Uint8Array;
  at: number;
}

/**
 * Begins to read.
 *
 * @param data What to read.
 * @returns A reader at its first byte.
 */
export function createReader(data: Uint8Array): Reader {
  const buffer = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return { data, buffer, at: 0, failed: false };
}

/**
 * Reads one byte.
 *
 * @param reader Moves on by one.
 * @returns The byte.
 */
export function readByte(reader: Reader): number {
  const byte = reader.data[reader.at];
  if (byte === undefined) {
    reader.failed = true;
    return 0;
  }
  reader.at += 1;
  return byte;
}

/**
 * Reads a number that {@linkcode writeNumber} wrote.
 *
 * @param reader Moves on by 1 to 8 bytes.
 * @returns A whole number from 0 to 2^53 - 1.
 */
export function readNumber(reader: Reader): number {
  let value = 0;
  let scale = 1;
  while (scale <= 2 ** 49) {
    const byte = readByte(reader);
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) {
      if (value <= Number.MAX_SAFE_INTEGER) return value;
      break;
    }
    scale *= 128;
  }
  reader.failed = true;
  return 0;
}

/**
 * Reads a length and as many bytes.
 *
 * @param reader Moves on behind them.
 * @returns The bytes as a byte string.
 */
export function readByteString(reader: Reader): ByteString {
  const length = readNumber(reader);
  const end = reader.at + length;
  if (reader.failed || end > reader.data.length) {
    reader.failed = true;
    return "";
  }
  const value = reader.buffer.toString("latin1", reader.at, end);
  reader.at = end;
  return value;
}

/**
 * Says whether everything was read, to the last byte and without a fault.
 *
 * @param reader The reader, after the last field.
 * @returns Whether the bytes were well formed.
 */
export function readCompletely(reader: Reader): boolean {
  return !reader.failed && reader.at === reader.data.length;
}

/**
 * Begins to write.
 *
 * @param capacityBytes The expected size; exact saves a copy.
 * @returns An empty writer.
 */
export function createWriter(capacityBytes: number): Writer {
  return { data: shortLivedBytes(capacityBytes), at: 0 };
}

/**
 * Ends writing.
 *
 * @param writer Must not be written to any more.
 * @returns What was written, in an array without spare room.
 */
export function finishWriter(writer: Writer): Uint8Array {
  const { data, at } = writer;
  return at === data.length ? data : data.slice(0, at);
}

/**
 * Writes one byte.
 *
 * @param writer Moves on by one.
 * @param byte 0 to 255.
 */
export function writeByte(writer: Writer, byte: number): void {
  reserve(writer, 1);
  writer.data[writer.at] = byte;
  writer.at += 1;
}

/**
 * Writes a number, seven bits a byte, the lowest first.
 *
 * @param writer Moves on by {@linkcode numberSize} bytes.
 * @param value A whole number from 0 to 2^53 - 1.
 */
export function writeNumber(writer: Writer, value: number): void {
  reserve(writer, numberSize(value));
  const { data } = writer;
  let rest = value;
  while (rest >= 0x80) {
    data[writer.at] = (rest % 128) | 0x80;
    writer.at += 1;
    rest = Math.floor(rest / 128);
  }
  data[writer.at] = rest;
  writer.at += 1;
}

/**
 * Writes a length and the bytes themselves.
 *
 * @param writer Moves on behind them.
 * @param value The bytes.
 */
export function writeSized(writer: Writer, value: ByteString): void {
  writeNumber(writer, value.length);
  reserve(writer, value.length);
  writeByteString(value, writer.data, writer.at);
  writer.at += value.length;
}

/**
 * Writes bytes as they are.
 *
 * @param writer Moves on behind them.
 * @param bytes The bytes.
 */
export function writeBytes(writer: Writer, bytes: Uint8Array): void {
  reserve(writer, bytes.length);
  writer.data.set(bytes, writer.at);
  writer.at += bytes.length;
}

/**
 * Says how long a number is once written.
 *
 * @param value A whole number from 0 to 2^53 - 1.
 * @returns 1 to 8 bytes.
 */
export function numberSize(value: number): number {
  let size = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 128)) size += 1;
  return size;
}

/**
 * Says how long {@linkcode writeSized} makes a value.
 *
 * @param value The bytes.
 * @returns Their length and that of the length before them.
 */
export function sizedSize(value: ByteString): number {
  return numberSize(value.length) + value.length;
}

function reserve(writer: Writer, bytes: number): void {
  const needed = writer.at + bytes;
  if (needed <= writer.data.length) return;
  const grown = new Uint8Array(Math.max(needed, writer.data.length * 2));
  grown.set(writer.data.subarray(0, writer.at));
  writer.data = grown;
}
