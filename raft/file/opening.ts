import { present } from "../../base/mod.ts";
import type { Entry } from "../core/mod.ts";
import type { LogIdentity, StoredLog } from "../ports.ts";
import {
  CorruptLogError,
  ForeignStoreError,
  StoreLockedError,
} from "./errors.ts";
import { type FileLock, type FileSystem, readWhole } from "./file_system.ts";
import { lastUsed } from "./format.ts";
import { type LogWriter, resetLog, sealLog } from "./log_writer.ts";
import {
  type RecoveredLog,
  recoverSegments,
  type SegmentBytes,
} from "./recovery.ts";
import {
  encodeSegmentHeader,
  SEGMENT_HEADER_BYTES,
  segmentName,
  segmentSequence,
} from "./segment.ts";
import { createSegmentSupply, type SegmentSupply } from "./segment_supply.ts";
import { type SnapshotFile, snapshotName } from "./snapshot_file.ts";
import {
  findSnapshots,
  removeTemporary,
  type SnapshotShelf,
} from "./snapshot_shelf.ts";

const LOCK_NAME = "lock";

/** Where a store is and how it behaves. */
export interface StoreSettings {
  readonly directory: string;
  readonly files: FileSystem;
  readonly segmentBytes: number;
  readonly warn: (message: string) => void;
}

/** A store in use. */
export interface OpenStore {
  readonly lock: FileLock;
  readonly log: LogWriter;
  readonly shelf: SnapshotShelf;
}

/** What was read at the start, before anything is changed. */
interface Found {
  readonly identity: LogIdentity;
  readonly log: RecoveredLog | null;
  readonly segments: readonly SegmentBytes[];
  readonly shelf: SnapshotShelf;
  readonly join: "keep" | "reset";
}

async function readSegments(settings: StoreSettings): Promise<SegmentBytes[]> {
  const { directory, files } = settings;
  const segments: SegmentBytes[] = [];
  for (const name of (await files.list()).sort()) {
    const sequence = segmentSequence(name);
    if (sequence === null) continue;
    const bytes = await readWhole(files, name);
    segments.push({ name: `${directory}/${name}`, sequence, bytes });
  }
  return segments;
}

function requireOwner(
  directory: string,
  found: LogIdentity,
  wanted: LogIdentity,
): void {
  const same = found.clusterId === wanted.clusterId &&
    found.nodeId === wanted.nodeId;
  if (same) return;
  throw new ForeignStoreError(
    `Directory "${directory}" belongs to node ${found.nodeId} of cluster ` +
      `"${found.clusterId}", not to node ${wanted.nodeId} of cluster ` +
      `"${wanted.clusterId}": choose another directory`,
  );
}

async function find(
  settings: StoreSettings,
  identity: LogIdentity,
): Promise<Found> {
  const { directory, files, warn } = settings;
  const segments = await readSegments(settings);
  const log = recoverSegments(segments);
  if (log !== null) requireOwner(directory, log.identity, identity);
  const shelf = await findSnapshots(files, directory, identity.clusterId, warn);
  const snapshot = shelf.kept[0] ?? null;
  const damaged = shelf.damaged[0];
  if (log === null) {
    if (snapshot === null && damaged === undefined) {
      return { identity, log, segments, shelf, join: "keep" };
    }
    const missing = `${directory}/${segmentName(1)}`;
    const what = "there are snapshots, but the log is missing";
    throw new CorruptLogError(missing, 0, what);
  }
  const join = joinSnapshot(settings, log, snapshot, damaged);
  return { identity: log.identity, log, segments, shelf, join };
}

/** Decides whether the log goes with the newest snapshot, or its installation was interrupted. */
function joinSnapshot(
  settings: StoreSettings,
  log: RecoveredLog,
  snapshot: SnapshotFile | null,
  damaged: CorruptLogError | undefined,
): "keep" | "reset" {
  const { base, entries } = log;
  const { index, term } = snapshot?.meta ?? { index: 0, term: 0 };
  if (base.index > index) {
    if (damaged !== undefined) throw damaged;
    const missing = snapshotName(base.index, base.term);
    const what = `the log begins after entry ${base.index}, ` +
      "and no snapshot that reaches it is there";
    throw new CorruptLogError(`${settings.directory}/${missing}`, 0, what);
  }
  const termInLog = base.index === index
    ? base.term
    : entries[index - base.index - 1]?.term ?? null;
  if (termInLog === term) return "keep";
  if (log.hardState.commit < index) return "reset";
  const path = `${settings.directory}/${snapshotName(index, term)}`;
  const what = `entry ${index} was committed with term ${termInLog} in the log`;
  throw new CorruptLogError(path, 0, what);
}

/** Overwrites what was cut, and makes durable what may be in the kernel's cache only. */
async function mendTail(
  settings: StoreSettings,
  found: Found,
  log: RecoveredLog,
): Promise<LogWriter["file"]> {
  const { tail } = log;
  const name = segmentName(tail.sequence);
  const segment = present(
    found.segments.find((each) => each.sequence === tail.sequence),
    "last segment",
  );
  if (tail.cut !== null) {
    settings.warn(
      `File "${segment.name}" ends in a torn write at byte ${tail.end}: ${tail.cut}; ` +
        `${
          tail.usedEnd - tail.end
        } bytes that no later write vouches for are cut`,
    );
  }
  const bytes = segment.bytes.slice(tail.durable, tail.usedEnd);
  bytes.fill(0, tail.end - tail.durable);
  const file = await settings.files.open(name);
  try {
    await file.write(tail.durable, bytes);
    await file.syncData();
  } catch (error) {
    file.close();
    throw error;
  }
  return file;
}

