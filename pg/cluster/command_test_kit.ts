import type {
  AttemptCommand,
  ClusterCommand,
  FoundCommand,
  RegisterCommand,
} from "./commands.ts";
import { done } from "./state_test_kit.ts";
import { type ClusterState, EMPTY_STATE } from "./types.ts";

/** Has a member register. */
export function register(
  id: number,
  mode: "quorum" | "off" = "quorum",
): RegisterCommand {
  return {
    type: "register",
    id,
    host: `h${id}`,
    port: 5432,
    version: "15.18",
    mode,
  };
}

/** Has a founder say that it has made the database. */
export function found(founder: number, attempt: number): FoundCommand {
  return {
    type: "found",
    founder,
    attempt,
    systemId: "7000",
    incarnation: founder * 10,
    replicationPassword: "secret",
    parameters: {},
    atMs: 5,
  };
}

/** Begins an attempt at epoch 2. */
export function attempt(patch: Partial<AttemptCommand> = {}): AttemptCommand {
  return {
    type: "attempt",
    epoch: 2,
    expected: { kind: "open", epoch: 1 },
    attempt: { kind: "automatic" },
    reason: "node_gone",
    detail: "gone",
    lostAtMs: 1,
    atMs: 2,
    ...patch,
  };
}

/** Three members that have registered, none of them with a database. */
export function registered(): ClusterState {
  return done(EMPTY_STATE, register(1), register(2), register(3));
}

/** A database that was just made, with the first version of its configuration. */
export function foundedState(): ClusterState {
  const appointed = { type: "appoint", founder: 1, after: 0 } as const;
  return done(registered(), appointed, found(1, 1));
}

/** Sets a parameter, on a version that must be the newest. */
export function configure(after: number, value: string): ClusterCommand {
  return {
    type: "configure",
    after,
    parameters: { work_mem: value },
    author: "ann",
    comment: "",
    atMs: after,
  };
}
