import { crc32 } from "node:zlib";
import { invariant, messageOf } from "../../base/mod.ts";
import type { Index, SnapshotMeta } from "../core/mod.ts";
import type { SnapshotWriter } from "../ports.ts";
import {
  CorruptLogError,
  ForeignStoreError,
  SnapshotGoneError,
} from "./errors.ts";
import type { FileSystem, StoreFile } from "./file_system.ts";
import {
  checkSnapshotFile,
  encodeSnapshotEnd,
  encodeSnapshotHead,
  isSnapshotName,
  readSnapshotContent,
  SNAPSHOT_BLOCK_BYTES,
  type SnapshotFile,
  snapshotName,
} from "./snapshot_file.ts";

/** How many snapshots are kept: the older one may still be on its way to a slow member. */
const KEPT_SNAPSHOTS = 2;
/** How much may wait in the kernel's cache, so that syncs of the log are not held up behind it. */
const MAX_UNSYNCED_BYTES = 8 * 1024 * 1024;
const TEMPORARY_SUFFIX = ".tmp";

/** The snapshots of a store. */
export interface SnapshotShelf {
  readonly directory: string;
  readonly files: FileSystem;
  readonly clusterId: string;
  readonly warn: (message: string) => void;
  /** Complete snapshots, the newest first. */
  kept: SnapshotFile[];
  /** Damaged snapshots that were passed over. */
  readonly damaged: readonly CorruptLogError[];
  /** Names of files that are being put in place. */
  readonly arriving: Set<string>;
  nextTemporary: number;
}

/**
 * Finds the newest snapshot that is complete. Changes nothing.
 *
 * @param files The directory.
 * @param directory Its name in errors.
 * @param clusterId The cluster whose snapshots they must be.
 * @param warn Is told of damaged ones.
 * @returns The shelf.
 * @throws {ForeignStoreError} When the newest is another cluster's.
 * @throws {NewerFormatError} When a newer version wrote it.
 */
export async function findSnapshots(
  files: FileSystem,
  directory: string,
  clusterId: string,
  warn: (message: string) => void,
): Promise<SnapshotShelf> {
  const names = (await files.list()).filter(isSnapshotName).sort().reverse();
  const kept: SnapshotFile[] = [];
  const damaged: CorruptLogError[] = [];
  for (const name of names) {
    try {
      kept.push(await checkNamed(files, directory, name));
      break;
    } catch (error) {
      if (!(error instanceof CorruptLogError)) throw error;
      damaged.push(error);
      warn(`A snapshot is passed over. ${error.message}`);
    }
  }
  const owner = kept[0]?.clusterId ?? clusterId;
  if (owner !== clusterId) {
    throw new ForeignStoreError(
      `Directory "${directory}" holds a snapshot of cluster "${owner}", not of "${clusterId}": choose another directory`,
    );
  }
  return {
    directory,
    files,
    clusterId,
    warn,
    kept,
    damaged,
    arriving: new Set(),
    nextTemporary: 1,
  };
}

async function checkNamed(
  files: FileSystem,
  directory: string,
  name: string,
): Promise<SnapshotFile> {
  const file = await files.open(name);
  try {
    return await checkSnapshotFile(file, name, `${directory}/${name}`);
  } finally {
    file.close();
  }
}

/**
 * Removes what interrupted writers left.
 *
 * @param files The directory.
 */
export async function removeTemporary(files: FileSystem): Promise<void> {
  for (const name of await files.list()) {
    if (name.endsWith(TEMPORARY_SUFFIX)) await files.remove(name);
  }
}

/**
 * Reads a part of a snapshot.
 *
 * @param shelf The snapshots.
 * @param index Which one.
 * @param offset Where to begin.
 * @param maxBytes How much to read.
 * @returns The bytes; empty at the end.
 * @throws {SnapshotGoneError} When it is not kept.
 * @throws {CorruptLogError} When it is damaged.
 */
export async function readFromShelf(
  shelf: SnapshotShelf,
  index: Index,
  offset: number,
  maxBytes: number,
): Promise<Uint8Array> {
  const snapshot = shelf.kept.find((each) => each.meta.index === index);
  if (snapshot === undefined) throw new SnapshotGoneError(index);
  const path = `${shelf.directory}/${snapshot.name}`;
  const file = await shelf.files.open(snapshot.name);
  try {
    return await readSnapshotContent(file, snapshot, path, offset, maxBytes);
  } finally {
    file.close();
  }
}

/** A snapshot on its way to the disk. */
interface Writing {
  readonly shelf: SnapshotShelf;
  readonly meta: Omit<SnapshotMeta, "sizeBytes">;
  readonly temporary: string;
  readonly file: StoreFile;
  readonly head: Uint8Array;
  contentBytes: number;
  unsyncedBytes: number;
  readonly blockCrcs: number[];
  open: boolean;
}

