import { statOf } from "../../base/mod.ts";
import { InstanceError } from "./errors.ts";
import type { Place } from "./place.ts";
import { findPostmaster, removeStaleFiles } from "./postmaster.ts";
import { pidsIn, sendSignal } from "./processes.ts";
import { waitFor } from "./wait.ts";

const DEFAULT_TIMEOUTS_MS = { fast: 60_000, immediate: 5_000 } as const;
/** How long a killed process may take to go: it may sit in the disk's driver. */
const KILL_TIMEOUT_MS = 10_000;

/** A process that is stopped by a signal hears no other but SIGKILL. */
function isFrozen(pid: number): boolean {
  return /^[Tt]$/.test(statOf(pid)?.state ?? "");
}

/**
 * Ends what a dead postmaster has left (R23). It would end by itself, at twice the cost, and where a session is busy
 * not soon. What it has told a client is in the log here, and held by as many as its rule asks for.
 */
export async function endOrphans(place: Place): Promise<void> {
  if (await findPostmaster(place) === null) place.occupants.kill();
}

async function untilNobody(place: Place, timeoutMs: number): Promise<boolean> {
  const look = (): true | null => place.occupants.isAny() ? null : true;
  return await waitFor(place.clock, { timeoutMs }, look) ?? false;
}

async function killAll(place: Place): Promise<void> {
  // Again and again, since a postmaster that dies last may still have started one.
  const look = (): true | null => place.occupants.kill() ? null : true;
  if (
    await waitFor(place.clock, { timeoutMs: KILL_TIMEOUT_MS }, look) === true
  ) return;
  throw new InstanceError(
    "stop_failed",
    `Processes ${
      pidsIn(place.dataDir).join(", ")
    } in "${place.dataDir}" survive SIGKILL, so the disk hangs: mend it, or reset the machine`,
  );
}

/**
 * Stops the server, and resolves when no process has its working directory in the data directory (R23).
 * The postmaster gets SIGINT or SIGQUIT, a backend never SIGINT (R26); what is left at the deadline is killed.
 */
export async function stop(
  place: Place,
  mode: "fast" | "immediate",
  options: { readonly timeoutMs?: number } = {},
): Promise<void> {
  const postmaster = await findPostmaster(place);
  // Without a postmaster, what is left can only end by itself or be killed.
  const isAsked = postmaster !== null && !isFrozen(postmaster.pid);
  if (isAsked) {
    sendSignal(postmaster.pid, mode === "fast" ? "SIGINT" : "SIGQUIT");
  }
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUTS_MS[mode];
  if (!isAsked || !await untilNobody(place, timeoutMs)) await killAll(place);
  await removeStaleFiles(place);
  await place.connections.drop();
}
