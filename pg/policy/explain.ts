import {
  type ClusterState,
  comparePositions,
  copyOf,
  currentPrimary,
  type DataMember,
  formatPosition,
  isSameCopy,
  type MemberId,
  newestRule,
} from "../cluster/mod.ts";
import type { Finding, Observation, PolicyInput } from "./report.ts";

/** Answers for each member: is it the primary, and if not, why not? */
export function explainMembers(
  state: ClusterState,
  input: PolicyInput,
): Finding[] {
  return [...state.members.values()].toSorted((a, b) => a.id - b.id)
    .map((member) => explainMember(state, member, input));
}

function explainMember(
  state: ClusterState,
  member: DataMember,
  input: PolicyInput,
): Finding {
  const { id } = member;
  const seen = input.observations.get(id) ?? null;
  const primary = currentPrimary(state);
  if (isSameCopy(primary, copyOf(state, id))) {
    return isOpen(state)
      ? say(id, "primary", `Node ${id} is the primary`)
      : say(id, "taking_over", `Node ${id} takes over and is not open yet`);
  }
  return unable(state, member, seen) ?? standsBy(state, id, seen, input);
}

function isOpen({ phase }: ClusterState): boolean {
  return phase.kind === "open";
}

/** What keeps a member from ever being chosen as it is. */
function unable(
  state: ClusterState,
  { id, tags, leaving, maintenance, incarnation }: DataMember,
  seen: Observation | null,
): Finding | null {
  const name = `Node ${id}`;
  if (seen === null || seen.agent !== "alive") {
    const what = seen?.agent === "gone" ? "is gone" : "is silent";
    return say(id, "agent_lost", `${name} can't: its agent ${what}`);
  }
  if (leaving) return say(id, "leaving", `${name} can't: it is leaving`);
  if (maintenance) {
    return say(id, "maintenance", `${name} must not: it is in maintenance`);
  }
  if (tags.nofailover) {
    return say(id, "nofailover", `${name} must not: it has the tag nofailover`);
  }
  const { report } = seen;
  if (!report) return say(id, "no_report", `${name} has not reported yet`);
  if (report.incarnation === null || report.position === null) {
    const why = report.trouble ?? `it is ${report.state}`;
    return say(id, "no_data", `${name} can't: it has no valid data (${why})`);
  }
  if (incarnation !== report.incarnation) {
    return say(id, "not_entered", `${name} can't: its copy is not known yet`);
  }
  return state.phase.kind === "sealing" && report.sealed !== state.phase.epoch
    ? say(id, "not_sealed", `${name} has not sealed yet: ${report.trouble}`)
    : null;
}

function standsBy(
  state: ClusterState,
  id: MemberId,
  seen: Observation | null,
  { observations }: PolicyInput,
): Finding {
  const position = seen?.report?.position;
  if (!position) return say(id, "no_data", `Node ${id} has no valid data`);
  const ahead = [...observations].find(([other, { report }]) =>
    other !== id && report?.position &&
    state.members.has(other) && comparePositions(report.position, position) > 0
  );
  const where = formatPosition(position);
  const primary = currentPrimary(state);
  const holds = newestRule(state)?.standbys.some((copy) => copy.id === id)
    ? "it holds commits"
    : "it does not hold commits";
  if (primary) {
    return say(
      id,
      "standby",
      `Node ${id} stands by at ${where}, ${holds}: node ${primary.id} is the primary`,
    );
  }
  return ahead
    ? say(
      id,
      "behind",
      `Node ${id} is at ${where}, and node ${ahead[0]} has more`,
    )
    : say(id, "candidate", `Node ${id} is at ${where}; nobody has more`);
}

function say(member: MemberId, code: string, text: string): Finding {
  return { member, code, text };
}
