import { type ClusterState, newestRule } from "../cluster/mod.ts";
import type { LocalView } from "./view.ts";

/** How many election timeouts a primary waits without a leader and without acknowledgements (R28). */
const LONELY_TIMEOUTS = 3;

/**
 * Whether a primary must close itself. With k >= 1 it can't acknowledge anyway, so it is in no hurry: a
 * mere election must not cost writes (R28). In mode `off` time is all that protects, so it closes one
 * election timeout after its last contact (R30).
 */
export function isFenced(state: ClusterState, view: LocalView): boolean {
  const { lonelyMs, unacknowledgedMs, electionTimeoutMs } = view;
  if (state.mode === "off") return lonelyMs >= electionTimeoutMs;
  const rule = newestRule(state);
  if (!rule || rule.required === 0) return false;
  const limitMs = LONELY_TIMEOUTS * electionTimeoutMs;
  return lonelyMs >= limitMs && unacknowledgedMs >= limitMs;
}
