import type { NodeContext } from "../api/mod.ts";
import { createNodeMachine } from "../machine/mod.ts";
import { createActivity } from "../metrics/mod.ts";
import type { BridgeContext } from "./context.ts";
import { watchHealth } from "./health.ts";

/** A node that waits for others to found its cluster with. */
export function unfounded(): BridgeContext {
  const node: Partial<NodeContext> = {
    id: 1,
    name: "node1",
    version: "1.2.3",
    clusterName: "test",
    raftAddress: "127.0.0.1:7400",
    maxEntryBytes: 1024,
    startedAtMs: 0,
    nowMs: () => performance.now(),
    stage: () => "founding",
    waitingFor: () => "Waiting for node 2 to found the cluster",
    isStopping: () => false,
    isDiskFull: () => false,
    ha: () => null,
    machine: createNodeMachine(),
  };
  const traffic = {
    messagesReceived: 0,
    heartbeatsSent: 0,
    electionsStarted: 0,
  };
  const context: Partial<BridgeContext> = {
    // Whoever asks for more than there is of such a node fails the test.
    node: node as NodeContext,
    activity: createActivity(() => traffic),
    pending: new Set(),
    connections: { now: 0, max: 10 },
    traffic: () => traffic,
    failedAppends: { count: 0 },
    settings: () => [],
    link: () => null,
    watchers: () => [],
    keys: { puts: 0, deletes: 0, gets: 0 },
    hasAdminToken: false,
    recentLogs: () => [],
    metricsText: () => Promise.resolve("up 1\n"),
    setDebug: () => {},
    stopNode: () => {},
    health: watchHealth({
      node: node as NodeContext,
      clock: { nowMs: () => 0, after: () => ({ cancel: () => {} }) },
      periodMs: () => 1000,
      onLook: () => {},
    }),
    forwardsWrites: () => false,
  };
  return context as BridgeContext;
}
