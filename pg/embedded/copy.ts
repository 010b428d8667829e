import { dirname, isAbsolute, join, normalize, relative } from "node:path";
import { EmbeddedError } from "./errors.ts";

/** How many files are copied at once. */
const COPIES_AT_ONCE = 16;
const OLD_DRAFT_MS = 3_600_000;
const EXECUTABLE_MODE = 0o755;
const LINKS_FILE = "native/pg-symlinks.json";

interface Link {
  /** Both from the package's directory on. */
  readonly source: string;
  readonly target: string;
}

async function listFiles(from: string, below: string): Promise<string[]> {
  const found: string[] = [];
  for await (const entry of Deno.readDir(join(from, below))) {
    const path = join(below, entry.name);
    if (entry.isDirectory) found.push(...await listFiles(from, path));
    else if (entry.isFile) found.push(path);
  }
  return found;
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await Deno.open(path);
  try {
    await directory.sync();
  } finally {
    directory.close();
  }
}

async function copyOne(from: string, to: string): Promise<void> {
  await Deno.copyFile(from, to);
  // Whoever runs PostgreSQL must be able to read it, however strict this process's mask is.
  await Deno.chmod(to, EXECUTABLE_MODE);
  const file = await Deno.open(to);
  try {
    await file.sync();
  } finally {
    file.close();
  }
}

async function copyFiles(from: string, to: string): Promise<void> {
  const files = await listFiles(from, "native");
  const directories = [...new Set(files.map(dirname))].sort();
  for (const path of directories) {
    await Deno.mkdir(join(to, path), { recursive: true });
  }
  const all = new Set(directories.flatMap(parentsOf));
  for (const path of all) await Deno.chmod(join(to, path), EXECUTABLE_MODE);
  const left = [...files];
  const worker = async (): Promise<void> => {
    for (let path = left.pop(); path !== undefined; path = left.pop()) {
      await copyOne(join(from, path), join(to, path));
    }
  };
  await Promise.all(Array.from({ length: COPIES_AT_ONCE }, worker));
  await makeLinks(from, to);
  for (const path of all) await syncDirectory(join(to, path));
}

function parentsOf(path: string): string[] {
  const parts = path.split("/");
  return ["", ...parts.map((_, at) => parts.slice(0, at + 1).join("/"))];
}

/** npm packages hold no links; this one lists those that its programs need. */
async function makeLinks(from: string, to: string): Promise<void> {
  const links: readonly Link[] = JSON.parse(
    await Deno.readTextFile(join(from, LINKS_FILE)),
  );
  for (const { source, target } of links) {
    if ([source, target].some(leadsOut)) {
      throw new EmbeddedError(
        `The package's ${LINKS_FILE} names "${source}" and "${target}", one of which is outside of it`,
      );
    }
    await Deno.symlink(relative(dirname(target), source), join(to, target));
  }
}

function leadsOut(path: string): boolean {
  return isAbsolute(path) || normalize(path).startsWith("..");
}

async function isThere(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** What a crash left; a younger one may be what another process is working on. */
async function removeOldDrafts(place: string): Promise<void> {
  for await (const { name } of Deno.readDir(dirname(place))) {
    const path = join(dirname(place), name);
    if (!path.startsWith(`${place}.draft-`)) continue;
    const { mtime } = await Deno.stat(path);
    if (Date.now() - (mtime?.getTime() ?? 0) < OLD_DRAFT_MS) continue;
    await Deno.remove(path, { recursive: true });
  }
}

/** Another process may have been faster, with the same. */
async function putInPlace(draft: string, place: string): Promise<void> {
  try {
    await Deno.rename(draft, place);
  } catch (error) {
    if (!await isThere(place)) throw error;
  }
  await syncDirectory(dirname(place));
}

/**
 * Copies a package to where everybody can read it: whole or not at all. A copy that is there is left as
 * it is.
 *
 * @param place The copy's directory.
 * @param fetch Gets the package, and is asked only when there is no copy.
 * @returns Whether it was copied now.
 */
export async function copyPackage(
  place: string,
  fetch: () => Promise<string>,
): Promise<boolean> {
  if (await isThere(place)) return false;
  const from = await fetch();
  await Deno.mkdir(dirname(place), { recursive: true, mode: EXECUTABLE_MODE });
  await removeOldDrafts(place);
  const draft = `${place}.draft-${crypto.randomUUID().slice(0, 8)}`;
  try {
    await Deno.mkdir(draft);
    await copyFiles(from, draft);
    await putInPlace(draft, place);
    return true;
  } finally {
    if (await isThere(draft)) await Deno.remove(draft, { recursive: true });
  }
}
