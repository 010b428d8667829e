import { InstanceError } from "./errors.ts";
import type { Place } from "./place.ts";
import { findPostmaster, removeStaleFiles } from "./postmaster.ts";
import { pidsIn, sendSignal, statOf } from "./processes.ts";
import { waitFor } from "./wait.ts";

const DEFAULT_TIMEOUTS_MS = { fast: 60_000, immediate: 5_000 } as const;
/** How long a killed process may take to go: it may sit in the disk's driver. */
const KILL_TIMEOUT_MS = 10_000;

/** A process that is stopped by a signal hears no other but SIGKILL. */
function isFrozen(pid: number): boolean {
  return /^[Tt]$/.test(statOf(pid)?.state ?? "");
}

async function untilNobody(place: Place, timeoutMs: number): Promise<boolean> {
  const look = (): true | null =>
    pidsIn(place.dataDir).length === 0 ? true : null;
  return await waitFor(place.clock, { timeoutMs }, look) ?? false;
}

async function killAll(place: Place): Promise<void> {
  const look = (): true | null => {
    const left = pidsIn(place.dataDir);
    // Again and again, since a postmaster that dies last may still have started one.
    for (const pid of left) sendSignal(pid, "SIGKILL");
    return left.length === 0 ? true : null;
  };
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
  if (postmaster !== null && !isFrozen(postmaster.pid)) {
    sendSignal(postmaster.pid, mode === "fast" ? "SIGINT" : "SIGQUIT");
    await untilNobody(place, options.timeoutMs ?? DEFAULT_TIMEOUTS_MS[mode]);
  }
  await killAll(place);
  await place.connections.drop();
  await removeStaleFiles(place);
}
