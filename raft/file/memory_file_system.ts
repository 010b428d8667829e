import { present, type Random, randomBelow } from "../../base/mod.ts";
import { DiskFullError } from "./errors.ts";
import type { FileSystem, StoreFile } from "./file_system.ts";
import { SECTOR_BYTES } from "./format.ts";

/** One call that reaches the modelled disk. */
export interface FileOperation {
  readonly kind:
    | "read"
    | "write"
    | "sync"
    | "create"
    | "rename"
    | "remove"
    | "sync_directory";
  /** The file, or "" for the directory. */
  readonly name: string;
}

/** How a {@linkcode MemoryFileSystem} behaves. */
export interface MemoryFileSystemOptions {
  /**
   * How many bytes the files may have together.
   *
   * @default {Infinity}
   */
  readonly capacityBytes?: number;
  /**
   * Is called before each operation takes effect. What it throws makes the operation fail: a failed
   * write leaves half of its data, a failed sync leaves data that no later sync makes durable. A
   * promise delays the operation.
   *
   * @default {nothing fails}
   */
  readonly before?: (operation: FileOperation) => void | Promise<void>;
}

/** What a loss of power leaves. */
export interface CrashPlan {
  /**
   * What becomes of writes that were not synced: all lost, all kept, a prefix of each file's bytes, or
   * some sectors of them.
   */
  readonly writes: "lost" | "kept" | "prefix" | "sectors";
  /** What becomes of creations, renames and removals that were not synced. */
  readonly names: "lost" | "kept" | "some";
}

/** A directory in memory that can lose power. */
export interface MemoryFileSystem extends FileSystem {
  /**
   * Returns what a loss of power now would leave; this directory stays as it is.
   *
   * @param plan What becomes of what was not synced.
   * @param random Decides where the plan leaves a choice.
   * @param options How the new directory behaves.
   */
  crash(
    plan: CrashPlan,
    random: Random,
    options?: MemoryFileSystemOptions,
  ): MemoryFileSystem;
  /** Returns a copy with everything that is not synced yet, as a process finds that replaces this one. */
  fork(options?: MemoryFileSystemOptions): MemoryFileSystem;
  /** Returns a file's content. */
  content(name: string): Uint8Array;
  /** Flips one bit of a file, on the disk too. */
  flipBit(name: string, offset: number, bit: number): void;
  /** Changes how many bytes the files may have together. */
  setCapacity(bytes: number): void;
}

interface Write {
  readonly offset: number;
  readonly data: Uint8Array;
}

interface Inode {
  current: Uint8Array;
  durable: Uint8Array;
  /** Writes since the last sync, the oldest first. */
  unsynced: Write[];
}

type NameChange =
  | { readonly kind: "put"; readonly name: string; readonly inode: Inode }
  | { readonly kind: "drop"; readonly name: string }
  | {
    readonly kind: "rename";
    readonly from: string;
    readonly to: string;
    readonly inode: Inode;
  };

interface Disk {
  readonly names: Map<string, Inode>;
  readonly durableNames: Map<string, Inode>;
  unsynced: NameChange[];
  readonly locks: Set<string>;
  capacityBytes: number;
  readonly before: (operation: FileOperation) => void | Promise<void>;
}

function emptyDisk(options: MemoryFileSystemOptions): Disk {
  return {
    names: new Map(),
    durableNames: new Map(),
    unsynced: [],
    locks: new Set(),
    capacityBytes: options.capacityBytes ?? Infinity,
    before: options.before ?? (() => {}),
  };
}

function writeInto(target: Uint8Array, write: Write): Uint8Array {
  const end = write.offset + write.data.length;
  let bytes = target;
  if (end > bytes.length) {
    bytes = new Uint8Array(end);
    bytes.set(target);
  }
  bytes.set(write.data, write.offset);
  return bytes;
}

function applyName(names: Map<string, Inode>, change: NameChange): void {
  if (change.kind === "put") names.set(change.name, change.inode);
  else if (change.kind === "drop") names.delete(change.name);
  else {
    names.delete(change.from);
    names.set(change.to, change.inode);
  }
}

