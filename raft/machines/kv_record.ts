import type { ByteString } from "./byte_string.ts";
import {
  readByteString,
  type Reader,
  readNumber,
  writeNumber,
  type Writer,
  writeSized,
} from "./wire.ts";

/** What a record counts for beyond its key and value. */
export const RECORD_OVERHEAD_BYTES = 128;

/** A key with its value and history. Never changed once made. */
export interface KvRecord {
  readonly key: ByteString;
  readonly value: ByteString;
  /** The revision that made the key, this time. */
  readonly createRevision: number;
  /** The revision that last changed it. */
  readonly modRevision: number;
  /** How often it was set since it was made; 1 at first. */
  readonly version: number;
  /** The lease with which it goes; 0 for none. */
  readonly lease: number;
}

/**
 * Writes a record.
 *
 * @param writer Moves on behind it.
 * @param record The record.
 */
export function writeRecord(writer: Writer, record: KvRecord): void {
  writeSized(writer, record.key);
  writeSized(writer, record.value);
  writeNumber(writer, record.createRevision);
  writeNumber(writer, record.modRevision);
  writeNumber(writer, record.version);
  writeNumber(writer, record.lease);
}

/**
 * Reads a record.
 *
 * @param reader Moves on behind it.
 * @param hasLease Whether it was written with its lease, as all are by now.
 * @returns The record, meaningless when the reader has failed.
 */
export function readRecord(reader: Reader, hasLease = true): KvRecord {
  const key = readByteString(reader);
  const value = readByteString(reader);
  const createRevision = readNumber(reader);
  const modRevision = readNumber(reader);
  const version = readNumber(reader);
  const lease = hasLease ? readNumber(reader) : 0;
  return { key, value, createRevision, modRevision, version, lease };
}
