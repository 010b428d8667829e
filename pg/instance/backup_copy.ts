import { basename, isAbsolute, join } from "node:path";
import {
  BackupFormatError,
  type BackupFrame,
  decodeBackup,
} from "./backup_frames.ts";
import { diskFreeBytes } from "./disk.ts";
import { InstanceError } from "./errors.ts";
import {
  asDiskFull,
  makePrivate,
  own,
  type Owner,
  removeIfThere,
  syncPath,
  writeDurably,
} from "./files.ts";
import type { Place } from "./place.ts";
import { makeLocation, mapTablespaces, UNFINISHED } from "./tablespaces.ts";

/** How many files may be on their way to the disk while others are received. */
const MAX_SYNCING = 16;
/** A piece of this size is on the disk's way before the next is taken in. */
const LARGE_BYTES = 64 * 1024;

/** What a copy must be of. */
export interface BackupWants {
  /** The cluster; null takes any. */
  readonly systemId: string | null;
  /** Where it comes from, for errors. */
  readonly from: string;
  /** Hears how far it is. */
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
}

interface Copy {
  readonly place: Place;
  readonly staging: string;
  readonly wants: BackupWants;
  readonly owner: Owner;
  readonly directories: string[];
  /** Tablespaces' directories, which are outside of the staging directory, by their numbers. */
  readonly locations: Map<string, string>;
  readonly syncing: Set<Promise<void>>;
  /** The first file that could not be synced. */
  failure: unknown;
  /** The file that comes now, and the end of what is done with it. */
  open: { readonly path: string; readonly work: Promise<Deno.FsFile> } | null;
  hasBegun: boolean;
  totalBytes: number;
  doneBytes: number;
  pieces: number;
}

type End = Extract<BackupFrame, { type: "end" }>;

function checkPath(path: string): void {
  const parts = path.split("/");
  const isPlain = !isAbsolute(path) && !path.includes("\0") &&
    parts.every((part) => part !== "" && part !== "." && part !== "..");
  if (isPlain) return;
  throw new BackupFormatError(`"${path}" is no path within a data directory`);
}

async function syncAndClose(file: Deno.FsFile): Promise<void> {
  try {
    await file.sync();
  } finally {
    file.close();
  }
}

/** A file goes to the disk while the next ones come. */
async function closeFile(copy: Copy): Promise<void> {
  if (copy.open === null) return;
  const { work } = copy.open;
  copy.open = null;
  const syncing: Promise<void> = work.then(syncAndClose).catch((error) => {
    copy.failure ??= error;
  }).finally(() => copy.syncing.delete(syncing));
  copy.syncing.add(syncing);
  if (copy.syncing.size >= MAX_SYNCING) await Promise.race(copy.syncing);
}

async function openFile(copy: Copy, path: string): Promise<Deno.FsFile> {
  const full = join(copy.staging, path);
  const file = await Deno.open(full, {
    write: true,
    create: true,
    mode: 0o600,
  });
  try {
    await own(full, copy.owner);
    return file;
  } catch (error) {
    file.close();
    throw error;
  }
}

async function writeAt(
  file: Deno.FsFile,
  offset: number,
  data: Uint8Array,
): Promise<Deno.FsFile> {
  try {
    if (offset > 0) await file.seek(offset, Deno.SeekMode.Start);
    for (let at = 0; at < data.length;) {
      at += await file.write(data.subarray(at));
    }
    return file;
  } catch (error) {
    file.close();
    throw error;
  }
}

/** Most files are small: several are written at a time, while a large piece is waited for. */
async function writePiece(
  copy: Copy,
  { path, offset }: Extract<BackupFrame, { type: "piece" }>,
  data: Uint8Array,
): Promise<void> {
  checkPath(path);
  if (copy.open?.path !== path) {
    await closeFile(copy);
    copy.open = { path, work: openFile(copy, path) };
  }
  const work = copy.open.work.then((file) => writeAt(file, offset, data));
  copy.open = { path, work };
  // Whoever waits for the file hears of it.
  work.catch(() => {});
  if (data.length >= LARGE_BYTES) await work;
  copy.pieces += 1;
  copy.doneBytes += data.length;
  copy.wants.onProgress?.(
    copy.doneBytes,
    Math.max(copy.totalBytes, copy.doneBytes),
  );
}

