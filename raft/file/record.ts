import { crc32 } from "node:zlib";
import { invariant } from "../../base/mod.ts";
import type { Entry, EntryKind, HardState, Index, Term } from "../core/mod.ts";
import type { LogBatch } from "../ports.ts";
import {
  getNumber,
  isBlank,
  putNumber,
  SECTOR_BYTES,
  viewOf,
} from "./format.ts";

/** The largest entry that a record takes. */
export const MAX_ENTRY_BYTES = 64 * 1024 * 1024;
/** The largest record, and with it the largest batch. */
export const MAX_RECORD_BYTES = 256 * 1024 * 1024;
/** Records begin at multiples of this, so that no header lies in two sectors. */
export const RECORD_ALIGNMENT = 32;

const HEADER_BYTES = 32;
const HARD_STATE_BYTES = 24;
const ENTRY_HEADER_BYTES = 16;
// Two bits at least, so that no single flip makes a written first or last byte look unwritten.
const FIRST_BYTE = 0xa7;
const LAST_BYTE = 0xd3;
const KINDS = ["batch", "compact", "reset"] as const;
const ENTRY_KINDS: readonly EntryKind[] = ["noop", "configuration", "command"];

/** What a record says. */
export type RecordKind = typeof KINDS[number];

/** Where a record is written; part of what its checksum covers. */
export interface RecordPlace {
  /** The segment's number. */
  readonly sequence: number;
  /** Where in the segment the record begins. */
  readonly offset: number;
  /** How far the segment is durable when the record is written. */
  readonly durable: number;
}

/** A position in the log. */
export interface LogPosition {
  readonly index: Index;
  readonly term: Term;
}

/** A valid record's header. */
export interface RecordHeader {
  readonly kind: RecordKind;
  readonly payloadBytes: number;
  readonly bodyCrc: number;
  /** How far the segment was durable when the record was written. */
  readonly durable: number;
  /** How many of the record's whole sectors hold nothing but zeros. */
  readonly zeroSectors: number;
  /** The size with header and padding. */
  readonly sizeBytes: number;
}

/** What lies at an offset: a record, nothing, what a torn write leaves, or what none can leave. */
export type Finding =
  | { readonly state: "record"; readonly header: RecordHeader }
  | { readonly state: "blank" | "torn" | "damaged"; readonly what: string };

/**
 * Returns the size of a record.
 *
 * @param payloadBytes What it carries.
 * @returns The size with header, end mark and padding.
 */
function recordBytes(payloadBytes: number): number {
  const unpadded = HEADER_BYTES + payloadBytes + 1;
  return Math.ceil(unpadded / RECORD_ALIGNMENT) * RECORD_ALIGNMENT;
}

function payloadBytes(batch: LogBatch): number {
  let bytes = 8 + (batch.hardState === null ? 0 : HARD_STATE_BYTES);
  const { entries } = batch;
  if (entries.length > 0) bytes += 8;
  for (const entry of entries) bytes += ENTRY_HEADER_BYTES + entry.data.length;
  return bytes;
}

/**
 * Returns the size of a batch's record.
 *
 * @param batch The batch.
 * @returns The size in bytes.
 */
export function batchBytes(batch: LogBatch): number {
  return recordBytes(payloadBytes(batch));
}

/** The size of a record that moves the log's base. */
export const BASE_RECORD_BYTES = recordBytes(16);

function countZeroSectors(
  bytes: Uint8Array,
  view: DataView,
  start: number,
  end: number,
  place: number,
): number {
  let count = 0;
  const skip = (SECTOR_BYTES - place % SECTOR_BYTES) % SECTOR_BYTES;
  for (let at = start + skip; at + SECTOR_BYTES <= end; at += SECTOR_BYTES) {
    // Written sectors mostly show it in their first word.
    if (view.getUint32(at, true) !== 0) continue;
    if (isZero(bytes, at, at + SECTOR_BYTES)) count++;
  }
  return count;
}

function isZero(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (bytes[at] !== 0) return false;
  return true;
}

