import {
  type Clock,
  type Random,
  systemClock,
  systemRandom,
} from "../../base/mod.ts";
import {
  type CoreOptions,
  latestConfiguration,
  memberOf,
} from "../core/mod.ts";
import type { Driver } from "../driver/mod.ts";
import { RaftError } from "../errors.ts";
import type { RaftTransport, StoredLog } from "../ports.ts";
import { coreOptionsOf } from "./config.ts";
import { idsProblem } from "./member_ids.ts";
import type { Loop } from "./loop.ts";
import type { RaftServerOptions } from "./types.ts";

/** How far a node has come. */
export type Phase =
  | { readonly kind: "new" }
  | { readonly kind: "open"; stored: StoredLog }
  | {
    readonly kind: "running";
    readonly driver: Driver;
    readonly loop: Loop;
    readonly transport: RaftTransport;
  }
  | { readonly kind: "stopped"; readonly reason: RaftError };

/** The state of a server. */
export interface ServerNode {
  readonly options: RaftServerOptions;
  coreOptions: CoreOptions;
  readonly clock: Clock;
  readonly random: Random;
  readonly listeners: Set<() => void>;
  /** Ends waits of the disk, when the node stops. */
  readonly stopping: AbortController;
  readonly ended: PromiseWithResolvers<RaftError | null>;
  phase: Phase;
}

/** Makes a node that has not begun. */
export function createNode(options: RaftServerOptions): ServerNode {
  const problem = idsProblem([options.id]);
  if (problem) throw new RaftError("bad_call", problem);
  return {
    options,
    coreOptions: coreOptionsOf(options.cluster),
    clock: options.clock ?? systemClock(),
    random: options.random ?? systemRandom(),
    listeners: new Set(),
    stopping: new AbortController(),
    ended: Promise.withResolvers(),
    phase: { kind: "new" },
  };
}

/** The driver of a node that runs; throws why it does not. */
export function runningDriver({ phase }: ServerNode): Driver {
  switch (phase.kind) {
    case "running":
      return phase.driver;
    case "stopped":
      throw phase.reason;
    default:
      throw new RaftError(
        "bad_call",
        "The node does not run yet; call start first",
      );
  }
}

/** Adds who leads, where that is known, to an error that says this node does not. */
export function withLeader({ core }: Driver, error: RaftError): RaftError {
  if (error.code !== "not_leader" || core.leaderId === 0) return error;
  const { configuration } = latestConfiguration(core.configurations);
  const address = memberOf(configuration, core.leaderId)?.address ?? "";
  const leader = { id: core.leaderId, address };
  return new RaftError(error.code, error.message, { leader, cause: error });
}
