import { invariant, present } from "../base/mod.ts";
import type { Disk, DiskSnapshotWriter } from "../raft/driver/mod.ts";
import type {
  Entry,
  HardState,
  Index,
  SnapshotMeta,
  Term,
} from "../raft/core/mod.ts";
import type { LogBatch, LogIdentity, StoredLog } from "../raft/mod.ts";
import { between, chance, schedule, type World } from "./world.ts";

/** A fault that the run brought about: the one error of a node that proves nothing. */
export class DiskFault extends Error {
  override readonly name = "DiskFault";
}

/** How many snapshots a disk keeps, as the file store does. */
const KEPT_SNAPSHOTS = 2;

interface StoredSnapshot {
  readonly meta: SnapshotMeta;
  readonly bytes: Uint8Array;
}

/**
 * A disk that outlives its node. Only what was synced is sure to survive a crash; of a write under
 * way any part may.
 */
export interface SimDisk {
  readonly world: World;
  identity: LogIdentity;
  hardState: HardState;
  baseIndex: Index;
  baseTerm: Term;
  readonly entries: Entry[];
  snapshots: StoredSnapshot[];
  /** The write that is not durable yet. */
  pending: LogBatch | null;
  pendingSinceMs: number;
  /** Counts crashes: what was begun before one does not end after it. */
  life: number;
  /** Writes take this many times longer. */
  slowness: number;
  /** Writes hang until this time. */
  stalledUntilMs: number;
  /** The next sync fails. */
  failNext: boolean;
}

/** Makes an empty disk. */
export function createDisk(world: World, identity: LogIdentity): SimDisk {
  return {
    world,
    identity,
    hardState: { term: 0, votedFor: 0, commit: 0 },
    baseIndex: 0,
    baseTerm: 0,
    entries: [],
    snapshots: [],
    pending: null,
    pendingSinceMs: 0,
    life: 0,
    slowness: 1,
    stalledUntilMs: 0,
    failNext: false,
  };
}

/** What a node that starts finds. */
export function openDisk(disk: SimDisk): StoredLog {
  const snapshot = disk.snapshots.at(-1)?.meta ?? null;
  dropInterruptedInstall(disk, snapshot);
  return {
    identity: disk.identity,
    hardState: disk.hardState,
    snapshot,
    baseIndex: disk.baseIndex,
    baseTerm: disk.baseTerm,
    entries: [...disk.entries],
  };
}

/** A snapshot that the log does not reach, or contradicts, was installed just before the crash. */
function dropInterruptedInstall(
  disk: SimDisk,
  snapshot: SnapshotMeta | null,
): void {
  if (!snapshot || snapshot.index <= disk.baseIndex) return;
  const at = disk.entries[snapshot.index - disk.baseIndex - 1];
  if (at?.term !== snapshot.term) {
    resetTo(disk, snapshot.index, snapshot.term);
  }
}

function resetTo(disk: SimDisk, index: Index, term: Term): void {
  disk.entries.length = 0;
  disk.baseIndex = index;
  disk.baseTerm = term;
}

/** The last index that survives a crash now. */
export function durableIndex(disk: SimDisk): Index {
  return disk.baseIndex + disk.entries.length;
}

/** The node's process is gone; of the write under way a part, or nothing, or all of it is on disk. */
export function crashDisk(disk: SimDisk): void {
  disk.life += 1;
  const { pending, world } = disk;
  disk.pending = null;
  if (!pending || chance(world, 0.4)) return;
  const kept = Math.floor(between(world, 0, pending.entries.length + 1));
  write(disk, {
    hardState: pending.hardState,
    entries: pending.entries.slice(0, kept),
  });
}

function write(disk: SimDisk, batch: LogBatch): void {
  const { entries, hardState } = batch;
  const [first] = entries;
  if (first) {
    const keep = first.index - disk.baseIndex - 1;
    invariant(
      keep >= 0 && keep <= disk.entries.length,
      `entry ${first.index} does not follow ${durableIndex(disk)}`,
    );
    disk.entries.length = keep;
    for (const entry of entries) disk.entries.push(entry);
  }
  if (hardState) {
    const reach = Math.max(durableIndex(disk), disk.baseIndex);
    disk.hardState = {
      ...hardState,
      commit: Math.min(hardState.commit, reach),
    };
  }
}

/** A disk as its node's driver sees it. */
export function diskPort(disk: SimDisk): Disk {
  const { life } = disk;
  const later = (run: () => void): void => {
    const { world } = disk;
    const usual = chance(world, 0.02) ? between(world, 1, 20) : 0.1;
    const tookMs = between(world, 0.02, 0.3) + usual * disk.slowness;
    const stallMs = Math.max(0, disk.stalledUntilMs - world.nowMs);
    schedule(world, tookMs + stallMs, () => {
      if (disk.life === life) run();
    });
  };
  return {
    append(batch, done): void {
      invariant(disk.pending === null, "two writes at once");
      disk.pending = batch;
      disk.pendingSinceMs = disk.world.nowMs;
      later(() => {
        disk.pending = null;
        if (disk.failNext) {
          disk.failNext = false;
          return done(new DiskFault("The disk failed to sync"));
        }
        write(disk, batch);
        done(null);
      });
    },
    compact(index, term, done): void {
      later(() => {
        compactTo(disk, index, term);
        done(null);
      });
    },
    reset(index, term, done): void {
      later(() => {
        resetTo(disk, index, term);
        done(null);
      });
    },
    beginSnapshot(meta, done): void {
      later(() => done(snapshotWriter(disk, meta, later)));
    },
    readSnapshot(index, offset, maxBytes, done): void {
      later(() => {
        const found = disk.snapshots.find(({ meta }) => meta.index === index);
        if (!found) return done(new Error(`No snapshot at ${index}`));
        done(found.bytes.slice(offset, offset + maxBytes));
      });
    },
  };
}

function compactTo(disk: SimDisk, index: Index, term: Term): void {
  const count = index - disk.baseIndex;
  if (count <= 0) return;
  const at = present(disk.entries[count - 1], `entry ${index} on disk`);
  invariant(at.term === term, `entry ${index} has another term on disk`);
  disk.entries.splice(0, count);
  disk.baseIndex = index;
  disk.baseTerm = term;
}

function snapshotWriter(
  disk: SimDisk,
  meta: Omit<SnapshotMeta, "sizeBytes">,
  later: (run: () => void) => void,
): DiskSnapshotWriter {
  const pieces: Uint8Array[] = [];
  return {
    write(data, done): void {
      pieces.push(data);
      later(() => done(null));
    },
    commit(done): void {
      later(() => {
        const bytes = concat(pieces);
        const { index, term, configuration, configurationIndex } = meta;
        const complete: SnapshotMeta = {
          index,
          term,
          configuration,
          configurationIndex,
          sizeBytes: bytes.length,
        };
        keepSnapshot(disk, { meta: complete, bytes });
        done(complete);
      });
    },
    abort(): void {
      pieces.length = 0;
    },
  };
}

function keepSnapshot(disk: SimDisk, snapshot: StoredSnapshot): void {
  const { index } = snapshot.meta;
  const others = disk.snapshots.filter(({ meta }) => meta.index !== index);
  disk.snapshots = [...others, snapshot]
    .sort((a, b) => a.meta.index - b.meta.index)
    .slice(-KEPT_SNAPSHOTS);
}

function concat(pieces: readonly Uint8Array[]): Uint8Array {
  const size = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}
