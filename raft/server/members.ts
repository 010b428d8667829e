import type { NodeId } from "../core/mod.ts";
import { idsProblem } from "./member_ids.ts";
import type { NewMember } from "./types.ts";

/** What is wrong with a member that is to be, or null. */
export function memberProblem(
  { id, incarnation }: Pick<NewMember, "id" | "incarnation">,
): string | null {
  const problem = idsProblem([id]);
  if (problem) return problem;
  if (Number.isSafeInteger(incarnation) && incarnation > 0) return null;
  return `Incarnation ${incarnation} of member ${id} is none; ` +
    "give the one that its initialize() tells";
}

/** What is wrong with the members that found a cluster, or null. */
export function foundingProblem(
  members: readonly NewMember[],
  own: NodeId,
): string | null {
  for (const member of members) {
    const problem = memberProblem(member);
    if (problem) return problem;
  }
  const problem = idsProblem(members.map(({ id }) => id));
  if (problem) return problem;
  if (!members.some(({ id }) => id === own)) {
    return `Node ${own} is not among the founding members; add it`;
  }
  const votes = members.some(({ role }) => role !== "learner");
  return votes ? null : "No founding member votes; make one a voter";
}
