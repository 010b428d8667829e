/**
 * A router alone in its process, before one server that it takes for the primary: for measurements. Its first
 * argument is the server's port; it writes its own and lives until it is killed.
 *
 * @module
 */
import { present, systemClock } from "../base/mod.ts";
import { type ClusterState, EMPTY_STATE, NO_TAGS } from "../pg/cluster/mod.ts";
import type { Observations } from "../pg/policy/mod.ts";
import { startRouter } from "../server/router/mod.ts";
import { print } from "./terminal.ts";

const HOST = "127.0.0.1";
const WINNER = { id: 1, incarnation: 1 };

function stateOf(port: number): ClusterState {
  return {
    ...EMPTY_STATE,
    phase: { kind: "open", epoch: 1, handover: null },
    members: new Map([[1, {
      id: 1,
      host: HOST,
      port,
      version: "15",
      tags: NO_TAGS,
      incarnation: 1,
      counted: true,
      leaving: false,
      away: false,
      maintenance: false,
      order: null,
    }]]),
    grants: [{
      epoch: 1,
      winner: WINNER,
      timeline: 2,
      parent: 0,
      startLsn: 0,
      promoted: true,
    }],
  };
}

const SEEN: Observations = new Map([[1, {
  agent: "alive",
  silentMs: 0,
  absentMs: 0,
  reportMs: 0,
  report: {
    id: 1,
    boot: "",
    sequence: 1,
    pledge: 1,
    incarnation: 1,
    state: "running",
    role: "primary",
    sealed: 0,
    position: null,
    timeline: 2,
    replayLsn: 0,
    lost: null,
    lostEpoch: 0,
    lostDetail: "",
    lostMs: 0,
    primary: {
      epoch: 1,
      flushLsn: 0,
      standbys: [],
      absent: [],
      open: true,
      hasCheckpoint: true,
      handover: 0,
      syncWaiters: 0,
    },
    following: null,
    needsClone: false,
    trouble: null,
    config: { version: 0, pendingRestart: [], fault: null },
  },
}]]);

if (import.meta.main) {
  const state = stateOf(Number(Deno.args[0]));
  const router = await startRouter({
    router: {
      readWrite: { host: HOST, port: 0 },
      readOnly: null,
      threads: 0,
      maxConnections: 9000,
      maxWaiting: 1000,
      waitTimeoutMs: 10_000,
      startupTimeoutMs: 10_000,
      connectTimeoutMs: 2000,
      idleTimeoutMs: 0,
      stallTimeoutMs: 60_000,
      maxLagBytes: 0,
      readOnlyFallback: true,
      proxyProtocol: false,
    },
    raft: { electionTimeoutMs: 1000 },
  }, {
    clock: systemClock(),
    state: () => state,
    observations: () => SEEN,
    confirm: () => Promise.resolve(),
    isAwaitingSync: () => Promise.resolve(false),
  });
  await print(`${present(router, "a router").doors.read_write}\n`);
}
