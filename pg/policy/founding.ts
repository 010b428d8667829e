import type { ClusterState, MemberId } from "../cluster/mod.ts";
import type { Decision, PolicyInput } from "./report.ts";

/** How long the members have to tell about themselves before one of them makes the database. */
const GATHER_MS = 500;
/** The same where one has a database already: a second one must not be overlooked. */
const ADOPTION_GATHER_MS = 5000;

/** Has exactly one member make the database, or adopt its own (R34). */
export function decideFounding(
  state: ClusterState,
  input: PolicyInput,
): Decision {
  if (isAdopting(input)) return decideAdoption(state, input);
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
  return appoint(first);
}

/** Nobody makes a database where one is to be adopted, whatever becomes of the member that has it. */
function decideAdoption(state: ClusterState, input: PolicyInput): Decision {
  const { phase } = state;
  if (phase.kind === "founding") {
    return say(`Node ${phase.founder} has its database adopted`);
  }
  const having = [...input.observations].filter(([, { report }]) =>
    report?.adopts === true
  ).map(([id]) => id).sort((a, b) => a - b);
  if (having.length > 1) {
    return say(
      `Nodes ${
        having.join(", ")
      } have a database each, and one can be adopted: ` +
        "move the others away",
    );
  }
  const isUnheard = input.raftMembers.some((id) => {
    const seen = input.observations.get(id);
    return seen?.agent !== "alive" || seen.report === null;
  });
  if (isUnheard && input.phaseMs < ADOPTION_GATHER_MS) {
    return say("Waiting for the members to tell about themselves");
  }
  const [founder] = ableFounders(state, input).filter((id) =>
    having.includes(id)
  );
  return founder === undefined
    ? say("Waiting for the member whose database is adopted")
    : appoint(founder);
}

function isAdopting({ settings, observations }: PolicyInput): boolean {
  return settings.adopts === true ||
    [...observations.values()].some(({ report }) => report?.adopts === true);
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

function appoint(founder: MemberId): Decision {
  return {
    command: { type: "appoint", founder, after: 0 },
    findings: [],
  };
}

function say(text: string): Decision {
  return {
    command: null,
    findings: [{ member: null, code: "founding", text }],
  };
}
