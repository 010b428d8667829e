import { join } from "node:path";
import { type HostPort, messageOf } from "../../base/mod.ts";
import { checkStopped } from "./clone.ts";
import { removeIfThere, syncPath, writeDurably } from "./files.ts";
import { faultLines } from "./faults.ts";
import { inspect, rewindMarker } from "./inspect.ts";
import type { Place } from "./place.ts";
import { removeStaleFiles } from "./postmaster.ts";
import { runCommand } from "./processes.ts";
import { writeClosedFiles, writeStandbySignal } from "./render.ts";
import { conninfo, upstreamConninfo } from "./settings.ts";
import type { PresentData, RewindResult } from "./types.ts";

/** How to rewind. */
export interface RewindOptions {
  /** Whose history to follow; it must have made a checkpoint since its promotion (T17). */
  readonly source: HostPort;
  /** When to give up. */
  readonly timeoutMs: number;
  /** Gives up when aborted. */
  readonly signal?: AbortSignal;
}

/** R29: why this directory cannot be rewound; null when it can. */
function hindrance(place: Place, state: PresentData): string | null {
  if (!place.options.binaries.hasRewind) return "there is no pg_rewind";
  if (!state.hasChecksums && !state.walLogHints) {
    return "the data has neither checksums nor wal_log_hints";
  }
  // T20: to end such a recovery, pg_rewind would run single-user mode, which ignores timelines.
  return state.controlState === "in archive recovery"
    ? "the standby was not stopped cleanly"
    : null;
}

async function run(
  place: Place,
  options: RewindOptions,
  extra: readonly string[],
): Promise<{ code: number; said: string }> {
  const { binaries, osUser } = place.options;
  const source = conninfo({
    ...upstreamConninfo(place.options, place.passFile, {
      ...options.source,
      applicationName: "pgraft_rewind",
    }),
    dbname: "postgres",
  });
  try {
    const result = await runCommand(
      join(binaries.dir, "pg_rewind"),
      ["-D", place.dataDir, `--source-server=${source}`, ...extra],
      {
        clock: place.clock,
        owner: osUser,
        // One that outlives its agent is found there, and ended before anything else is done (R23).
        directory: place.dataDir,
        timeoutMs: options.timeoutMs,
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      },
    );
    return { code: result.code, said: `${result.stdout}\n${result.stderr}` };
  } catch (error) {
    return { code: 1, said: messageOf(error) };
  }
}

/**
 * R29: takes back what the source does not have, so that this directory can follow it.
 *
 * Whoever kills it in the middle leaves the marker, and with it a directory that only a clone mends. A failure
 * before anything was changed leaves none. "No rewind required" is a failure: the caller knows by epochs
 * that one is.
 */
export async function rewind(
  place: Place,
  options: RewindOptions,
): Promise<RewindResult> {
  checkStopped(place, "rewind");
  const { dataDir } = place;
  const state = await inspect(place);
  if (state.kind !== "present") {
    return {
      kind: "failed",
      why: state.kind === "empty" ? "there is no data" : state.reason,
    };
  }
  const why = hindrance(place, state);
  if (why !== null) return { kind: "failed", why };
  await removeStaleFiles(place);
  // T18: pg_rewind refuses a directory with a signal file where it must recover it first.
  await removeIfThere(join(dataDir, "standby.signal"));
  await syncPath(dataDir);
  try {
    if (!/^shut down/.test(state.controlState)) await recover(place, options);
    const trial = await run(place, options, ["--dry-run"]);
    if (trial.code !== 0) {
      return { kind: "failed", why: faultLines(trial.said) };
    }
    if (/no rewind required/.test(trial.said)) return notBelieved();
    return await change(place, options);
  } finally {
    await writeClosedFiles(place, dataDir);
    await writeStandbySignal(place, dataDir);
  }
}

/**
 * Ends a crashed primary's recovery, as pg_rewind would by itself: but then it could not be tried before, and
 * whatever stops it later would leave a marker.
 */
async function recover(place: Place, options: RewindOptions): Promise<void> {
  const { binaries, osUser } = place.options;
  await runCommand(
    join(binaries.dir, "postgres"),
    ["--single", "-D", place.dataDir, "template1"],
    { clock: place.clock, owner: osUser, timeoutMs: options.timeoutMs },
  );
}

function notBelieved(): RewindResult {
  return {
    kind: "failed",
    why: "pg_rewind saw nothing to take back, which cannot be: clone",
  };
}

async function change(
  place: Place,
  options: RewindOptions,
): Promise<RewindResult> {
  const { dataDir } = place;
  const marker = rewindMarker(dataDir);
  const control = await Deno.readFile(join(dataDir, "global", "pg_control"));
  await writeDurably(marker, control, place.options.osUser);
  const { code, said } = await run(place, options, []);
  if (code !== 0) return { kind: "failed", why: faultLines(said) };
  const isNeeded = !/no rewind required/.test(said);
  await writeClosedFiles(place, dataDir);
  await writeStandbySignal(place, dataDir);
  await removeIfThere(marker);
  await syncPath(join(dataDir, ".."));
  return isNeeded ? { kind: "done" } : notBelieved();
}