function changeName(disk: Disk, change: NameChange): void {
  applyName(disk.names, change);
  disk.unsynced.push(change);
}

function inodeAt(disk: Disk, name: string): Inode {
  const inode = disk.names.get(name);
  if (inode === undefined) {
    throw new Deno.errors.NotFound(`There is no file "${name}"`);
  }
  return inode;
}

function requireSpace(disk: Disk, inode: Inode, end: number): void {
  const grown = end - inode.current.length;
  if (grown <= 0 || disk.capacityBytes === Infinity) return;
  let used = grown;
  for (const each of disk.names.values()) used += each.current.length;
  if (used > disk.capacityBytes) throw new DiskFullError("a file in memory");
}

async function writeFile(
  disk: Disk,
  name: string,
  inode: Inode,
  write: Write,
): Promise<void> {
  let kept = write;
  try {
    await disk.before({ kind: "write", name });
    requireSpace(disk, inode, write.offset + write.data.length);
  } catch (error) {
    const half = write.data.subarray(0, write.data.length >> 1);
    kept = { offset: write.offset, data: half };
    throw error;
  } finally {
    const copy = { offset: kept.offset, data: kept.data.slice() };
    inode.current = writeInto(inode.current, copy);
    inode.unsynced.push(copy);
  }
}

async function syncFile(
  disk: Disk,
  name: string,
  inode: Inode,
): Promise<void> {
  const { unsynced } = inode;
  let failed = true;
  try {
    await disk.before({ kind: "sync", name });
    failed = false;
  } finally {
    inode.unsynced = inode.unsynced.slice(unsynced.length);
    if (!failed) {
      for (const write of unsynced) {
        inode.durable = writeInto(inode.durable, write);
      }
    }
  }
}

function openInode(disk: Disk, name: string): StoreFile {
  const inode = inodeAt(disk, name);
  return {
    size: () => Promise.resolve(inode.current.length),
    read: async (offset, into) => {
      await disk.before({ kind: "read", name });
      const part = inode.current.subarray(offset, offset + into.length);
      into.set(part);
      return part.length;
    },
    write: (offset, data) => writeFile(disk, name, inode, { offset, data }),
    syncData: () => syncFile(disk, name, inode),
    close: () => {},
  };
}

/** Returns what of a file's unsynced writes a loss of power leaves. */
function survivors(
  unsynced: readonly Write[],
  plan: CrashPlan["writes"],
  random: Random,
): Write[] {
  if (plan === "lost") return [];
  if (plan === "kept") return [...unsynced];
  const left: Write[] = [];
  if (plan === "prefix") {
    let total = 0;
    for (const write of unsynced) total += write.data.length;
    let budget = randomBelow(random, total + 1);
    for (const { offset, data } of unsynced) {
      left.push({ offset, data: data.subarray(0, budget) });
      budget = Math.max(0, budget - data.length);
    }
    return left;
  }
  for (const { offset, data } of unsynced) {
    let at = 0;
    while (at < data.length) {
      const step = SECTOR_BYTES - (offset + at) % SECTOR_BYTES;
      const part = data.subarray(at, at + step);
      if (random.next() < 0.5) left.push({ offset: offset + at, data: part });
      at += step;
    }
  }
  return left;
}

function crashed(
  disk: Disk,
  plan: CrashPlan,
  random: Random,
  options: MemoryFileSystemOptions,
): Disk {
  const after = emptyDisk(options);
  const names = new Map(disk.durableNames);
  for (const change of disk.unsynced) {
    const kept = plan.names === "kept" ||
      (plan.names === "some" && random.next() < 0.5);
    if (kept) applyName(names, change);
  }
  for (const [name, inode] of names) {
    let durable: Uint8Array = inode.durable.slice();
    for (const write of survivors(inode.unsynced, plan.writes, random)) {
      if (write.data.length > 0) durable = writeInto(durable, write);
    }
    const fresh = { current: durable.slice(), durable, unsynced: [] };
    after.names.set(name, fresh);
    after.durableNames.set(name, fresh);
  }
  return after;
}

