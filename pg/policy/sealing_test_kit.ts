import { invariant } from "../../base/mod.ts";
import { applyCommand, type ClusterState, type Tags } from "../cluster/mod.ts";
import { decide } from "./decide.ts";
import {
  alive,
  inputOf,
  member,
  membersOf,
  rule,
  sealedReport,
  sealingState,
} from "./policy_test_kit.ts";
import type { Observation } from "./report.ts";

/** What the leader sees of members, by their numbers. */
export type Seen = Record<number, Observation>;
/** What is decided, and about whom. */
export type Outcome = readonly [string | null, number | null];

/** What is decided in an attempt, and whom it is about. */
export function outcome(
  seen: Seen,
  state = sealingState(),
  phaseMs = 10_000,
): Outcome {
  const { command, findings } = decide(state, inputOf(seen, { phaseMs }));
  if (command?.type === "grant") {
    // What is decided must also be taken (R2).
    const { result } = applyCommand(state, command);
    invariant(result.kind === "done", "what is decided is refused");
    return ["grant", command.winner.id];
  }
  if (command?.type === "catch_up") {
    return ["catch_up", command.catchUp?.target.id ?? null];
  }
  return [findings[0]?.code ?? null, null];
}

/** Members that are sealed, where their logs end. */
export function sealedAt(lsns: Readonly<Record<number, number>>): Seen {
  return Object.fromEntries(
    Object.entries(lsns).map(([id, lsn]) => [
      id,
      alive(sealedReport(Number(id), lsn)),
    ]),
  );
}

/** An attempt of five nodes on epoch 2: node 1 needed two of the others. */
export function fiveNodes(
  tags: Readonly<Record<number, Partial<Tags>>> = {},
): ClusterState {
  return sealingState({
    members: membersOf(
      ...[1, 2, 3, 4, 5].map((id) => member(id, { tags: tags[id] ?? {} })),
    ),
    rules: [rule([2, 3, 4, 5], 2)],
  });
}
