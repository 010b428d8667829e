import { join } from "node:path";
import { systemClock } from "../../base/mod.ts";
import { InstanceError } from "./errors.ts";
import { exists } from "./files.ts";
import { runCommand } from "./processes.ts";

/** PostgreSQL's programs, found and tried. */
export interface Binaries {
  /** The directory that holds them. */
  readonly dir: string;
  /** Such as `15.18`. */
  readonly version: string;
  /** Such as 15. */
  readonly major: number;
  /** Whether there is a pg_rewind. */
  readonly hasRewind: boolean;
  /** Whether there is a pg_basebackup. */
  readonly hasBaseBackup: boolean;
  /** Whether there is a pg_waldump. */
  readonly hasWalDump: boolean;
}

const OLDEST_MAJOR = 14;
const NEWEST_MAJOR = 18;
const TRIAL_TIMEOUT_MS = 10_000;

/** Where distributions put a directory for each major version. */
const VERSIONED: readonly { readonly parent: string; readonly name: RegExp }[] =
  [
    { parent: "/usr/lib/postgresql", name: /^(\d+)$/ },
    { parent: "/usr", name: /^pgsql-(\d+)$/ },
  ];
const PLAIN = ["/usr/local/pgsql/bin", "/usr/local/bin"];

/** T9: the first minor version of each major without the race at start. */
const RACE_FIXED_IN: ReadonlyMap<number, number> = new Map([
  [14, 18],
  [15, 13],
  [16, 9],
  [17, 5],
]);

/**
 * T9, R5: tells whether a version may let commits through without waiting for standbys while it starts.
 *
 * @param version Such as `15.12`.
 * @returns Null when it does not, else the version to install.
 *
 * @example Usage
 * ```ts
 * import { syncRaceFixedIn } from "./binaries.ts";
 *
 * if (syncRaceFixedIn("15.12") !== "15.13") throw new Error("15.12 has the race");
 * if (syncRaceFixedIn("15.18") !== null) throw new Error("15.18 does not");
 * ```
 */
export function syncRaceFixedIn(version: string): string | null {
  const [major, minor] = version.split(".").map((part) => parseInt(part, 10));
  const fixed = RACE_FIXED_IN.get(major ?? 0);
  if (fixed === undefined || (minor ?? 0) >= fixed) return null;
  return `${major}.${fixed}`;
}

async function versionedPlaces(): Promise<string[]> {
  const found: { dir: string; major: number }[] = [];
  for (const { parent, name } of VERSIONED) {
    if (!await exists(parent)) continue;
    for await (const entry of Deno.readDir(parent)) {
      const match = name.exec(entry.name);
      if (match === null) continue;
      const dir = join(parent, entry.name, "bin");
      found.push({ dir, major: Number(match[1]) });
    }
  }
  return found.filter(({ major }) =>
    major >= OLDEST_MAJOR && major <= NEWEST_MAJOR
  ).sort((a, b) => b.major - a.major).map(({ dir }) => dir);
}

async function usualPlaces(): Promise<string[]> {
  const path = (Deno.env.get("PATH") ?? "").split(":").filter((dir) =>
    dir.startsWith("/")
  );
  return [...await versionedPlaces(), ...PLAIN, ...path];
}

/** A link that leads nowhere, as a package that was removed leaves it, is no program. */
async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch {
    return false;
  }
}

async function hasServer(dir: string): Promise<boolean> {
  return await isFile(join(dir, "postgres")) &&
    await isFile(join(dir, "initdb"));
}

async function versionOf(dir: string): Promise<string> {
  const options = {
    clock: systemClock(),
    owner: null,
    timeoutMs: TRIAL_TIMEOUT_MS,
  };
  const results = await Promise.all(
    ["postgres", "initdb"].map((name) =>
      runCommand(join(dir, name), ["--version"], options)
    ),
  );
  const versions = results.map(({ stdout }) =>
    /(\d+(?:\.\d+)?)(?:devel|beta\d+|rc\d+)?\b/.exec(stdout)?.[1] ?? "none"
  );
  const [version = "none", other] = versions;
  if (version !== "none" && version === other) return version;
  throw new InstanceError(
    "bad_version",
    `The postgres in "${dir}" says version ${version} and the initdb beside it ${other}: install both from one package, or set bin_dir`,
  );
}

/** The programs in the first of some places that has them, of a major version where one is asked for. */
async function search(
  places: readonly string[],
  major: number | null,
): Promise<{ dir: string; version: string } | null> {
  for (const dir of places) {
    if (!await hasServer(dir)) continue;
    const version = await versionOf(dir);
    if (major === null || parseInt(version, 10) === major) {
      return { dir, version };
    }
  }
  return null;
}

/**
 * Finds PostgreSQL's programs and tries them.
 *
 * @param binDir Where they are; null looks through the usual places and takes the newest.
 * @param wanted The major version that is looked for; null for any.
 * @returns The programs.
 * @throws {InstanceError} When there are none, they do not run, or their version is not supported.
 */
export async function findBinaries(
  binDir: string | null,
  wanted: number | null = null,
): Promise<Binaries> {
  const places = binDir === null ? await usualPlaces() : [binDir];
  const found = await search(places, wanted);
  if (found === null) throw noBinaries(binDir, wanted);
  const { dir, version } = found;
  const major = parseInt(version, 10);
  if (major < OLDEST_MAJOR || major > NEWEST_MAJOR) {
    throw new InstanceError(
      "bad_version",
      `PostgreSQL in "${dir}" is version ${version}, and pgraft knows ${OLDEST_MAJOR} to ${NEWEST_MAJOR}: install one of these, or set bin_dir to one`,
    );
  }
  const [hasRewind, hasBaseBackup, hasWalDump] = await Promise.all(
    ["pg_rewind", "pg_basebackup", "pg_waldump"].map((name) =>
      isFile(join(dir, name))
    ),
  );
  return {
    dir,
    version,
    major,
    hasRewind: hasRewind === true,
    hasBaseBackup: hasBaseBackup === true,
    hasWalDump: hasWalDump === true,
  };
}

function noBinaries(
  binDir: string | null,
  wanted: number | null,
): InstanceError {
  const where = binDir === null
    ? "in the usual places or in PATH"
    : `in "${binDir}"`;
  const what = wanted === null ? "" : ` of version ${wanted}`;
  const which = wanted ?? `${OLDEST_MAJOR} to ${NEWEST_MAJOR}`;
  return new InstanceError(
    "no_binaries",
    `No postgres${what} with an initdb beside it was found ${where}: install PostgreSQL ${which}, or set bin_dir`,
  );
}
