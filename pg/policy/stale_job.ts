import type { ClusterState } from "../cluster/mod.ts";
import type { Job } from "./view.ts";

/** How long a copy may stand still that comes from a reign which has ended. */
export const STALE_JOB_PATIENCE_MS = 10_000;

/**
 * Whether a copy is taken in vain: somebody else reigns by now, and nothing has come for a while from a source
 * that may be frozen, or whose disk hangs. While it comes it goes on, since much of it may be there already.
 */
export function isJobStale(
  { phase }: ClusterState,
  { kind, epoch }: Job,
  stillMs: number,
): boolean {
  const isCopy = kind === "clone" || kind === "rewind";
  const reigns = phase.kind === "granted" || phase.kind === "open";
  return isCopy && reigns && epoch < phase.epoch &&
    stillMs >= STALE_JOB_PATIENCE_MS;
}
