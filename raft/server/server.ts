import { input, snapshotNow } from "../driver/mod.ts";
import { change, propose, read, readLog, transfer } from "./calls.ts";
import { bootstrap, initialize, shutDown, start } from "./lifecycle.ts";
import { RaftError } from "../errors.ts";
import { memberProblem } from "./members.ts";
import { createNode, runningDriver, type ServerNode } from "./node.ts";
import { tune } from "./tune.ts";
import { leadershipOf, statusOf } from "./status.ts";
import type { RaftServer, RaftServerOptions, StopOptions } from "./types.ts";

/**
 * Makes a node.
 *
 * @param options Its parts.
 * @returns The node, not yet started.
 * @throws {RaftError} When the cluster's configuration does not fit together.
 *
 * @example A cluster of one
 * ```ts
 * import { createCounterMachine, encodeCounterOperation } from "../machines/mod.ts";
 * import { createMemoryLogStore, createMemoryNetwork } from "../memory/mod.ts";
 * import { createRaftServer } from "./server.ts";
 *
 * const stateMachine = createCounterMachine();
 * const server = createRaftServer({
 *   id: 1,
 *   cluster: { clusterId: "example", electionTimeoutMs: 200, heartbeatIntervalMs: 50 },
 *   stateMachine,
 *   store: createMemoryLogStore(),
 *   transport: createMemoryNetwork().transport(1),
 * });
 * const { identity } = await server.initialize();
 * await server.bootstrap([{ id: 1, incarnation: identity.incarnation, address: "" }]);
 * await server.start();
 * const data = encodeCounterOperation({ type: "increment", by: 2 });
 * await server.proposeOperation({ kind: "custom", data });
 * const value = await server.read(() => stateMachine.value());
 * await server.stop();
 * if (value !== 2) throw new Error(`Expected 2, got ${value}`);
 * ```
 */
export function createRaftServer(options: RaftServerOptions): RaftServer {
  const node = createNode(options);
  return {
    initialize: () => initialize(node),
    bootstrap: (members) => bootstrap(node, members),
    start: () => start(node),
    stop: (stopOptions = {}) => stop(node, stopOptions),
    stopped: node.ended.promise,
    proposeOperation: async (operation, proposeOptions = {}) =>
      await propose(node, operation, proposeOptions),
    read: async (query, readOptions = {}) =>
      await read(node, query, readOptions),
    ...membershipOf(node),
    transferLeadership: async (target = 0, callOptions = {}) =>
      await transfer(node, target, callOptions),
    forceElection: () => input(runningDriver(node), { kind: "campaign" }),
    takeSnapshot: () => snapshotNow(runningDriver(node)),
    tune: (tuning) => tune(node, tuning),
    readLog: (from, limit) => readLog(node, from, limit),
    status: () => statusOf(runningDriver(node)),
    term: () => runningDriver(node).core.term,
    leadership: () => leadershipOf(runningDriver(node)),
    onChange(listener): () => void {
      node.listeners.add(listener);
      return () => void node.listeners.delete(listener);
    },
  };
}

type Membership = Pick<
  RaftServer,
  | "addMember"
  | "removeMember"
  | "promoteMember"
  | "moveMember"
  | "setLeaseReads"
>;

function membershipOf(node: ServerNode): Membership {
  return {
    async addMember(
      { id, incarnation, address, role },
      options,
    ): Promise<void> {
      const problem = memberProblem({ id, incarnation });
      if (problem) throw new RaftError("membership", problem);
      const promoteTo = role === "learner" ? null : role ?? "voter";
      const value = { kind: "add", id, incarnation, address } as const;
      await change(node, { ...value, promoteTo }, options);
    },
    removeMember: async (id, options) =>
      await change(node, { kind: "remove", id }, options),
    promoteMember: async (id, role = "voter", options = {}) =>
      await change(node, { kind: "promote", id, role }, options),
    moveMember: async (id, address, options) =>
      await change(node, { kind: "move", id, address }, options),
    setLeaseReads: async (enabled, options) =>
      await change(node, { kind: "lease_reads", enabled }, options),
  };
}

async function stop(
  node: ServerNode,
  options: StopOptions,
): Promise<void> {
  const { handOver = true, timeoutMs = node.coreOptions.electionTimeoutMs } =
    options;
  const { phase } = node;
  const leads = handOver && phase.kind === "running" &&
    phase.driver.core.role === "leader";
  // Nobody to hand over to is no reason to stay.
  if (leads) await transfer(node, 0, { timeoutMs }).catch(() => {});
  await shutDown(node, null);
}
