import type { ClusterState, MemberId } from "../cluster/mod.ts";
import type { Decision, PolicyInput } from "./report.ts";

/** How long the members have to tell about themselves before one of them makes the database. */
const GATHER_MS = 500;

/** Has exactly one member make the database (R34). */
export function decideFounding(
  state: ClusterState,
  input: PolicyInput,
): Decision {
  const { phase } = state;
  const able = ableFounders(state, input);
  if (phase.kind === "founding") {
    const { founder, attempt } = phase;
    const seen = input.observations.get(founder);
    const isLost = seen?.agent === "gone" || seen?.report?.state === "failed" ||
      (seen?.silentMs ?? input.phaseMs) >= 2 * input.settings.electionTimeoutMs;
    if (!isLost) {
      return say(`Node ${founder} makes the database`);
    }
    const next = able.find((id) => id !== founder);
    if (next === undefined) return say(`Waiting for node ${founder}`);
    return {
      command: { type: "appoint", founder: next, after: attempt },
      findings: say(`Node ${founder} is lost before it made the database`)
        .findings,
    };
  }
  const [first] = able;
  const unheard =
    input.raftMembers.filter((id) =>
      (input.observations.get(id)?.agent ?? "silent") === "alive"
    ).length < input.raftMembers.length;
  if (first === undefined) {
    return say("No data member with an empty directory has registered yet");
  }
  if (unheard && input.phaseMs < GATHER_MS) {
    return say("Waiting for the members to tell about themselves");
  }
  return {
    command: { type: "appoint", founder: first, after: 0 },
    findings: [],
  };
}

/** Members that can make it, or have: registered, there, with no other database in the way. */
function ableFounders(
  { members }: ClusterState,
  { observations }: PolicyInput,
): MemberId[] {
  return [...members.keys()].sort((a, b) => a - b).filter((id) => {
    const seen = observations.get(id);
    return seen?.agent === "alive" && seen.report?.state === "stopped";
  });
}

function say(text: string): Decision {
  return {
    command: null,
    findings: [{ member: null, code: "founding", text }],
  };
}
