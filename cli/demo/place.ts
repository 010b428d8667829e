import { dirname, join } from "node:path";
import { beginningOf, processesOf, signalTo } from "./processes.ts";

/** What every demo's directory begins with. */
const PREFIX = "pgraft-demo-";
/** Says which process the directory belongs to. */
const OWNER_FILE = "demo.pid";
const PUBLIC_SOCKETS = "/var/run/postgresql";
const END_TIMEOUT_MS = 10_000;
const POLL_MS = 20;

/**
 * Makes a directory for a demo. PostgreSQL's user must come through it where this process is root.
 *
 * @returns Its real path.
 */
export async function makePlace(): Promise<string> {
  const made = await Deno.makeTempDir({ prefix: PREFIX });
  const root = await Deno.realPath(made);
  if (Deno.uid() === 0) await Deno.chmod(root, 0o711);
  await Deno.writeTextFile(
    join(root, OWNER_FILE),
    `${Deno.pid} ${beginningOf(Deno.pid)}\n`,
  );
  return root;
}

async function isLeftBehind(root: string): Promise<boolean> {
  try {
    const { uid, isDirectory } = await Deno.lstat(root);
    if (!isDirectory || uid !== Deno.uid()) return false;
    const text = await Deno.readTextFile(join(root, OWNER_FILE));
    const [pid, beginning] = text.trim().split(" ");
    return beginningOf(Number(pid)) !== beginning;
  } catch {
    // One that is just being made or removed.
    return false;
  }
}

/**
 * Clears away what demos left that were killed before they could.
 *
 * @param beside A directory of a demo.
 * @returns The directories that are gone now.
 */
export async function sweepPlaces(beside: string): Promise<string[]> {
  const parent = dirname(beside);
  const swept: string[] = [];
  for await (const { name } of Deno.readDir(parent)) {
    const root = join(parent, name);
    if (!name.startsWith(PREFIX) || root === beside) continue;
    if (!await isLeftBehind(root)) continue;
    await removePlace(root);
    swept.push(root);
  }
  return swept;
}

/** A server that was killed leaves its sockets where others' are as well. */
async function removeSockets(root: string): Promise<void> {
  try {
    for await (const { name } of Deno.readDir(PUBLIC_SOCKETS)) {
      if (!name.endsWith(".lock")) continue;
      const lock = join(PUBLIC_SOCKETS, name);
      const text = await Deno.readTextFile(lock);
      if (!text.includes(`${root}/`)) continue;
      await Deno.remove(lock);
      await Deno.remove(lock.slice(0, -".lock".length));
    }
  } catch (error) {
    const isGone = error instanceof Deno.errors.NotFound ||
      error instanceof Deno.errors.PermissionDenied;
    if (!isGone) throw error;
  }
}

/**
 * Ends every process of a demo's directory and removes it.
 *
 * @param root The directory.
 * @throws {Error} When a process does not end.
 */
export async function removePlace(root: string): Promise<void> {
  const deadlineMs = performance.now() + END_TIMEOUT_MS;
  for (let left = processesOf(root); left.length > 0;) {
    for (const pid of left) signalTo(pid, "SIGKILL");
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    left = processesOf(root).filter((pid) => beginningOf(pid) !== null);
    if (performance.now() > deadlineMs && left.length > 0) {
      throw new Error(
        `Processes ${
          left.join(", ")
        } of "${root}" do not end: kill them, and remove it`,
      );
    }
  }
  await removeSockets(root);
  await Deno.remove(root, { recursive: true });
}
