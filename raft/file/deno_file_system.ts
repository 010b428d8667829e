import { DiskFullError } from "./errors.ts";
import type { FileLock, FileSystem, StoreFile } from "./file_system.ts";

const NO_SPACE_CODES: readonly unknown[] = ["ENOSPC", "EDQUOT"];

function asDiskFull(error: unknown, name: string): unknown {
  if (!(error instanceof Error) || !("code" in error)) return error;
  if (!NO_SPACE_CODES.includes(error.code)) return error;
  return new DiskFullError(`file "${name}"`, { cause: error });
}

/**
 * Up to this size a write goes to the page cache at once: that takes microseconds, and a trip to another
 * thread takes a hundred. Only the sync that follows must stay off the event loop.
 */
const MAX_DIRECT_BYTES = 128 * 1024;

function writeAll(file: Deno.FsFile, data: Uint8Array): void {
  let count = file.writeSync(data);
  while (count < data.length) count += file.writeSync(data.subarray(count));
}

async function writeInPieces(
  file: Deno.FsFile,
  data: Uint8Array,
): Promise<void> {
  let count = await file.write(data);
  while (count < data.length) {
    count += await file.write(data.subarray(count));
  }
}

function denoFile(file: Deno.FsFile, name: string): StoreFile {
  // Appends come one after the other, so most writes are where the last one ended.
  let position = 0;
  async function moveTo(offset: number): Promise<void> {
    if (offset === position) return;
    position = -1;
    position = await file.seek(offset, Deno.SeekMode.Start);
  }
  return {
    size: async () => (await file.stat()).size,
    read: async (offset, into) => {
      await moveTo(offset);
      let count = 0;
      while (count < into.length) {
        const read = await file.read(into.subarray(count));
        if (read === null) break;
        count += read;
        position += read;
      }
      return count;
    },
    write: async (offset, data) => {
      await moveTo(offset);
      position = -1;
      try {
        if (data.length <= MAX_DIRECT_BYTES) writeAll(file, data);
        else await writeInPieces(file, data);
      } catch (error) {
        throw asDiskFull(error, name);
      }
      position = offset + data.length;
    },
    syncData: () => file.syncData(),
    close: () => file.close(),
  };
}

async function syncPath(path: string): Promise<void> {
  const directory = await Deno.open(path);
  try {
    await directory.sync();
  } finally {
    directory.close();
  }
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

async function makeDirectory(path: string): Promise<void> {
  if (await isDirectory(path)) return;
  const parent = path.replace(/\/*[^/]+\/*$/, "") ||
    (path.startsWith("/") ? "/" : ".");
  if (parent !== path) await makeDirectory(parent);
  await Deno.mkdir(path, { recursive: true, mode: 0o700 });
  await syncPath(parent);
}

async function tryLock(path: string): Promise<FileLock | null> {
  const file = await Deno.open(path, {
    create: true,
    write: true,
    mode: 0o600,
  });
  let held = false;
  try {
    held = await file.tryLock(true);
  } finally {
    if (!held) file.close();
  }
  return held ? { release: () => file.close() } : null;
}

/**
 * Gives access to a directory of this machine.
 *
 * @param path The directory; it need not exist.
 * @returns The port to it.
 */
export function denoFileSystem(path: string): FileSystem {
  const at = (name: string): string => `${path}/${name}`;
  const guarded = async <T>(name: string, run: Promise<T>): Promise<T> => {
    try {
      return await run;
    } catch (error) {
      throw asDiskFull(error, name);
    }
  };
  return {
    prepare: () => makeDirectory(path),
    lock: (name) => tryLock(at(name)),
    list: async () => {
      const names: string[] = [];
      for await (const entry of Deno.readDir(path)) {
        if (entry.isFile) names.push(entry.name);
      }
      return names;
    },
    open: async (name) =>
      denoFile(await Deno.open(at(name), { read: true, write: true }), name),
    create: async (name) => {
      const options = { read: true, write: true, createNew: true, mode: 0o600 };
      return denoFile(await guarded(name, Deno.open(at(name), options)), name);
    },
    rename: (from, to) => guarded(to, Deno.rename(at(from), at(to))),
    remove: (name) => Deno.remove(at(name)),
    syncDirectory: () => syncPath(path),
  };
}