function forked(disk: Disk, options: MemoryFileSystemOptions): Disk {
  const copies = new Map<Inode, Inode>();
  const copyOf = (inode: Inode): Inode => {
    const known = copies.get(inode);
    if (known !== undefined) return known;
    const copy = {
      current: inode.current.slice(),
      durable: inode.durable.slice(),
      unsynced: [...inode.unsynced],
    };
    copies.set(inode, copy);
    return copy;
  };
  const after = emptyDisk(options);
  for (const [name, inode] of disk.names) after.names.set(name, copyOf(inode));
  for (const [name, inode] of disk.durableNames) {
    after.durableNames.set(name, copyOf(inode));
  }
  after.unsynced = disk.unsynced.map((change) =>
    change.kind === "drop" ? change : { ...change, inode: copyOf(change.inode) }
  );
  return after;
}

function filesOf(disk: Disk): FileSystem {
  return {
    prepare: () => Promise.resolve(),
    lock: (name) => {
      if (disk.locks.has(name)) return Promise.resolve(null);
      disk.locks.add(name);
      return Promise.resolve({ release: () => disk.locks.delete(name) });
    },
    list: () => Promise.resolve([...disk.names.keys()]),
    open: (name) => Promise.resolve().then(() => openInode(disk, name)),
    create: async (name) => {
      await disk.before({ kind: "create", name });
      if (disk.names.has(name)) {
        throw new Deno.errors.AlreadyExists(`There is a file "${name}"`);
      }
      const none = new Uint8Array(0);
      const inode = { current: none, durable: none, unsynced: [] };
      changeName(disk, { kind: "put", name, inode });
      return openInode(disk, name);
    },
    rename: async (from, to) => {
      await disk.before({ kind: "rename", name: from });
      const inode = inodeAt(disk, from);
      changeName(disk, { kind: "rename", from, to, inode });
    },
    remove: async (name) => {
      await disk.before({ kind: "remove", name });
      inodeAt(disk, name);
      changeName(disk, { kind: "drop", name });
    },
    syncDirectory: async () => {
      await disk.before({ kind: "sync_directory", name: "" });
      for (const change of disk.unsynced) {
        applyName(disk.durableNames, change);
      }
      disk.unsynced = [];
    },
  };
}

function portTo(disk: Disk): MemoryFileSystem {
  return {
    ...filesOf(disk),
    crash: (plan, random, options = {}) =>
      portTo(crashed(disk, plan, random, options)),
    fork: (options = {}) => portTo(forked(disk, options)),
    content: (name) => inodeAt(disk, name).current.slice(),
    flipBit: (name, offset, bit) => {
      const inode = inodeAt(disk, name);
      for (const bytes of [inode.current, inode.durable]) {
        if (offset >= bytes.length) continue;
        bytes[offset] = present(bytes[offset], "byte") ^ (1 << bit);
      }
    },
    setCapacity: (bytes) => {
      disk.capacityBytes = bytes;
    },
  };
}

/**
 * Makes an empty directory in memory that models what a disk may do: lose or tear what was not
 * synced, lose names, flip bits, fail, be full, be slow.
 *
 * @param options Its behaviour.
 * @returns The directory.
 *
 * @example Usage
 * ```ts
 * import { seededRandom } from "../../base/mod.ts";
 * import { createMemoryFileSystem } from "./memory_file_system.ts";
 *
 * const files = createMemoryFileSystem();
 * await files.create("a");
 * const after = files.crash({ writes: "lost", names: "lost" }, seededRandom(1));
 * if ((await after.list()).length > 0) throw new Error("Never synced");
 * ```
 */
export function createMemoryFileSystem(
  options: MemoryFileSystemOptions = {},
): MemoryFileSystem {
  return portTo(emptyDisk(options));
}
