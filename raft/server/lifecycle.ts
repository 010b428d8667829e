import { invariant, pause, randomIdentity } from "../../base/mod.ts";
import { encodeConfiguration, type Entry, type Member } from "../core/mod.ts";
import {
  createDriver,
  type Driver,
  type DriverPorts,
  input,
  stopDriver,
} from "../driver/mod.ts";
import { DiskFullError, RaftError } from "../errors.ts";
import type { LogIdentity, RaftTransport, StoredLog } from "../ports.ts";
import { DEFAULT_SNAPSHOT_DISTANCE } from "./config.ts";
import { diskOf } from "./disk.ts";
import { createLoop } from "./loop.ts";
import { foundingProblem } from "./members.ts";
import type { ServerNode } from "./node.ts";
import type { NewMember } from "./types.ts";

/** What is read of a snapshot at a time when it is put into the machine. */
const SNAPSHOT_READ_BYTES = 1 << 20;

/** A log in files gives space back by segments of this size; a snapshot of less wins nothing. */
const SNAPSHOT_MIN_LOG_BYTES = 16 << 20;

const STOPPED_MESSAGE =
  "The node was stopped; make another on its store, or ask another member";

/** Opens the store. */
export async function initialize(
  node: ServerNode,
): Promise<{ identity: LogIdentity; isEmpty: boolean }> {
  const { phase, options, random } = node;
  if (phase.kind !== "new") {
    throw new RaftError("bad_call", "The node was initialized before");
  }
  const stored = await options.store.open({
    clusterId: options.cluster.clusterId,
    nodeId: options.id,
    incarnation: randomIdentity(random),
  });
  node.phase = { kind: "open", stored };
  return { identity: stored.identity, isEmpty: isEmpty(stored) };
}

/** Writes the first configuration into an empty store. */
export async function bootstrap(
  node: ServerNode,
  members: readonly NewMember[],
): Promise<void> {
  const { phase, options } = node;
  if (phase.kind !== "open") {
    throw new RaftError("bad_call", "Only a node that does not run is founded");
  }
  if (!isEmpty(phase.stored)) {
    const message = "The node's store holds a cluster already; " +
      "start the node, or give it an empty directory";
    throw new RaftError("bad_call", message);
  }
  const problem = foundingProblem(members, options.id);
  if (problem) throw new RaftError("bad_call", problem);
  const entry = firstEntry(members);
  const hardState = { term: 1, votedFor: 0, commit: 1 };
  await options.store.append({ hardState, entries: [entry] });
  phase.stored = { ...phase.stored, hardState, entries: [entry] };
}

function isEmpty({ snapshot, entries, hardState }: StoredLog): boolean {
  return snapshot === null && entries.length === 0 && hardState.term === 0;
}

/** All founding members write the same entry, so it needs no vote. */
function firstEntry(members: readonly NewMember[]): Entry {
  const founding = members.map((member): Member => ({
    id: member.id,
    incarnation: member.incarnation,
    role: member.role ?? "voter",
    promoteTo: null,
    address: member.address,
  })).sort((a, b) => a.id - b.id);
  const data = encodeConfiguration({ members: founding, leaseReads: false });
  return { index: 1, term: 1, kind: "configuration", data };
}

/** Starts to take part in the group. */
export async function start(node: ServerNode): Promise<void> {
  if (node.phase.kind === "new") await initialize(node);
  const { phase, options } = node;
  if (phase.kind !== "open") {
    throw new RaftError("bad_call", "The node was started before");
  }
  const applied = options.stateMachine.getLastAppliedIndex();
  if (applied !== 0) {
    const message =
      `The state machine has applied ${applied} entries before; ` +
      "give every start a new machine, which snapshot and log fill again";
    throw new RaftError("bad_call", message);
  }
  const transport = typeof options.transport === "function"
    ? options.transport(phase.stored.identity)
    : options.transport;
  const holder: { driver: Driver | null } = { driver: null };
  const loop = createLoop(node.clock, () => holder.driver);
  const driver = createDriver({
    stored: phase.stored,
    options: node.coreOptions,
    policy: {
      distanceEntries: options.cluster.snapshotDistance ??
        DEFAULT_SNAPSHOT_DISTANCE,
      minLogBytes: SNAPSHOT_MIN_LOG_BYTES,
      readBytes: SNAPSHOT_READ_BYTES,
    },
    ports: portsOf(node, transport, loop.wake, () => holder.driver),
  });
  holder.driver = driver;
  node.phase = { kind: "running", driver, loop, transport };
  await transport.start({
    message: (message) => input(driver, { kind: "message", message }),
    gone: (peer) => input(driver, { kind: "peer_gone", peer }),
    present: (peer) => input(driver, { kind: "peer_present", peer }),
  });
  loop.wake();
}

function portsOf(
  node: ServerNode,
  transport: RaftTransport,
  wake: () => void,
  driver: () => Driver | null,
): DriverPorts {
  const { options, clock } = node;
  return {
    disk: diskOf(options.store, {
      isFull: (error) => error instanceof DiskFullError,
      pause: (ms) => pause(clock, ms, node.stopping.signal),
      isStopped: () => node.phase.kind === "stopped",
      fullness: options.onDiskFull ?? (() => {}),
      fail: (error) => driver()?.ports.fail(error),
    }),
    machine: options.stateMachine,
    random: node.random,
    observer: options.observer ?? {},
    nowMs: () => clock.nowMs(),
    send: (message) => transport.send(message),
    // The first turn of the event loop hands the bytes to their connections, which write them before the next.
    afterSending: (run) => void setImmediate(() => setImmediate(run)),
    probe: (peer) => transport.probe(peer),
    setPeers: (peers) => transport.setPeers(peers),
    wake,
    fail: (error) => {
      invariant(error instanceof RaftError, "a driver fails with a RaftError");
      // Whoever waits for `stopped` hears of a failure of the shutdown itself.
      shutDown(node, error).catch((cause) => node.ended.reject(cause));
    },
    changed: () => notify(node),
  };
}

/** Ends the node; the first caller's reason counts. */
export async function shutDown(
  node: ServerNode,
  reason: RaftError | null,
): Promise<void> {
  const { phase, options, stopping, ended } = node;
  if (phase.kind === "stopped") {
    await ended.promise;
    return;
  }
  const stopped = reason ?? new RaftError("stopped", STOPPED_MESSAGE);
  node.phase = { kind: "stopped", reason: stopped };
  stopping.abort();
  if (phase.kind === "running") {
    phase.loop.stop();
    stopDriver(phase.driver, stopped);
  }
  try {
    if (phase.kind === "running") await phase.transport.stop();
  } finally {
    // A transport that does not stop must not keep the store's lock.
    if (phase.kind !== "new") await options.store.close();
    // Listeners look at the status, which a stopped node has not; `stopped` tells of the end.
    node.listeners.clear();
    ended.resolve(reason);
  }
}

function notify({ listeners }: ServerNode): void {
  for (const listener of listeners) listener();
}