/** Keeps a blank segment that can serve as the next one, and removes the other remains. */
async function tidy(
  settings: StoreSettings,
  found: Found,
  supply: SegmentSupply,
): Promise<void> {
  const next = (found.log?.tail.sequence ?? 0) + 1;
  const unused = found.log?.unused ?? found.segments.map((s) => s.sequence);
  for (const sequence of found.log?.leftover ?? []) {
    await settings.files.remove(segmentName(sequence));
  }
  for (const { name, sequence, bytes } of found.segments) {
    if (!unused.includes(sequence)) continue;
    if (sequence === next && lastUsed(bytes, 0) === 0) {
      await supply.adopt(sequence);
    } else {
      if (lastUsed(bytes, 0) > 0) {
        settings.warn(`File "${name}" was never begun whole and is removed`);
      }
      await settings.files.remove(segmentName(sequence));
    }
  }
  await removeTemporary(settings.files);
}

async function resumeLog(
  settings: StoreSettings,
  supply: SegmentSupply,
  found: Found,
  recovered: RecoveredLog,
): Promise<LogWriter> {
  const file = await mendTail(settings, found, recovered);
  const { tail, segments, entries, base } = recovered;
  const last = entries.at(-1) ?? base;
  const log: LogWriter = {
    ...settings,
    supply,
    identity: recovered.identity,
    failure: null,
    hardState: recovered.hardState,
    base,
    last: { index: last.index, term: last.term },
    older: segments.slice(0, -1),
    sequence: tail.sequence,
    file,
    sizeBytes: await file.size(),
    maxIndex: segments.at(-1)?.maxIndex ?? 0,
    end: tail.end,
    durable: tail.end,
    sealed: tail.sealed,
  };
  try {
    const meta = found.shelf.kept[0]?.meta;
    if (found.join === "reset" && meta !== undefined) {
      settings.warn(
        `The log in "${settings.directory}" does not reach the snapshot at index ${meta.index}: ` +
          "its installation was interrupted and is finished now",
      );
      await resetLog(log, { index: meta.index, term: meta.term });
    }
    await sealLog(log);
  } catch (error) {
    file.close();
    throw error;
  }
  return log;
}

async function beginLog(
  settings: StoreSettings,
  supply: SegmentSupply,
  identity: LogIdentity,
): Promise<LogWriter> {
  const start = { index: 0, term: 0 };
  const header = encodeSegmentHeader({
    identity,
    sequence: 1,
    previousEnd: 0,
    hardState: { term: 0, votedFor: 0, commit: 0 },
    base: start,
    last: start,
  });
  const first = await supply.take(1, settings.segmentBytes);
  try {
    await first.file.write(0, header);
    await first.file.syncData();
  } catch (error) {
    first.file.close();
    throw error;
  }
  return {
    ...settings,
    supply,
    identity,
    failure: null,
    hardState: { term: 0, votedFor: 0, commit: 0 },
    base: start,
    last: start,
    older: [],
    sequence: 1,
    file: first.file,
    sizeBytes: first.sizeBytes,
    maxIndex: 0,
    end: SEGMENT_HEADER_BYTES,
    durable: SEGMENT_HEADER_BYTES,
    sealed: true,
  };
}

/** A view keeps its whole segment in memory: copies are better when little of it is needed. */
function detach(found: Found, entries: Entry[]): Entry[] {
  let held = 0;
  for (const segment of found.segments) held += segment.bytes.length;
  let needed = 0;
  for (const entry of entries) needed += entry.data.length;
  if (needed * 2 > held) return entries;
  return entries.map((entry) => ({ ...entry, data: entry.data.slice() }));
}

async function openLocked(
  settings: StoreSettings,
  identity: LogIdentity,
  lock: FileLock,
): Promise<{ store: OpenStore; stored: StoredLog }> {
  const found = await find(settings, identity);
  const supply = createSegmentSupply(settings.files, settings);
  try {
    await tidy(settings, found, supply);
    const log = found.log === null
      ? await beginLog(settings, supply, identity)
      : await resumeLog(settings, supply, found, found.log);
    supply.prepare(log.sequence + 1);
    const entries = found.join === "keep" ? found.log?.entries ?? [] : [];
    const stored: StoredLog = {
      identity: found.identity,
      hardState: log.hardState,
      snapshot: found.shelf.kept[0]?.meta ?? null,
      baseIndex: log.base.index,
      baseTerm: log.base.term,
      entries: detach(found, entries),
    };
    return { store: { lock, log, shelf: found.shelf }, stored };
  } catch (error) {
    await supply.close();
    throw error;
  }
}

/**
 * Opens a store: locks the directory, reads all of it, and only then changes something.
 *
 * @param settings Where it is.
 * @param identity Whose it must be.
 * @returns The store and what it holds.
 */
export async function openStore(
  settings: StoreSettings,
  identity: LogIdentity,
): Promise<{ store: OpenStore; stored: StoredLog }> {
  await settings.files.prepare();
  const lock = await settings.files.lock(LOCK_NAME);
  if (lock === null) throw new StoreLockedError(settings.directory);
  try {
    return await openLocked(settings, identity, lock);
  } catch (error) {
    lock.release();
    throw error;
  }
}