/**
 * Begins to write a snapshot.
 *
 * @param shelf Where it goes.
 * @param meta What it is.
 * @returns Its writer.
 * @throws {DiskFullError} When there is no space; so do the writer's functions.
 */
export async function writeToShelf(
  shelf: SnapshotShelf,
  meta: Omit<SnapshotMeta, "sizeBytes">,
): Promise<SnapshotWriter> {
  const temporary = `${shelf.nextTemporary++}${TEMPORARY_SUFFIX}`;
  const { index, term, configuration, configurationIndex } = meta;
  const head = encodeSnapshotHead({
    clusterId: shelf.clusterId,
    index,
    term,
    configuration,
    configurationIndex,
  });
  const file = await shelf.files.create(temporary);
  const writing: Writing = {
    shelf,
    meta: { index, term, configuration, configurationIndex },
    temporary,
    file,
    head,
    contentBytes: 0,
    unsyncedBytes: 0,
    blockCrcs: [],
    open: true,
  };
  await orAbort(writing, file.write(0, head));
  return {
    write: (data) => orAbort(writing, writeContent(writing, data)),
    commit: () => orAbort(writing, commitSnapshot(writing)),
    abort: () => abortSnapshot(writing),
  };
}

async function orAbort<T>(writing: Writing, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    // What cannot be removed now is removed at the next start.
    await abortSnapshot(writing).catch(() => {});
    throw error;
  }
}

async function abortSnapshot(writing: Writing): Promise<void> {
  if (!writing.open) return;
  writing.open = false;
  writing.file.close();
  await writing.shelf.files.remove(writing.temporary);
}

async function writeContent(
  writing: Writing,
  data: Uint8Array,
): Promise<void> {
  const { index } = writing.meta;
  invariant(writing.open, `the writer of snapshot ${index} is closed`);
  const at = writing.head.length + writing.contentBytes;
  await writing.file.write(at, data);
  addChecksums(writing, data);
  writing.contentBytes += data.length;
  writing.unsyncedBytes += data.length;
  if (writing.unsyncedBytes < MAX_UNSYNCED_BYTES) return;
  writing.unsyncedBytes = 0;
  await writing.file.syncData();
}

function addChecksums(writing: Writing, data: Uint8Array): void {
  const { blockCrcs, contentBytes } = writing;
  let at = 0;
  while (at < data.length) {
    const filled = (contentBytes + at) % SNAPSHOT_BLOCK_BYTES;
    const part = data.subarray(at, at + SNAPSHOT_BLOCK_BYTES - filled);
    if (filled === 0) blockCrcs.push(crc32(part));
    else {
      const block = blockCrcs.length - 1;
      blockCrcs[block] = crc32(part, blockCrcs[block]);
    }
    at += part.length;
  }
}

async function commitSnapshot(writing: Writing): Promise<SnapshotMeta> {
  const { shelf, file, head, contentBytes, blockCrcs } = writing;
  const { index, term } = writing.meta;
  invariant(writing.open, `the writer of snapshot ${index} is closed`);
  const end = encodeSnapshotEnd(head, contentBytes, blockCrcs);
  await file.write(head.length + contentBytes, end);
  await file.syncData();
  const name = snapshotName(index, term);
  shelf.arriving.add(name);
  try {
    await shelf.files.rename(writing.temporary, name);
    writing.open = false;
    file.close();
    await shelf.files.syncDirectory();
    const meta = { ...writing.meta, sizeBytes: contentBytes };
    const rest = shelf.kept.filter((each) => each.name !== name);
    rest.push({
      name,
      meta,
      clusterId: shelf.clusterId,
      contentAt: head.length,
      blockCrcs: Uint32Array.from(blockCrcs),
    });
    rest.sort((a, b) => b.meta.index - a.meta.index);
    shelf.kept = rest.slice(0, KEPT_SNAPSHOTS);
    await removeOlder(shelf);
    return meta;
  } finally {
    shelf.arriving.delete(name);
  }
}

/** Whether a snapshot is needed; asked anew for each, since others may arrive in between. */
function isWanted(shelf: SnapshotShelf, name: string): boolean {
  return shelf.arriving.has(name) ||
    shelf.kept.some((each) => each.name === name);
}

async function removeOlder(shelf: SnapshotShelf): Promise<void> {
  for (const name of await shelf.files.list()) {
    if (!isSnapshotName(name) || isWanted(shelf, name)) continue;
    try {
      await shelf.files.remove(name);
    } catch (error) {
      shelf.warn(
        `Snapshot "${name}" cannot be removed: ${messageOf(error)}`,
      );
    }
  }
}
