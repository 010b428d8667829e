import type { DataMember, MemberId, Phase } from "../../pg/cluster/mod.ts";
import type { Observation } from "../../pg/policy/mod.ts";

/** How often a leader looks while all is well; what it is told wakes it. */
export const CALM_LOOK_MS = 500;
/** How often while a reign begins, or somebody who should have been heard again was not. */
export const ALERT_LOOK_MS = 25;
/** How often once that has lasted. */
export const LATE_LOOK_MS = 100;
/** Agents report more often than this. */
const UNHEARD_MS = 600;
/** How long it is looked for that often. */
const ALERT_MS = 3000;

/** What of the replicated state matters here. */
export interface PaceState {
  readonly phase: Phase;
  readonly members: ReadonlyMap<MemberId, Pick<DataMember, "away">>;
}

/**
 * Says when a leader looks again: what nobody tells must be noticed, and there moments count.
 *
 * @param state The replicated state.
 * @param observations What is known of the members.
 * @param phaseMs For how long the phase has lasted.
 * @returns In how many milliseconds.
 */
export function lookAgainMs(
  { phase, members }: PaceState,
  observations: ReadonlyMap<MemberId, Pick<Observation, "silentMs">>,
  phaseMs: number,
): number {
  if (phase.kind !== "open" || phase.handover) {
    return phaseMs < ALERT_MS ? ALERT_LOOK_MS : LATE_LOOK_MS;
  }
  const unheardMs = [...members]
    .filter(([, { away }]) => !away)
    .map(([id]) => observations.get(id)?.silentMs ?? Infinity)
    .filter((silentMs) => silentMs >= UNHEARD_MS);
  if (unheardMs.length === 0) return CALM_LOOK_MS;
  return Math.min(...unheardMs) < ALERT_MS ? ALERT_LOOK_MS : LATE_LOOK_MS;
}
