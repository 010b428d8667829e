import { dirname, join } from "node:path";
import { InstanceError } from "./errors.ts";
import type { OsUser } from "./os_user.ts";

/** Who owns what is written; null leaves it to this process's user. */
export type Owner = OsUser | null;

/** Makes what was renamed, made or removed in a directory last. */
export async function syncPath(path: string): Promise<void> {
  const file = await Deno.open(path);
  try {
    await file.sync();
  } finally {
    file.close();
  }
}

/** Whether there is something at the path. */
export async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (error) {
    if (isAbsent(error)) return false;
    throw error;
  }
}

/** A file's text, or null when there is none. */
export async function readIfThere(path: string): Promise<string | null> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (isAbsent(error)) return null;
    throw error;
  }
}

/** Removes a file or tree; that there is none is fine. */
export async function removeIfThere(path: string): Promise<void> {
  try {
    await Deno.remove(path, { recursive: true });
  } catch (error) {
    if (!isAbsent(error)) throw error;
  }
}

function isAbsent(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound ||
    error instanceof Deno.errors.NotADirectory;
}

/** Gives a path to its owner. */
export async function own(path: string, owner: Owner): Promise<void> {
  if (owner !== null) await Deno.chown(path, owner.uid, owner.gid);
}

/** Makes a directory that only its owner can enter; one that is there is made so. */
export async function makePrivate(path: string, owner: Owner): Promise<void> {
  await Deno.mkdir(path, { recursive: true, mode: 0o700 });
  await own(path, owner);
  await Deno.chmod(path, 0o700);
}

/** Writes a file so that a crash leaves the old or the new one, whole. */
export async function writeDurably(
  path: string,
  content: string | Uint8Array,
  owner: Owner,
): Promise<void> {
  const draft = `${path}.pgraft-new`;
  const data = typeof content === "string"
    ? new TextEncoder().encode(content)
    : content;
  try {
    await removeIfThere(draft);
    await Deno.writeFile(draft, data, { mode: 0o600, createNew: true });
    await own(draft, owner);
    await syncPath(draft);
    await Deno.rename(draft, path);
  } catch (error) {
    throw asDiskFull(error, path);
  }
  await syncPath(dirname(path));
}

/**
 * Writes a file unless it says the same already, whole but not synced: for what every start makes anew, so
 * that a crash of the machine leaves nothing that counts. Returns whether it did.
 */
export async function replaceIfChanged(
  path: string,
  content: string,
  owner: Owner,
): Promise<boolean> {
  if (await readIfThere(path) === content) return false;
  const draft = `${path}.pgraft-new`;
  try {
    await removeIfThere(draft);
    await Deno.writeTextFile(draft, content, { mode: 0o600, createNew: true });
    await own(draft, owner);
    await Deno.rename(draft, path);
  } catch (error) {
    throw asDiskFull(error, path);
  }
  return true;
}

/** Writes a file unless it says the same already; returns whether it did. */
export async function writeIfChanged(
  path: string,
  content: string,
  owner: Owner,
): Promise<boolean> {
  if (await readIfThere(path) === content) return false;
  await writeDurably(path, content, owner);
  return true;
}

/** Renames, and makes it last. */
export async function renameDurably(from: string, to: string): Promise<void> {
  try {
    await Deno.rename(from, to);
  } catch (error) {
    if (isMountTrouble(error)) {
      throw new InstanceError(
        "bad_directory",
        `Directory "${to}" or "${from}" is a mount point and cannot be renamed: use a directory inside of it as data directory`,
      );
    }
    throw error;
  }
  await syncPath(dirname(to));
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : null;
}

function isMountTrouble(error: unknown): boolean {
  return ["EBUSY", "EXDEV"].includes(String(codeOf(error)));
}

/** Says a full disk as such; every other error is handed back. */
export function asDiskFull(error: unknown, path: string): unknown {
  if (!["ENOSPC", "EDQUOT"].includes(String(codeOf(error)))) return error;
  return new InstanceError(
    "disk_full",
    `No space is left for "${path}": free some, or move the data directory to a larger disk`,
  );
}

/** Refuses a path that the owner cannot reach, naming the directory in the way. */
export async function checkReachable(
  path: string,
  owner: Owner,
): Promise<void> {
  if (owner === null) return;
  const parents: string[] = [];
  for (let at = dirname(path); at !== dirname(at); at = dirname(at)) {
    parents.push(at);
  }
  for (const parent of parents.reverse()) {
    const { mode, uid, gid } = await Deno.stat(parent);
    const shift = uid === owner.uid ? 6 : gid === owner.gid ? 3 : 0;
    if (((mode ?? 0) >> shift & 1) === 1) continue;
    throw new InstanceError(
      "bad_directory",
      `User ${owner.name} cannot enter "${parent}", which is on the way to "${
        join(path)
      }": chmod o+x it, or choose another directory`,
    );
  }
}
