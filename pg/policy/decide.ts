import { type ClusterState, newestEpoch, type Phase } from "../cluster/mod.ts";
import { decideFounding } from "./founding.ts";
import { assessPrimary } from "./loss.ts";
import { decideReign } from "./reign.ts";
import type { Decision, Finding, PolicyInput } from "./report.ts";
import { decideSealing } from "./sealing.ts";

/**
 * Decides what happens next. Only a Raft leader that has applied an entry of its own term acts on it
 * (R10); what it proposes is a compare-and-set, so that acting on what has passed does nothing.
 *
 * @param state The replicated state.
 * @param input What is known of the members.
 * @returns What to propose, and the reasons.
 */
export function decide(state: ClusterState, input: PolicyInput): Decision {
  const { phase } = state;
  switch (phase.kind) {
    case "unformed":
    case "founding":
      return decideFounding(state, input);
    case "sealing":
      // R33: a pause holds what policy begins, not what an operator has asked for.
      return state.paused && phase.attempt.kind === "automatic"
        ? paused()
        : decideSealing(state, phase, input);
    case "granted":
    case "open":
      return decideUnderReign(state, phase, input);
  }
}

/** So many losses within so long are a loop, which then turns once in a while only. */
const LOOP_LOSSES = 20;
const LOOP_WINDOW_MS = 60_000;
const LOOP_PAUSE_MS = 5000;

/** Whether reigns end as soon as they begin; to go on at full speed would mend nothing. */
function isLooping(
  { history }: ClusterState,
  { wallMs, phaseMs }: PolicyInput,
): boolean {
  const recent = history.filter(({ kind, detectedAtMs }) =>
    (kind === "failover" || kind === "restart") &&
    wallMs - detectedAtMs < LOOP_WINDOW_MS
  );
  return recent.length >= LOOP_LOSSES && phaseMs < LOOP_PAUSE_MS;
}

function paused(): Decision {
  const text = "Failover is paused; pgraft ctl resume lets it go on";
  return {
    command: null,
    findings: [{ member: null, code: "paused", text }],
  };
}

function decideUnderReign(
  state: ClusterState,
  phase: Extract<Phase, { kind: "granted" | "open" }>,
  input: PolicyInput,
): Decision {
  const assessment = assessPrimary(state, input);
  if (assessment.kind !== "lost") {
    const { command, findings } = decideReign(state, phase, input);
    const text = assessment.why;
    const own = { member: null, code: assessment.kind, text };
    return { command, findings: [own, ...findings] };
  }
  const { reason, detail, lostMs } = assessment;
  const finding: Finding = { member: null, code: reason, text: detail };
  if (state.paused) {
    return { command: null, findings: [finding, ...paused().findings] };
  }
  if (isLooping(state, input)) {
    const text = "The primary was lost again and again; the next attempt waits";
    const looping = { member: null, code: "crash_loop", text };
    return { command: null, findings: [finding, looping] };
  }
  return {
    command: {
      type: "attempt",
      epoch: newestEpoch(state) + 1,
      expected: { kind: phase.kind, epoch: phase.epoch },
      attempt: { kind: "automatic" },
      reason,
      detail,
      lostAtMs: Math.round(input.wallMs - lostMs),
      atMs: input.wallMs,
    },
    findings: [finding],
  };
}
