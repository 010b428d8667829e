import { join } from "node:path";
import { readControl } from "./control_file.ts";
import { exists, readIfThere } from "./files.ts";
import type { Place } from "./place.ts";
import type { DataState } from "./types.ts";

/** What a fresh file system has in its root. */
const HARMLESS_NAMES: readonly string[] = ["lost+found"];

/** R29: stands beside the data directory while it is rewound, and holds the former pg_control. */
export function rewindMarker(dataDir: string): string {
  return `${dataDir}.rewinding`;
}

async function namesIn(path: string): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const { name } of Deno.readDir(path)) names.push(name);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return names.filter((name) => !HARMLESS_NAMES.includes(name));
}

function unusable(reason: string): DataState {
  return { kind: "unusable", reason };
}

/**
 * Says which major version wrote a data directory.
 *
 * @param dataDir The directory.
 * @returns Such as 17; null where there is no data, or nobody may look.
 */
export async function dataMajor(dataDir: string): Promise<number | null> {
  try {
    const text = await readIfThere(join(dataDir, "PG_VERSION"));
    const major = parseInt(text ?? "", 10);
    return Number.isInteger(major) ? major : null;
  } catch (error) {
    if (error instanceof Deno.errors.PermissionDenied) return null;
    throw error;
  }
}

/** What is needed to look at a directory. */
type Site = Pick<Place, "dataDir" | "options">;

async function look(place: Site): Promise<DataState> {
  const { dataDir, options } = place;
  const names = await namesIn(dataDir);
  if (names.length === 0) return { kind: "empty" };
  const version = await readIfThere(join(dataDir, "PG_VERSION"));
  if (version === null) {
    return unusable(
      `"${dataDir}" holds files but no PostgreSQL data: choose an empty directory, or move them away`,
    );
  }
  if (await exists(rewindMarker(dataDir))) {
    return unusable(
      `A rewind of "${dataDir}" did not finish, so its data is part old, part new: clone it anew`,
    );
  }
  const major = parseInt(version, 10);
  if (major !== options.binaries.major) {
    return unusable(
      `"${dataDir}" was written by PostgreSQL ${version.trim()}, and "${options.binaries.dir}" is version ${options.binaries.version}: install PostgreSQL ${version.trim()}, or upgrade the data with pg_upgrade`,
    );
  }
  const control = await readControl(dataDir);
  if (typeof control !== "string") {
    return { kind: "present", major, ...control };
  }
  return unusable(
    `The pg_control of "${dataDir}" cannot be used, ${control}: clone the directory anew, or restore a backup`,
  );
}

/** Says what the data directory is, without starting anything. */
export async function inspect(place: Site): Promise<DataState> {
  try {
    return await look(place);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      return unusable(
        `"${place.dataDir}" lacks global/pg_control, so it is half a data directory: move it away, or clone it anew`,
      );
    }
    if (
      !(error instanceof Deno.errors.PermissionDenied) &&
      !(error instanceof Deno.errors.NotADirectory)
    ) {
      throw error;
    }
    return unusable(
      `"${place.dataDir}" cannot be read: it must be a directory that this user may enter`,
    );
  }
}
