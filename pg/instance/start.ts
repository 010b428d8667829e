import { join } from "node:path";
import { formatHostPort, statOf } from "../../base/mod.ts";
import { badLinesIn, takeOut } from "./bad_lines.ts";
import { InstanceError } from "./errors.ts";
import { readIfThere, removeIfThere } from "./files.ts";
import { lastLines } from "./faults.ts";
import { inspect } from "./inspect.ts";
import type { Place } from "./place.ts";
import { findPostmaster, removeStaleFiles, statusOf } from "./postmaster.ts";
import { pidsIn, runCommand } from "./processes.ts";
import {
  activeFiles,
  givenFor,
  writeClosedFiles,
  writeStandbySignal,
} from "./render.ts";
import { openLog } from "./server_log.ts";
import { commandLineSettings, type Given } from "./settings.ts";
import { removeFillers } from "./timelines.ts";
import { waitFor } from "./wait.ts";

const DEFAULT_START_TIMEOUT_MS = 60_000;
const LAUNCH_TIMEOUT_MS = 10_000;
const TRY_TIMEOUT_MS = 2_000;
/** The server reads its files in passes, each of which may find something else wrong with them. */
const MAX_MENDS = 5;

/**
 * Starts the server in a session of its own, with init as its parent, and says its pid. Arguments go as
 * they are, without a shell's quotes.
 */
const LAUNCH_SCRIPT = 'log=$1; shift; "$@" </dev/null >>"$log" 2>&1 & echo $!';

async function launch(
  place: Place,
  given: Given,
  above: ReadonlyMap<string, string>,
): Promise<number> {
  const { options, dataDir, socketDirs } = place;
  const files = { ...activeFiles(dataDir), socketDirs };
  const settings = new Map([
    ...commandLineSettings(options, given, files),
    ...above,
  ]);
  const args = [...settings].flatMap((
    [name, value],
  ) => ["-c", `${name}=${value}`]);
  const postgres = join(options.binaries.dir, "postgres");
  const { stdout } = await runCommand(
    "/bin/sh",
    [
      "-c",
      LAUNCH_SCRIPT,
      "sh",
      place.serverLog,
      postgres,
      "-D",
      dataDir,
      ...args,
    ],
    { clock: place.clock, owner: options.osUser, timeoutMs: LAUNCH_TIMEOUT_MS },
  );
  return parseInt(stdout, 10);
}

async function logSince(place: Place, offset: number): Promise<string> {
  const text = await readIfThere(place.serverLog) ?? "";
  const bytes = new TextEncoder().encode(text);
  return new TextDecoder().decode(bytes.subarray(offset));
}

function startFailed(place: Place, log: string): InstanceError {
  const { listen } = place.options;
  if (/Address already in use|lock file ".*\.lock" already exists/.test(log)) {
    return new InstanceError(
      "port_taken",
      `Port ${
        formatHostPort(listen)
      } is taken by another process: stop that one, or let PostgreSQL listen elsewhere`,
    );
  }
  if (/No space left on device/.test(log)) {
    return new InstanceError(
      "disk_full",
      `PostgreSQL did not start in "${place.dataDir}", no space is left on the disk: free some`,
    );
  }
  return new InstanceError(
    "start_failed",
    `PostgreSQL did not start in "${place.dataDir}"; its log "${place.serverLog}" ends with: ${
      lastLines(log)
    }`,
  );
}

async function checkStartable(place: Place): Promise<void> {
  const state = await inspect(place);
  if (state.kind === "empty") {
    throw new InstanceError(
      "unreadable_data",
      `"${place.dataDir}" is empty: initialize or clone it first`,
    );
  }
  if (state.kind === "unusable") {
    throw new InstanceError("unreadable_data", state.reason);
  }
  const postmaster = await findPostmaster(place);
  if (postmaster !== null) {
    throw new InstanceError(
      "already_running",
      `PostgreSQL already runs in "${place.dataDir}" as process ${postmaster.pid}: stop it first, or adopt it`,
    );
  }
  const left = pidsIn(place.dataDir);
  if (left.length === 0) return;
  throw new InstanceError(
    "not_stopped",
    `Processes ${
      left.join(", ")
    } of a former server are left in "${place.dataDir}": stop the instance first`,
  );
}

type Answer = "ready" | "ended" | null;

async function tryOnce(place: Place, pid: number): Promise<Answer> {
  const stat = statOf(pid);
  if (stat === null || stat.state === "Z") return "ended";
  if (await statusOf(place, pid) !== "ready") return null;
  try {
    await place.connections.run("control", "select 1", [], TRY_TIMEOUT_MS);
    return "ready";
  } catch (error) {
    if (error instanceof InstanceError && error.code !== "query_failed") {
      return null;
    }
    // Still starting: every other refusal is one that waiting does not cure.
    if (
      error instanceof InstanceError &&
      error.sqlState?.startsWith("57P") === true
    ) return null;
    throw error;
  }
}

/** A server that was started and has not answered yet. */
export interface Started {
  readonly pid: number;
  /** Where its part of the log begins. */
  readonly logBytes: number;
}

/** Starts the server as a standby (R25), and resolves when it answers. */
export async function start(
  place: Place,
  options: { readonly timeoutMs?: number } = {},
): Promise<void> {
  const timeoutMs = options.timeoutMs ?? DEFAULT_START_TIMEOUT_MS;
  for (let mends = 0;; mends++) {
    const started = await begin(place, null);
    try {
      return await untilAnswered(place, started, timeoutMs);
    } catch (error) {
      const hasEnded = error instanceof InstanceError &&
        error.code === "start_failed";
      if (!hasEnded || mends === MAX_MENDS) throw error;
      const bad = badLinesIn(await logSince(place, started.logBytes));
      if (bad.length === 0) throw error;
      await takeOut(place, bad);
    }
  }
}

/** What only one start has. */
interface Special {
  /** In place of what the data asks for. */
  readonly given: Given;
  /** Above all other settings. */
  readonly above: ReadonlyMap<string, string>;
}

/** Starts the server as a standby (R25), and waits for nothing. */
export async function begin(
  place: Place,
  special: Special | null,
): Promise<Started> {
  await checkStartable(place);
  await removeStaleFiles(place);
  await writeClosedFiles(place, place.dataDir);
  await writeStandbySignal(place, place.dataDir);
  await removeFillers(place);
  await removeIfThere(join(place.dataDir, "promote"));
  await place.connections.drop();
  const logBytes = await openLog(place);
  const given = special?.given ?? await givenFor(place, place.dataDir);
  const pid = await launch(place, given, special?.above ?? new Map());
  return { pid, logBytes };
}

/** Resolves when a server that was started answers. */
export async function untilAnswered(
  place: Place,
  { pid, logBytes }: Started,
  timeoutMs: number,
): Promise<void> {
  const answer = await waitFor(
    place.clock,
    { timeoutMs },
    () => tryOnce(place, pid),
  );
  if (answer === "ready") return;
  const log = await logSince(place, logBytes);
  if (answer === "ended") throw startFailed(place, log);
  throw new InstanceError(
    "timeout",
    `PostgreSQL in "${place.dataDir}" runs but did not answer within ${timeoutMs} ms: wait, or stop it; its log ends with: ${
      lastLines(log)
    }`,
  );
}
