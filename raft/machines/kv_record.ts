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
  /** When it was made, this time, by the clock of whoever asked for it, since 1970; 0 where that is not known. */
  readonly createdAtMs: number;
  /** When it was last set. */
  readonly updatedAtMs: number;
}

/** How much was written of a record: each format has what those before it have. */
export type RecordFormat = "plain" | "leased" | "timed";

/**
 * Writes a record.
 *
 * @param writer Moves on behind it.
 * @param record The record.
 * @param format How much of it: all for a snapshot; a result goes without times.
 */
export function writeRecord(
  writer: Writer,
  record: KvRecord,
  format: "leased" | "timed",
): void {
  writeSized(writer, record.key);
  writeSized(writer, record.value);
  writeNumber(writer, record.createRevision);
  writeNumber(writer, record.modRevision);
  writeNumber(writer, record.version);
  writeNumber(writer, record.lease);
  if (format === "leased") return;
  writeNumber(writer, record.createdAtMs);
  writeNumber(writer, record.updatedAtMs);
}

/**
 * Reads a record.
 *
 * @param reader Moves on behind it.
 * @param format How much of it was written.
 * @returns The record, meaningless when the reader has failed.
 */
export function readRecord(reader: Reader, format: RecordFormat): KvRecord {
  const key = readByteString(reader);
  const value = readByteString(reader);
  const createRevision = readNumber(reader);
  const modRevision = readNumber(reader);
  const version = readNumber(reader);
  const lease = format === "plain" ? 0 : readNumber(reader);
  const isTimed = format === "timed";
  return {
    key,
    value,
    createRevision,
    modRevision,
    version,
    lease,
    createdAtMs: isTimed ? readNumber(reader) : 0,
    updatedAtMs: isTimed ? readNumber(reader) : 0,
  };
}
