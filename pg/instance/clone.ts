import { join } from "node:path";
import { messageOf } from "../../base/mod.ts";
import { writeBackup } from "./backup_copy.ts";
import { readControl } from "./control_file.ts";
import { diskFreeBytes } from "./disk.ts";
import { InstanceError } from "./errors.ts";
import {
  exists,
  makePrivate,
  readIfThere,
  removeIfThere,
  renameDurably,
  syncPath,
  writeDurably,
} from "./files.ts";
import { commandFailed } from "./faults.ts";
import { clearStaging, stagingOf } from "./initialize.ts";
import { rewindMarker } from "./inspect.ts";
import type { Place } from "./place.ts";
import { pidsIn, runCommand } from "./processes.ts";
import {
  writeClosedFiles,
  writePassFile,
  writeStandbySignal,
} from "./render.ts";
import { conninfo, mergeAutoConf, upstreamConninfo } from "./settings.ts";
import { removeCopy } from "./tablespaces.ts";
import type { CloneOptions } from "./types.ts";

/** A copy takes as long as it takes; one that takes a week has no end. */
const CLONE_TIMEOUT_MS = 7 * 24 * 3_600_000;
const KIB = 1024;

/** What the copy must not inherit from its source: whom to follow. */
const NOT_INHERITED: ReadonlyMap<string, string> = new Map([
  ["primary_conninfo", ""],
  ["primary_slot_name", ""],
  ["restore_command", ""],
]);

function oldDir(place: Place): string {
  return `${place.dataDir}.old`;
}

/** Refuses a call that would take the ground from under a server. */
export function checkStopped(place: Place, what: string): void {
  const left = pidsIn(place.dataDir);
  if (left.length === 0) return;
  throw new InstanceError(
    "not_stopped",
    `PostgreSQL runs in "${place.dataDir}" (${left.length} processes): stop it before the ${what}`,
  );
}

/** Reads pg_basebackup's progress, and stops it when it cannot fit. */
function progressReader(
  options: CloneOptions,
  freeBytes: number | null,
  tooSmall: (needBytes: number) => void,
): (text: string) => void {
  return (text) => {
    const match = [...text.matchAll(/(\d+)\/(\d+) kB/g)].at(-1);
    if (match === undefined) return;
    const [done, total] = [Number(match[1]) * KIB, Number(match[2]) * KIB];
    options.onProgress?.(done, total);
    if (freeBytes !== null && total > freeBytes) tooSmall(total);
  };
}

async function copyByProgram(
  place: Place,
  staging: string,
  options: CloneOptions,
): Promise<void> {
  const { binaries, osUser } = place.options;
  const freeBytes = await diskFreeBytes(place);
  const tooSmall = new AbortController();
  let needBytes = 0;
  const target = conninfo(upstreamConninfo(place.options, place.passFile, {
    ...options.source,
    applicationName: options.applicationName ?? "pgraft_clone",
  }));
  try {
    const result = await runCommand(
      join(binaries.dir, "pg_basebackup"),
      [
        "-D",
        staging,
        "-X",
        "stream",
        "--checkpoint=fast",
        "--no-password",
        "--progress",
        "-d",
        target,
      ],
      {
        clock: place.clock,
        owner: osUser,
        timeoutMs: CLONE_TIMEOUT_MS,
        signal: AbortSignal.any([
          tooSmall.signal,
          ...options.signal === undefined ? [] : [options.signal],
        ]),
        onError: progressReader(options, freeBytes, (need) => {
          needBytes = need;
          tooSmall.abort();
        }),
      },
    );
    if (result.code !== 0) {
      throw commandFailed(
        `Cloning from ${options.source.host}:${options.source.port}`,
        result,
        "The former data was left as it was",
      );
    }
  } catch (error) {
    if (needBytes === 0) throw error;
    throw new InstanceError(
      "disk_full",
      `The clone needs ${needBytes} bytes beside "${place.dataDir}" and ${freeBytes} are free: free some, or clone in place`,
    );
  }
}

/** Without pg_basebackup the source's agent sends its files. */
async function copyFromAgent(
  place: Place,
  staging: string,
  options: CloneOptions,
  openBackup: NonNullable<CloneOptions["openBackup"]>,
): Promise<void> {
  const { source, systemId, onProgress, signal } = options;
  const from = `${source.host}:${source.port}`;
  try {
    await writeBackup(place, staging, openBackup(signal), {
      systemId,
      from,
      ...onProgress === undefined ? {} : { onProgress },
    });
  } catch (error) {
    if (signal?.aborted) {
      throw new InstanceError("aborted", `Cloning from ${from} was aborted`);
    }
    if (error instanceof InstanceError && error.code !== "command_failed") {
      throw error;
    }
    throw new InstanceError(
      "command_failed",
      `Cloning from the agent of ${from} failed: ${
        messageOf(error)
      }. The former data was left as it was`,
    );
  }
}

