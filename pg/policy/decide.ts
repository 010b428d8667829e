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
