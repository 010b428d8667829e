import { join } from "node:path";

/** A file of a data directory, and how long it is. */
export interface BackupFile {
  /** From the data directory on. */
  readonly path: string;
  readonly bytes: number;
}

/** A tablespace outside of the data directory. */
export interface Tablespace {
  /** The link, from the data directory on. */
  readonly path: string;
  /** Where it leads. */
  readonly location: string;
}

/** What of a data directory a copy needs. */
export interface BackupListing {
  /** Parents come before what is in them. */
  readonly directories: readonly string[];
  readonly tablespaces: readonly Tablespace[];
  /** `global/pg_control` is the last. */
  readonly files: readonly BackupFile[];
}

/** The control file is copied after everything that it may speak of. */
export const CONTROL_FILE = "global/pg_control";

/** Directories whose content belongs to the running server, or is copied in another way (pg_wal). */
const EMPTIED: ReadonlySet<string> = new Set([
  "pg_dynshmem",
  "pg_notify",
  "pg_replslot",
  "pg_serial",
  "pg_snapshots",
  "pg_stat_tmp",
  "pg_subtrans",
  "pg_wal/archive_status",
  "pg_wal/summaries",
]);

/** Files that speak of the running server, or of another backup. */
const LEFT_OUT: ReadonlySet<string> = new Set([
  "backup_label",
  "backup_label.old",
  "tablespace_map",
  "tablespace_map.old",
  "backup_manifest",
  "current_logfiles",
  "current_logfiles.tmp",
  "postgresql.auto.conf.tmp",
  "postmaster.opts",
  "postmaster.pid",
  "promote",
  "standby.signal",
  "recovery.signal",
]);

const TEMPORARY = /^pgsql_tmp|\.pgraft-new$|^pg_internal\.init/;
/** A relation of one session. */
const SESSIONS_OWN = /^t\d+_\d+(?:_\w+)?(?:\.\d+)?$/;
/** A relation's number, its fork and its part. */
const RELATION = /^(\d+)(?:_(\w+))?(?:\.\d+)?$/;

/**
 * Tells which files of a directory a copy needs, by their names: none that are temporary, and of unlogged
 * relations only what they start anew from.
 *
 * @param directory The directory, from the data directory on; empty for that itself.
 * @param names The names of the files in it.
 * @returns The names that are copied.
 */
export function namesToCopy(
  directory: string,
  names: readonly string[],
): string[] {
  const isDatabase = /(?:^base\/\d+|\/\d+)$/.test(directory);
  const unlogged = new Set(
    isDatabase
      ? names.flatMap((name) => {
        const [, number, fork] = RELATION.exec(name) ?? [];
        return fork === "init" && number !== undefined ? [number] : [];
      })
      : [],
  );
  return names.filter((name) => {
    if (TEMPORARY.test(name)) return false;
    if (directory === "") return !LEFT_OUT.has(name);
    if (!isDatabase) return true;
    if (SESSIONS_OWN.test(name)) return false;
    const [, number, fork] = RELATION.exec(name) ?? [];
    return number === undefined || fork === "init" || !unlogged.has(number);
  });
}

interface Found {
  readonly directories: string[];
  readonly tablespaces: Tablespace[];
  readonly files: BackupFile[];
}

async function entriesOf(path: string): Promise<Deno.DirEntry[]> {
  try {
    return await Array.fromAsync(Deno.readDir(path));
  } catch (error) {
    // Dropped since its parent was read.
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

async function sizeOf(path: string): Promise<number | null> {
  try {
    return (await Deno.stat(path)).size;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

async function listIn(
  dataDir: string,
  directory: string,
  found: Found,
): Promise<void> {
  if (EMPTIED.has(directory)) return;
  const entries = await entriesOf(join(dataDir, directory));
  const plain = entries.filter(({ isFile }) => isFile).map(({ name }) => name);
  // The log is sent by itself, from where the backup begins.
  const copied = directory === "pg_wal" ? [] : namesToCopy(directory, plain);
  for (const name of copied) {
    const path = join(directory, name);
    const bytes = await sizeOf(join(dataDir, path));
    if (bytes !== null) found.files.push({ path, bytes });
  }
  for (const { name, isDirectory, isSymlink } of entries) {
    const path = join(directory, name);
    if (isSymlink && directory === "pg_tblspc") {
      const location = await Deno.readLink(join(dataDir, path));
      found.tablespaces.push({ path, location });
      await listTablespace(dataDir, path, found);
      continue;
    }
    const isLog = isSymlink && path === "pg_wal";
    if (!isDirectory && !isLog || TEMPORARY.test(name)) continue;
    found.directories.push(path);
    await listIn(dataDir, path, found);
  }
}

/** Its place may hold more than PostgreSQL's own directory. */
async function listTablespace(
  dataDir: string,
  path: string,
  found: Found,
): Promise<void> {
  for (const { name, isDirectory } of await entriesOf(join(dataDir, path))) {
    if (!isDirectory || !/^PG_\d+_\d+$/.test(name)) continue;
    found.directories.push(join(path, name));
    await listIn(dataDir, join(path, name), found);
  }
}

/**
 * Lists what a copy of a data directory needs, but for the log.
 *
 * @param dataDir The data directory, of a server that may run.
 * @returns What there is.
 */
export async function listBackup(dataDir: string): Promise<BackupListing> {
  const found: Found = { directories: [], tablespaces: [], files: [] };
  await listIn(dataDir, "", found);
  const isLast = ({ path }: BackupFile): number =>
    path === CONTROL_FILE ? 1 : 0;
  return { ...found, files: found.files.sort((a, b) => isLast(a) - isLast(b)) };
}