/** Whether pg_basebackup found something where the source has a tablespace, as the former copy's here. */
function isTakenTablespace(error: unknown): boolean {
  return error instanceof InstanceError &&
    /directory ".*" exists but is not empty/.test(error.message);
}

async function copy(
  place: Place,
  staging: string,
  options: CloneOptions,
): Promise<void> {
  const { openBackup } = options;
  if (place.options.binaries.hasBaseBackup) {
    try {
      return await copyByProgram(place, staging, options);
    } catch (error) {
      if (!openBackup || !isTakenTablespace(error)) throw error;
    }
    // An agent finds another directory for it.
    await removeIfThere(staging);
    await makePrivate(staging, place.options.osUser);
  }
  if (openBackup) {
    return await copyFromAgent(place, staging, options, openBackup);
  }
  const { dir, major } = place.options.binaries;
  throw new InstanceError(
    "no_binaries",
    `There is no pg_basebackup in "${dir}": install PostgreSQL's client package of version ${major}`,
  );
}

async function checkCopy(
  staging: string,
  options: CloneOptions,
): Promise<void> {
  const control = await readControl(staging);
  if (typeof control === "string") {
    throw new InstanceError(
      "unreadable_data",
      `The copied pg_control cannot be used, ${control}: clone again`,
    );
  }
  if (options.systemId === null || options.systemId === control.systemId) {
    return;
  }
  throw new InstanceError(
    "foreign_data",
    `The server at ${options.source.host}:${options.source.port} holds cluster ${control.systemId}, expected ${options.systemId}: correct the address`,
  );
}

/** From here on a start of the copy by anybody is a closed standby without upstream (R25). */
async function finishCopy(place: Place, staging: string): Promise<void> {
  const auto = join(staging, "postgresql.auto.conf");
  const text = mergeAutoConf(await readIfThere(auto) ?? "", NOT_INHERITED);
  await writeDurably(auto, text, place.options.osUser);
  await writeClosedFiles(place, staging);
  await writeStandbySignal(place, staging);
  await syncPath(staging);
}

/** An `.old` that is there is of before a clone that never came to stream: it is worth more than that clone. */
async function makeRoom(place: Place, keepOld: boolean): Promise<void> {
  if (!await exists(place.dataDir)) return;
  if (keepOld && !await exists(oldDir(place))) {
    await renameDurably(place.dataDir, oldDir(place));
    return;
  }
  const dropped = `${place.dataDir}.pgraft-dropped`;
  await removeCopy(place, dropped);
  await renameDurably(place.dataDir, dropped);
  await removeCopy(place, dropped);
}

/** Copies another server's data beside the data directory, and renames it when it is whole. */
export async function clone(
  place: Place,
  options: CloneOptions,
): Promise<void> {
  const { osUser } = place.options;
  checkStopped(place, "clone");
  const staging = stagingOf(place.dataDir);
  await clearStaging(place);
  await writePassFile(place, options.replicationPassword);
  if (!options.keepOld) {
    await options.beforeReplacing?.();
    await makeRoom(place, false);
  }
  try {
    await makePrivate(staging, osUser);
    await copy(place, staging, options);
    await checkCopy(staging, options);
    await finishCopy(place, staging);
    if (options.keepOld) {
      await options.beforeReplacing?.();
      await makeRoom(place, true);
    }
    await removeIfThere(rewindMarker(place.dataDir));
    await renameDurably(staging, place.dataDir);
  } finally {
    await removeCopy(place, staging);
  }
}

/** Removes what a clone kept. */
export async function dropOld(place: Place): Promise<void> {
  await removeCopy(place, oldDir(place));
}

/** Renames the data directory, with what says that it was half rewound. */
export async function moveAside(place: Place, suffix: string): Promise<string> {
  checkStopped(place, "directory is moved");
  const target = `${place.dataDir}.${suffix}`;
  if (!/^[\w.-]+$/.test(suffix) || await exists(target)) {
    throw new InstanceError(
      "bad_directory",
      `"${target}" exists or is no name: choose another suffix`,
    );
  }
  await renameDurably(place.dataDir, target);
  if (await exists(rewindMarker(place.dataDir))) {
    await renameDurably(rewindMarker(place.dataDir), rewindMarker(target));
  }
  return target;
}