async function begin(
  copy: Copy,
  frame: Extract<BackupFrame, { type: "begin" }>,
): Promise<void> {
  const { place, wants } = copy;
  const { binaries } = place.options;
  if (wants.systemId !== null && wants.systemId !== frame.systemId) {
    throw new InstanceError(
      "foreign_data",
      `The server at ${wants.from} holds cluster ${frame.systemId}, expected ${wants.systemId}: correct the address`,
    );
  }
  if (frame.major !== binaries.major) {
    throw new InstanceError(
      "bad_version",
      `The server at ${wants.from} is version ${frame.major}, and "${binaries.dir}" is ${binaries.version}: use one major version on all nodes`,
    );
  }
  const freeBytes = await diskFreeBytes(place);
  if (freeBytes !== null && frame.totalBytes > freeBytes) {
    throw new InstanceError(
      "disk_full",
      `The clone needs ${frame.totalBytes} bytes beside "${place.dataDir}" and ${freeBytes} are free: free some, or clone in place`,
    );
  }
  copy.hasBegun = true;
  copy.totalBytes = frame.totalBytes;
}

/** Where the source has it, as pg_basebackup would, if that is free here. */
async function makeTablespace(
  copy: Copy,
  { path, location }: Extract<BackupFrame, { type: "tablespace" }>,
): Promise<void> {
  checkPath(path);
  if (!isAbsolute(location)) {
    throw new BackupFormatError(`"${location}" is no tablespace's directory`);
  }
  const { staging, owner } = copy;
  const here = await makeLocation(location, staging, owner);
  await writeDurably(join(here, UNFINISHED), staging, owner);
  copy.locations.set(basename(path), here);
  await Deno.symlink(here, join(staging, path));
}

async function take(
  copy: Copy,
  frame: BackupFrame,
  data: Uint8Array,
): Promise<End | null> {
  if (copy.failure !== null) throw copy.failure;
  const isEarly = ["begin", "failed", "wait"].includes(frame.type);
  if (!copy.hasBegun && !isEarly) {
    throw new BackupFormatError("It does not begin as a backup does");
  }
  switch (frame.type) {
    case "wait":
      return null;
    case "begin":
      await begin(copy, frame);
      return null;
    case "directory":
      checkPath(frame.path);
      await makePrivate(join(copy.staging, frame.path), copy.owner);
      copy.directories.push(frame.path);
      return null;
    case "tablespace":
      await makeTablespace(copy, frame);
      return null;
    case "piece":
      await writePiece(copy, frame, data);
      return null;
    case "failed":
      throw new InstanceError("command_failed", frame.why);
    case "end":
      return frame;
  }
}

/** What makes of the files a backup comes when all of them are on the disk. */
async function finish(copy: Copy, end: End): Promise<void> {
  const { staging, owner, locations, directories } = copy;
  if (end.pieces !== copy.pieces) {
    throw new BackupFormatError(
      `${copy.pieces} of ${end.pieces} pieces have come`,
    );
  }
  await closeFile(copy);
  await Promise.all(copy.syncing);
  if (copy.failure !== null) throw copy.failure;
  for (const path of directories) await syncPath(join(staging, path));
  for (const location of locations.values()) {
    await removeIfThere(join(location, UNFINISHED));
    await syncPath(location);
  }
  if (end.tablespaceMap !== "") {
    await writeDurably(
      join(staging, "tablespace_map"),
      mapTablespaces(end.tablespaceMap, locations),
      owner,
    );
  }
  await writeDurably(join(staging, "backup_label"), end.label, owner);
}

async function letGo(copy: Copy, isWhole: boolean): Promise<void> {
  await closeFile(copy);
  await Promise.all(copy.syncing);
  if (isWhole) return;
  for (const location of copy.locations.values()) {
    await removeIfThere(location);
  }
}

/**
 * Writes a backup into a directory that becomes a data directory by it. Nothing but the label, which comes last,
 * makes it one that may be started from.
 *
 * @param place Whose directory it will be.
 * @param staging The directory, which is empty.
 * @param bytes The backup, as another node's agent sends it.
 * @param wants What it must be of.
 * @throws {InstanceError} When it is not that, or does not fit.
 * @throws {BackupFormatError} When it is torn.
 */
export async function writeBackup(
  place: Place,
  staging: string,
  bytes: AsyncIterable<Uint8Array>,
  wants: BackupWants,
): Promise<void> {
  const copy: Copy = {
    place,
    staging,
    wants,
    owner: place.options.osUser,
    directories: [],
    locations: new Map(),
    syncing: new Set(),
    failure: null,
    open: null,
    hasBegun: false,
    totalBytes: 0,
    doneBytes: 0,
    pieces: 0,
  };
  let isWhole = false;
  try {
    for await (const { frame, data } of decodeBackup(bytes)) {
      const end = await take(copy, frame, data);
      if (end === null) continue;
      await finish(copy, end);
      isWhole = true;
      return;
    }
    throw new BackupFormatError("It ended before its end");
  } catch (error) {
    throw asDiskFull(error, staging);
  } finally {
    await letGo(copy, isWhole);
  }
}
