import { crc32 } from "node:zlib";
import type { Configuration, Index, SnapshotMeta, Term } from "../core/mod.ts";
import { CorruptLogError, NewerFormatError } from "./errors.ts";
import type { StoreFile } from "./file_system.ts";
import { FORMAT_VERSION, getNumber, putNumber, viewOf } from "./format.ts";

/** Each block of a snapshot's content has its own checksum, so that any part read can be checked. */
export const SNAPSHOT_BLOCK_BYTES = 64 * 1024;

const MAGIC = new TextEncoder().encode("PGRAFTSN");
const END_MAGIC = new TextEncoder().encode("NSTFARGP");
const PREFIX_BYTES = 20;
const TRAILER_BYTES = 32;
const MAX_META_BYTES = 1024 * 1024;

/** What a snapshot says of itself at its head. */
export interface SnapshotHead {
  readonly clusterId: string;
  readonly index: Index;
  readonly term: Term;
  readonly configuration: Configuration;
  readonly configurationIndex: Index;
}

/** A complete snapshot's file. */
export interface SnapshotFile {
  readonly name: string;
  readonly meta: SnapshotMeta;
  readonly clusterId: string;
  /** Where the content begins. */
  readonly contentAt: number;
  /** The checksum of each block. */
  readonly blockCrcs: Uint32Array;
}

/**
 * Returns the file name of a snapshot.
 *
 * @param index Its index.
 * @param term Its term.
 * @returns The name; names sort as indexes do.
 */
export function snapshotName(index: Index, term: Term): string {
  const pad = (value: number): string => String(value).padStart(16, "0");
  return `${pad(index)}-${pad(term)}.snapshot`;
}

/**
 * Tells whether a file is a snapshot that was once complete.
 *
 * @param name Any file name.
 * @returns Whether it is.
 */
export function isSnapshotName(name: string): boolean {
  return /^\d{16}-\d{16}\.snapshot$/.test(name);
}

/**
 * Encodes a snapshot's head.
 *
 * @param head The head.
 * @returns What comes before the content.
 */
export function encodeSnapshotHead(head: SnapshotHead): Uint8Array {
  const json = new TextEncoder().encode(JSON.stringify(head));
  const bytes = new Uint8Array(PREFIX_BYTES + json.length);
  const view = viewOf(bytes);
  bytes.set(MAGIC);
  view.setUint32(8, FORMAT_VERSION, true);
  view.setUint32(12, json.length, true);
  bytes.set(json, PREFIX_BYTES);
  view.setUint32(16, crc32(json, crc32(bytes.subarray(0, 16))), true);
  return bytes;
}

/**
 * Encodes what comes after a snapshot's content: the blocks' checksums and a trailer.
 *
 * @param head The encoded head.
 * @param contentBytes The content's size.
 * @param blockCrcs The checksum of each block.
 * @returns The bytes.
 */
export function encodeSnapshotEnd(
  head: Uint8Array,
  contentBytes: number,
  blockCrcs: readonly number[],
): Uint8Array {
  const table = blockCrcs.length * 4;
  const bytes = new Uint8Array(table + TRAILER_BYTES);
  const view = viewOf(bytes);
  blockCrcs.forEach((crc, at) => view.setUint32(at * 4, crc, true));
  putNumber(view, table, contentBytes);
  view.setUint32(table + 8, SNAPSHOT_BLOCK_BYTES, true);
  view.setUint32(table + 12, crc32(head), true);
  view.setUint32(table + 16, crc32(bytes.subarray(0, table + 16)), true);
  bytes.set(END_MAGIC, table + 24);
  return bytes;
}

/** Says what is wrong with a file; caught where the file is named. */
class Damage extends Error {
  readonly offset: number;

  constructor(offset: number, what: string) {
    super(what);
    this.offset = offset;
  }
}

async function readPart(
  file: StoreFile,
  offset: number,
  length: number,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  const count = await file.read(offset, bytes);
  if (count < length) throw new Damage(offset + count, "the file ends early");
  return bytes;
}

async function readHead(
  file: StoreFile,
  name: string,
): Promise<{ bytes: Uint8Array; head: SnapshotHead }> {
  const prefix = await readPart(file, 0, PREFIX_BYTES);
  const view = viewOf(prefix);
  if (!MAGIC.every((byte, at) => prefix[at] === byte)) {
    throw new Damage(0, "it does not begin as a snapshot");
  }
  const length = view.getUint32(12, true);
  if (length > MAX_META_BYTES) throw new Damage(12, "its head is too long");
  const bytes = await readPart(file, 0, PREFIX_BYTES + length);
  const json = bytes.subarray(PREFIX_BYTES);
  const crc = crc32(json, crc32(bytes.subarray(0, 16)));
  if (crc !== view.getUint32(16, true)) {
    throw new Damage(PREFIX_BYTES, "wrong checksum of its head");
  }
  const version = view.getUint32(8, true);
  if (version > FORMAT_VERSION) {
    throw new NewerFormatError(name, version, FORMAT_VERSION);
  }
  // The checksum says that this program, or an older one, wrote it.
  const head: SnapshotHead = JSON.parse(new TextDecoder().decode(json));
  return { bytes, head };
}