/** Fills in header and end mark of a record whose payload is in place. */
function seal(
  bytes: Uint8Array,
  view: DataView,
  kind: RecordKind,
  payload: number,
  place: RecordPlace,
): Uint8Array {
  bytes[bytes.length - 1] = LAST_BYTE;
  bytes[0] = FIRST_BYTE;
  bytes[1] = KINDS.indexOf(kind) + 1;
  view.setUint32(4, payload, true);
  view.setUint32(8, crc32(bytes.subarray(HEADER_BYTES)), true);
  view.setUint32(12, place.offset, true);
  view.setUint32(16, place.durable, true);
  const zeros = countZeroSectors(bytes, view, 0, bytes.length, place.offset);
  view.setUint32(20, zeros, true);
  view.setUint32(24, crc32(bytes.subarray(0, 24), place.sequence >>> 0), true);
  bytes[31] = LAST_BYTE;
  return bytes;
}

/**
 * Encodes a batch as one record, which recovery takes whole or not at all.
 *
 * @param batch The batch; its entries are without a gap.
 * @param place Where the record goes.
 * @returns The record's bytes.
 * @throws {RangeError} When an entry or the batch is too large.
 */
export function encodeBatch(batch: LogBatch, place: RecordPlace): Uint8Array {
  const payload = payloadBytes(batch);
  const size = recordBytes(payload);
  if (size > MAX_RECORD_BYTES) {
    throw new RangeError(
      `Batch of ${size} bytes exceeds the limit of ${MAX_RECORD_BYTES}: write it in parts`,
    );
  }
  const bytes = new Uint8Array(size);
  const view = viewOf(bytes);
  let at = HEADER_BYTES;
  bytes[at] = batch.hardState === null ? 0 : 1;
  view.setUint32(at + 4, batch.entries.length, true);
  at += 8;
  if (batch.hardState !== null) {
    putHardState(view, at, batch.hardState);
    at += HARD_STATE_BYTES;
  }
  putEntries(bytes, view, at, batch.entries);
  return seal(bytes, view, "batch", payload, place);
}

/**
 * Writes a hard state in 24 bytes.
 *
 * @param view Where.
 * @param at At which byte.
 * @param hardState The hard state.
 */
export function putHardState(
  view: DataView,
  at: number,
  hardState: HardState,
): void {
  putNumber(view, at, hardState.term);
  putNumber(view, at + 8, hardState.commit);
  putNumber(view, at + 16, hardState.votedFor);
}

/**
 * Reads what {@linkcode putHardState} wrote.
 *
 * @param view Where.
 * @param at At which byte.
 * @returns The hard state.
 */
export function getHardState(view: DataView, at: number): HardState {
  return {
    term: getNumber(view, at),
    votedFor: getNumber(view, at + 16),
    commit: getNumber(view, at + 8),
  };
}

function putEntries(
  bytes: Uint8Array,
  view: DataView,
  start: number,
  entries: readonly Entry[],
): void {
  const first = entries[0];
  if (first === undefined) return;
  putNumber(view, start, first.index);
  let at = start + 8;
  let index = first.index;
  for (const entry of entries) {
    const { data } = entry;
    invariant(entry.index === index, `entry ${entry.index} follows a gap`);
    index++;
    if (data.length > MAX_ENTRY_BYTES) {
      throw new RangeError(
        `Entry of ${data.length} bytes exceeds the limit of ${MAX_ENTRY_BYTES}: write less at once`,
      );
    }
    putNumber(view, at, entry.term);
    view.setUint32(at + 8, data.length, true);
    bytes[at + 12] = ENTRY_KINDS.indexOf(entry.kind) + 1;
    bytes.set(data, at + ENTRY_HEADER_BYTES);
    at += ENTRY_HEADER_BYTES + data.length;
  }
}

/**
 * Encodes a record that moves the log's base.
 *
 * @param kind `compact` keeps the entries after the new base, `reset` drops all.
 * @param base The new base.
 * @param place Where the record goes.
 * @returns The record's bytes.
 */
export function encodeBase(
  kind: "compact" | "reset",
  base: LogPosition,
  place: RecordPlace,
): Uint8Array {
  const bytes = new Uint8Array(BASE_RECORD_BYTES);
  const view = viewOf(bytes);
  putNumber(view, HEADER_BYTES, base.index);
  putNumber(view, HEADER_BYTES + 8, base.term);
  return seal(bytes, view, kind, 16, place);
}

