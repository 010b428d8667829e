import { invariant } from "../../base/mod.ts";
import type { ClusterCommand, GrantCommand } from "./commands.ts";
import { applyCommand } from "./reducer.ts";
import {
  type ClusterState,
  type Copy,
  type DataMember,
  EMPTY_STATE,
  type Grant,
  type MemberId,
  NO_TAGS,
  type Rule,
  type Tags,
} from "./types.ts";

/** The first copy of a member, ten times its number. */
export function copy(id: MemberId, incarnation = id * 10): Copy {
  return { id, incarnation };
}

/** A member that counts and has its first copy. */
export function member(
  id: MemberId,
  { tags, ...patch }: Partial<Omit<DataMember, "tags">> & {
    readonly tags?: Partial<Tags>;
  } = {},
): DataMember {
  return {
    id,
    host: `n${id}`,
    port: 5432,
    version: "15.18",
    incarnation: id * 10,
    counted: true,
    leaving: false,
    away: false,
    maintenance: false,
    order: null,
    ...patch,
    tags: { ...NO_TAGS, ...tags },
  };
}

/** Members by their numbers. */
export function membersOf(
  ...members: readonly DataMember[]
): ReadonlyMap<MemberId, DataMember> {
  return new Map(members.map((one) => [one.id, one]));
}

/** Rule 1 of epoch 1: node 1 needs `required` of the standbys. */
export function rule(
  standbys: readonly (MemberId | Copy)[],
  required: number,
  patch: Partial<Rule> = {},
): Rule {
  return {
    number: 1,
    epoch: 1,
    primary: copy(1),
    standbys: standbys.map((one) => typeof one === "number" ? copy(one) : one),
    required,
    ...patch,
  };
}

/** The grant of an epoch to node 1, on timeline epoch + 1, branching off at 100 for each epoch. */
export function grantAt(epoch: number, patch: Partial<Grant> = {}): Grant {
  return {
    epoch,
    winner: copy(1),
    timeline: epoch + 1,
    parent: epoch - 1,
    startLsn: (epoch - 1) * 100,
    promoted: true,
    ...patch,
  };
}

/** Nodes 1, 2 and 3; node 1 reigns in epoch 1, open, and needs one of the others. */
export function openState(patch: Partial<ClusterState> = {}): ClusterState {
  return {
    ...EMPTY_STATE,
    systemId: "7000",
    replicationPassword: "secret",
    members: membersOf(member(1), member(2), member(3)),
    phase: { kind: "open", epoch: 1, handover: null },
    rules: [rule([2, 3], 1)],
    grants: [grantAt(1)],
    lastRule: 1,
    ...patch,
  };
}

/** The state of {@linkcode openState} in the attempt on epoch 2. */
export function sealingState(patch: Partial<ClusterState> = {}): ClusterState {
  return openState({
    phase: {
      kind: "sealing",
      epoch: 2,
      attempt: { kind: "automatic" },
      catchUp: null,
    },
    ...patch,
  });
}

/** Epoch 2 was granted to node 2, at 100; it has promoted, and is not open. */
export function grantedState(patch: Partial<ClusterState> = {}): ClusterState {
  return openState({
    phase: { kind: "granted", epoch: 2 },
    rules: [
      rule([2, 3], 1),
      rule([1, 3], 1, { number: 2, epoch: 2, primary: copy(2) }),
    ],
    grants: [grantAt(1), grantAt(2, { winner: copy(2) })],
    lastRule: 2,
    ...patch,
  });
}

/** A grant of epoch 2 to node 2 that nodes 2 and 3 cover. */
export function grantCommand(patch: Partial<GrantCommand> = {}): GrantCommand {
  return {
    type: "grant",
    epoch: 2,
    winner: copy(2),
    timeline: 3,
    parent: 1,
    startLsn: 100,
    standbys: [copy(1), copy(3)],
    required: 1,
    coverage: "covered",
    sealed: [
      { ...copy(2), position: { epoch: 1, lsn: 100 } },
      { ...copy(3), position: { epoch: 1, lsn: 100 } },
    ],
    why: "",
    gaveUp: [],
    atMs: 0,
    ...patch,
  };
}

/** Applies commands that must all be taken. */
export function done(
  state: ClusterState,
  ...commands: readonly ClusterCommand[]
): ClusterState {
  let next = state;
  for (const command of commands) {
    const applied = applyCommand(next, command);
    const { result } = applied;
    const why = result.kind === "refused" ? result.why : "";
    invariant(result.kind === "done", `${command.type} is refused: ${why}`);
    next = applied.state;
  }
  return next;
}

/** Applies a command that must be refused and change nothing; why. */
export function refused(state: ClusterState, command: ClusterCommand): string {
  const applied = applyCommand(state, command);
  const { result } = applied;
  invariant(result.kind === "refused", `${command.type} was taken`);
  invariant(applied.state === state, `${command.type} changed something`);
  return result.why;
}