async function readSnapshotFile(
  file: StoreFile,
  name: string,
): Promise<SnapshotFile> {
  const size = await file.size();
  const { bytes, head } = await readHead(file, name);
  const trailerAt = size - TRAILER_BYTES;
  if (trailerAt < bytes.length) throw new Damage(size, "the file ends early");
  const trailer = await readPart(file, trailerAt, TRAILER_BYTES);
  const view = viewOf(trailer);
  const sizeBytes = getNumber(view, 0);
  const blocks = Math.ceil(sizeBytes / SNAPSHOT_BLOCK_BYTES);
  const tableAt = bytes.length + sizeBytes;
  const whole = END_MAGIC.every((byte, at) => trailer[24 + at] === byte) &&
    tableAt + blocks * 4 === trailerAt &&
    view.getUint32(12, true) === crc32(bytes);
  if (!whole) throw new Damage(trailerAt, "its trailer does not fit");
  const table = await readPart(file, tableAt, blocks * 4);
  const crc = crc32(trailer.subarray(0, 16), crc32(table));
  if (crc !== view.getUint32(16, true)) {
    throw new Damage(tableAt, "wrong checksum of its trailer");
  }
  const blockCrcs = new Uint32Array(blocks);
  const tableView = viewOf(table);
  for (let at = 0; at < blocks; at++) {
    blockCrcs[at] = tableView.getUint32(at * 4, true);
  }
  const { clusterId, ...rest } = head;
  return {
    name,
    meta: { ...rest, sizeBytes },
    clusterId,
    contentAt: bytes.length,
    blockCrcs,
  };
}

async function readBlocks(
  file: StoreFile,
  snapshot: SnapshotFile,
  offset: number,
  length: number,
): Promise<Uint8Array> {
  const size = snapshot.meta.sizeBytes;
  const end = Math.min(size, offset + length);
  if (offset >= end) return new Uint8Array(0);
  const first = Math.floor(offset / SNAPSHOT_BLOCK_BYTES);
  const from = first * SNAPSHOT_BLOCK_BYTES;
  const to = Math.ceil(end / SNAPSHOT_BLOCK_BYTES) * SNAPSHOT_BLOCK_BYTES;
  const span = Math.min(size, to) - from;
  const bytes = await readPart(file, snapshot.contentAt + from, span);
  for (let at = 0; at < span; at += SNAPSHOT_BLOCK_BYTES) {
    const block = bytes.subarray(at, at + SNAPSHOT_BLOCK_BYTES);
    const number = first + at / SNAPSHOT_BLOCK_BYTES;
    if (crc32(block) !== snapshot.blockCrcs[number]) {
      const where = snapshot.contentAt + from + at;
      throw new Damage(where, "wrong checksum of a block");
    }
  }
  return bytes.subarray(offset - from, end - from);
}

async function naming<T>(path: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof Damage)) throw error;
    throw new CorruptLogError(path, error.offset, error.message);
  }
}

/**
 * Reads what a snapshot's file says of itself, and checks all of its content.
 *
 * @param file The open file.
 * @param name Its name.
 * @param path Its name in errors.
 * @returns The snapshot.
 * @throws {CorruptLogError} When it is incomplete or damaged.
 * @throws {NewerFormatError} When a newer version wrote it.
 */
export function checkSnapshotFile(
  file: StoreFile,
  name: string,
  path: string,
): Promise<SnapshotFile> {
  async function check(): Promise<SnapshotFile> {
    const snapshot = await readSnapshotFile(file, name);
    const step = SNAPSHOT_BLOCK_BYTES * 16;
    for (let at = 0; at < snapshot.meta.sizeBytes; at += step) {
      await readBlocks(file, snapshot, at, step);
    }
    return snapshot;
  }
  return naming(path, check());
}

/**
 * Reads a part of a snapshot's content and checks it.
 *
 * @param file The open file.
 * @param snapshot The snapshot.
 * @param path Its name in errors.
 * @param offset Where in the content to begin.
 * @param maxBytes How much to read.
 * @returns The bytes; empty at the end.
 * @throws {CorruptLogError} When it is damaged.
 */
export function readSnapshotContent(
  file: StoreFile,
  snapshot: SnapshotFile,
  path: string,
  offset: number,
  maxBytes: number,
): Promise<Uint8Array> {
  return naming(path, readBlocks(file, snapshot, offset, maxBytes));
}