/**
 * Reads a record's header.
 *
 * @param bytes The segment.
 * @param view A view over it.
 * @param offset Where the header would be.
 * @param sequence The segment's number.
 * @returns The header, or null when there is no valid one.
 */
export function readHeader(
  bytes: Uint8Array,
  view: DataView,
  offset: number,
  sequence: number,
): RecordHeader | null {
  if (offset + HEADER_BYTES > bytes.length) return null;
  if (bytes[offset] !== FIRST_BYTE || bytes[offset + 31] !== LAST_BYTE) {
    return null;
  }
  const crc = crc32(bytes.subarray(offset, offset + 24), sequence >>> 0);
  if (view.getUint32(offset + 24, true) !== crc) return null;
  if (view.getUint32(offset + 12, true) !== offset) return null;
  const kind = KINDS[(bytes[offset + 1] ?? 0) - 1];
  if (kind === undefined) return null;
  const payload = view.getUint32(offset + 4, true);
  return {
    kind,
    payloadBytes: payload,
    bodyCrc: view.getUint32(offset + 8, true),
    durable: view.getUint32(offset + 16, true),
    zeroSectors: view.getUint32(offset + 20, true),
    sizeBytes: recordBytes(payload),
  };
}

/**
 * Finds out what lies where a record would begin.
 *
 * @param bytes The segment.
 * @param view A view over it.
 * @param offset Where to look.
 * @param sequence The segment's number.
 * @returns What lies there.
 */
export function inspectRecord(
  bytes: Uint8Array,
  view: DataView,
  offset: number,
  sequence: number,
): Finding {
  const end = offset + HEADER_BYTES;
  if (end > bytes.length) return { state: "blank", what: "the file ends" };
  const header = readHeader(bytes, view, offset, sequence);
  if (header === null) {
    const raw = bytes.subarray(offset, end);
    if (isBlank(raw)) return { state: "blank", what: "no record begins here" };
    const torn = raw[0] === 0 || raw[HEADER_BYTES - 1] === 0;
    return { state: torn ? "torn" : "damaged", what: "invalid record header" };
  }
  const last = offset + header.sizeBytes;
  if (last > bytes.length) {
    return { state: "damaged", what: "the record exceeds the file" };
  }
  const body = bytes.subarray(end, last);
  if (crc32(body) === header.bodyCrc) return { state: "record", header };
  const zeros = countZeroSectors(bytes, view, offset, last, offset);
  const torn = bytes[last - 1] === 0 || zeros > header.zeroSectors;
  return { state: torn ? "torn" : "damaged", what: "wrong record checksum" };
}

/**
 * Decodes a batch record; the entries' data are views into the segment.
 *
 * @param bytes The segment.
 * @param view A view over it.
 * @param offset Where the valid record begins.
 * @returns The batch.
 */
export function decodeBatch(
  bytes: Uint8Array,
  view: DataView,
  offset: number,
): { hardState: HardState | null; entries: Entry[] } {
  let at = offset + HEADER_BYTES;
  const flags = bytes[at];
  const count = view.getUint32(at + 4, true);
  at += 8;
  const hardState = flags === 1 ? getHardState(view, at) : null;
  if (hardState !== null) at += HARD_STATE_BYTES;
  const entries: Entry[] = [];
  if (count === 0) return { hardState, entries };
  let index = getNumber(view, at);
  at += 8;
  for (let n = 0; n < count; n++) {
    const term = getNumber(view, at);
    const length = view.getUint32(at + 8, true);
    const kind = ENTRY_KINDS[(bytes[at + 12] ?? 0) - 1];
    invariant(kind !== undefined, `entry ${index} has an unknown kind`);
    at += ENTRY_HEADER_BYTES;
    entries.push({ index, term, kind, data: bytes.subarray(at, at + length) });
    at += length;
    index++;
  }
  return { hardState, entries };
}

/**
 * Decodes a record that moves the log's base.
 *
 * @param view A view over the segment.
 * @param offset Where the valid record begins.
 * @returns The new base.
 */
export function decodeBase(view: DataView, offset: number): LogPosition {
  return {
    index: getNumber(view, offset + HEADER_BYTES),
    term: getNumber(view, offset + HEADER_BYTES + 8),
  };
}
