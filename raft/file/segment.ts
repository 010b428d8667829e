import { crc32 } from "node:zlib";
import { invariant } from "../../base/mod.ts";
import type { HardState } from "../core/mod.ts";
import type { LogIdentity } from "../ports.ts";
import { NewerFormatError } from "./errors.ts";
import {
  FORMAT_VERSION,
  getNumber,
  isBlank,
  putNumber,
  SECTOR_BYTES,
  viewOf,
} from "./format.ts";
import { getHardState, type LogPosition, putHardState } from "./record.ts";

/** A segment's header fills its first sector; magic, version and checksum keep their places for ever. */
export const SEGMENT_HEADER_BYTES: number = SECTOR_BYTES;

const MAGIC = new TextEncoder().encode("PGRAFTLG");
const CLUSTER_AT = 112;
const CRC_AT = SEGMENT_HEADER_BYTES - 8;
const LAST_BYTE = 0xd3;
/** The longest cluster id, in UTF-8. */
const MAX_CLUSTER_ID_BYTES = 255;

/** What a segment says at its head, so that a log can begin with any segment. */
export interface SegmentHeader {
  readonly identity: LogIdentity;
  /** The segment's number; the first is 1. */
  readonly sequence: number;
  /** Where the segment before ends; 0 in the first. */
  readonly previousEnd: number;
  /** The hard state when the segment was begun. */
  readonly hardState: HardState;
  /** The log's base when the segment was begun. */
  readonly base: LogPosition;
  /** The log's last entry when the segment was begun. */
  readonly last: LogPosition;
}

/** What lies at a segment's head; see `Finding` of the records. */
export type HeadFinding =
  | { readonly state: "header"; readonly header: SegmentHeader }
  | { readonly state: "blank" | "torn" | "damaged" };

/**
 * Returns the file name of a segment.
 *
 * @param sequence Its number.
 * @returns The name; names sort as numbers do.
 */
export function segmentName(sequence: number): string {
  return `${String(sequence).padStart(16, "0")}.log`;
}

/**
 * Reads the number out of a segment's file name.
 *
 * @param name Any file name.
 * @returns The number, or null when it is no segment.
 */
export function segmentSequence(name: string): number | null {
  const digits = /^(\d{16})\.log$/.exec(name)?.[1];
  return digits === undefined ? null : Number(digits);
}

/**
 * Encodes a segment's header.
 *
 * @param header The header.
 * @returns One sector.
 * @throws {RangeError} When the cluster id is too long.
 */
export function encodeSegmentHeader(header: SegmentHeader): Uint8Array {
  const { identity } = header;
  const clusterId = new TextEncoder().encode(identity.clusterId);
  if (clusterId.length > MAX_CLUSTER_ID_BYTES) {
    throw new RangeError(
      `Cluster id of ${clusterId.length} bytes exceeds ${MAX_CLUSTER_ID_BYTES}: choose a shorter one`,
    );
  }
  const bytes = new Uint8Array(SEGMENT_HEADER_BYTES);
  const view = viewOf(bytes);
  bytes.set(MAGIC);
  view.setUint32(8, FORMAT_VERSION, true);
  view.setUint32(12, clusterId.length, true);
  putNumber(view, 16, header.sequence);
  putNumber(view, 24, identity.nodeId);
  putNumber(view, 32, identity.incarnation);
  putHardState(view, 40, header.hardState);
  putNumber(view, 64, header.base.index);
  putNumber(view, 72, header.base.term);
  putNumber(view, 80, header.last.index);
  putNumber(view, 88, header.last.term);
  putNumber(view, 96, header.previousEnd);
  bytes.set(clusterId, CLUSTER_AT);
  view.setUint32(CRC_AT, crc32(bytes.subarray(0, CRC_AT)), true);
  bytes[SEGMENT_HEADER_BYTES - 1] = LAST_BYTE;
  return bytes;
}

/**
 * Finds out what lies at a segment's head.
 *
 * @param bytes The segment.
 * @param name Its name, for the error.
 * @returns What lies there.
 * @throws {NewerFormatError} When a newer version wrote it.
 */
export function inspectHead(bytes: Uint8Array, name: string): HeadFinding {
  if (bytes.length < SEGMENT_HEADER_BYTES) {
    return isBlank(bytes) ? { state: "blank" } : { state: "torn" };
  }
  const head = bytes.subarray(0, SEGMENT_HEADER_BYTES);
  const view = viewOf(head);
  const whole = MAGIC.every((byte, at) => head[at] === byte) &&
    view.getUint32(CRC_AT, true) === crc32(head.subarray(0, CRC_AT)) &&
    head[SEGMENT_HEADER_BYTES - 1] === LAST_BYTE;
  if (!whole) {
    if (isBlank(head)) return { state: "blank" };
    const torn = head[0] === 0 || head[SEGMENT_HEADER_BYTES - 1] === 0;
    return { state: torn ? "torn" : "damaged" };
  }
  const version = view.getUint32(8, true);
  if (version > FORMAT_VERSION) {
    throw new NewerFormatError(name, version, FORMAT_VERSION);
  }
  return { state: "header", header: decodeHeader(head, view) };
}

function decodeHeader(head: Uint8Array, view: DataView): SegmentHeader {
  const length = view.getUint32(12, true);
  invariant(
    length <= MAX_CLUSTER_ID_BYTES,
    `cluster id of ${length} bytes in a valid header`,
  );
  const clusterId = head.subarray(CLUSTER_AT, CLUSTER_AT + length);
  return {
    identity: {
      clusterId: new TextDecoder().decode(clusterId),
      nodeId: getNumber(view, 24),
      incarnation: getNumber(view, 32),
    },
    sequence: getNumber(view, 16),
    previousEnd: getNumber(view, 96),
    hardState: getHardState(view, 40),
    base: { index: getNumber(view, 64), term: getNumber(view, 72) },
    last: { index: getNumber(view, 80), term: getNumber(view, 88) },
  };
}
