import {
  bindingRules,
  type ClusterState,
  type Copy,
  copyOf,
  currentPrimary,
  isSameCopy,
  type LossReason,
  type SealedAt,
  uncoveredRules,
} from "../cluster/mod.ts";
import type { Observation, PolicyInput } from "./report.ts";

/** How the reigning primary fares. */
export type Assessment =
  | { readonly kind: "fine"; readonly why: string }
  /** Something is wrong, and it is not time or no use to act. */
  | { readonly kind: "watch"; readonly why: string }
  | {
    readonly kind: "lost";
    readonly reason: LossReason;
    readonly detail: string;
    /** How long ago. */
    readonly lostMs: number;
  };

/** Judges the copy that reigns or is about to (R7). */
export function assessPrimary(
  state: ClusterState,
  input: PolicyInput,
): Assessment {
  const primary = currentPrimary(state);
  if (!primary) return { kind: "fine", why: "Nobody reigns" };
  const seen = input.observations.get(primary.id);
  if (seen?.agent === "alive") return assessAlive(state, primary, seen);
  return assessUnheard(state, primary, seen ?? null, input);
}

/** Its own agent knows best (R7 a). */
function assessAlive(
  { phase }: ClusterState,
  primary: Copy,
  { report, reportMs }: Observation,
): Assessment {
  const epoch = phase.kind === "granted" || phase.kind === "open"
    ? phase.epoch
    : 0;
  // Before its identity: whose directory was wiped reports none, and knows that its reign is over.
  if (report && report.lost !== null && report.lostEpoch === epoch) {
    return {
      kind: "lost",
      reason: report.lost,
      detail: report.lostDetail,
      lostMs: report.lostMs + reportMs,
    };
  }
  if (report?.incarnation !== primary.incarnation) {
    // What it told before it was granted the epoch says nothing.
    return report && report.pledge >= epoch && report.state !== "starting"
      ? {
        kind: "lost",
        reason: "postmaster_gone",
        detail: `Node ${primary.id} has another data directory than reigned`,
        lostMs: reportMs,
      }
      : { kind: "watch", why: `Node ${primary.id} has not reported yet` };
  }
  return { kind: "fine", why: `Node ${primary.id} says that it serves` };
}

/** Its agent is gone or silent: that alone is not enough, unless it lasts (R7 b, c). */
function assessUnheard(
  state: ClusterState,
  primary: Copy,
  seen: Observation | null,
  input: PolicyInput,
): Assessment {
  const { settings } = input;
  const silentMs = seen?.silentMs ?? input.phaseMs;
  const isGone = seen?.agent === "gone";
  const name = `node ${primary.id}`;
  const what = isGone
    ? `The agent of ${name} is gone`
    : `The agent of ${name} is silent`;
  if (!isGone && silentMs < settings.electionTimeoutMs) {
    return { kind: "watch", why: `${what} for ${Math.round(silentMs)} ms` };
  }
  if (!couldCoverWithout(state, primary, input)) {
    return {
      kind: "watch",
      why: `${what}, and nobody could take over without losing commits`,
    };
  }
  // R30: it closes itself one timeout after its last contact, so twice that must have passed.
  if (state.mode === "off" && silentMs < 2 * settings.electionTimeoutMs) {
    return { kind: "watch", why: `${what}; mode off waits until it is closed` };
  }
  if (state.phase.kind === "granted") {
    return {
      kind: "lost",
      reason: isGone ? "node_gone" : "node_silent",
      detail: `${what} before it had opened`,
      lostMs: silentMs,
    };
  }
  const wal = walState(state, primary, input);
  if (wal.kind === "stopped") {
    return {
      kind: "lost",
      reason: isGone && wal.refused ? "node_gone" : "node_silent",
      detail: `${what} and its write-ahead log has stopped`,
      lostMs: Math.min(silentMs, wal.silentMs),
    };
  }
  if (state.mode === "off" && wal.kind === "flows") {
    // R30: nobody can fence it, and it acknowledges alone.
    return { kind: "watch", why: `${what}, and its PostgreSQL lives on` };
  }
  const isAway = state.members.get(primary.id)?.away ?? false;
  if (isAway) return { kind: "watch", why: `${what}, on purpose` };
  const absentMs = seen?.absentMs ?? input.phaseMs;
  if (absentMs >= settings.agentGraceMs) {
    return {
      kind: "lost",
      reason: "agent_gone",
      detail: `${what} for ${Math.round(silentMs)} ms`,
      lostMs: silentMs,
    };
  }
  return { kind: "watch", why: `${what}; its write-ahead log ${wal.kind}` };
}

type WalState =
  | {
    readonly kind: "stopped";
    readonly refused: boolean;
    readonly silentMs: number;
  }
  | { readonly kind: "flows" }
  | { readonly kind: "is seen by nobody" };

/** Whether every standby that can be asked sees nothing of the primary any more (R7 b). */
function walState(
  state: ClusterState,
  primary: Copy,
  { observations, settings }: PolicyInput,
): WalState {
  const { phase } = state;
  let asked = 0;
  let refused = true;
  let leastSilentMs = Infinity;
  for (const member of state.members.values()) {
    const seen = observations.get(member.id);
    if (member.id === primary.id || seen?.agent !== "alive") continue;
    const following = seen.report?.following;
    if (!following || following.upstream !== primary.id) continue;
    if (phase.kind === "open" && following.epoch !== phase.epoch) continue;
    asked += 1;
    const silentMs = following.silentMs + seen.reportMs;
    const isCut = !following.streaming && following.refused;
    if (!isCut && silentMs < settings.electionTimeoutMs) {
      return { kind: "flows" };
    }
    refused &&= isCut;
    leastSilentMs = Math.min(leastSilentMs, silentMs);
  }
  if (asked === 0) return { kind: "is seen by nobody" };
  return { kind: "stopped", refused, silentMs: leastSilentMs };
}

/**
 * Whether the members that are there could cover every rule without the primary. Where they can't, as
 * with k = 0, an attempt would end writes and bring nobody to power (R6).
 */
function couldCoverWithout(
  state: ClusterState,
  primary: Copy,
  { observations }: PolicyInput,
): boolean {
  const copies: SealedAt[] = [];
  for (const { id } of state.members.values()) {
    const seen = observations.get(id);
    const copy = copyOf(state, id);
    if (!copy || isSameCopy(copy, primary) || seen?.agent !== "alive") continue;
    const { report } = seen;
    if (report?.incarnation !== copy.incarnation) continue;
    const { position, followed } = report;
    if (position !== null) copies.push({ ...copy, position });
    else if (followed !== undefined) {
      copies.push({ ...copy, position, followed });
    }
  }
  if (copies.every(({ position }) => position === null)) return false;
  const binding = { ...state, rules: bindingRules(state) };
  return state.mode === "off" || uncoveredRules(binding, copies).length === 0;
}
