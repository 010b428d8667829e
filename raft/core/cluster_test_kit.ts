/** A group of cores in one thread for tests: a synchronous network and disks that a test can hold. */
import { invariant, present } from "../../base/mod.ts";
import { configurationAt, decodeConfiguration } from "./configuration.ts";
import { drain } from "./drain.ts";
import type {
  ChangeOutcome,
  Effects,
  Input,
  PersistBatch,
  ReadOutcome,
  RefusedProposal,
  SnapshotCommand,
  TransferOutcome,
} from "./effects.ts";
import type { CoreOptions } from "./limits.ts";
import { entryAt, lastIndex, sizeOf, termAt } from "./log.ts";
import type { Message } from "./messages.ts";
import { type Core, createCore, ownMember } from "./state.ts";
import { step } from "./step.ts";
import {
  configure,
  type Disk,
  diskOf,
  emptyDisk,
  TEST_OPTIONS,
} from "./test_fixtures.ts";
import type {
  Configuration,
  Entry,
  Index,
  NodeId,
  SnapshotMeta,
  Term,
} from "./types.ts";

export * from "./test_fixtures.ts";

/** One node and everything that came out of it. */
export interface TestNode {
  core: Core;
  readonly disk: Disk;
  up: boolean;
  /** Whether batches become durable at once; else `persist` does it. */
  autoPersist: boolean;
  /** Whether snapshot commands are obeyed at once; else they stay in `commands`. */
  autoSnapshot: boolean;
  readonly unsynced: PersistBatch[];
  readonly commands: SnapshotCommand[];
  readonly reads: ReadOutcome[];
  readonly refused: RefusedProposal[];
  readonly changes: ChangeOutcome[];
  readonly transfers: TransferOutcome[];
  readonly probes: NodeId[];
}

/** The group. */
export interface TestCluster {
  nowMs: number;
  readonly options: CoreOptions;
  readonly nodes: Map<NodeId, TestNode>;
  /** Messages on their way, oldest first. */
  wire: Message[];
  /** Every message that was sent. */
  readonly sent: Message[];
  /** Messages for which this holds are lost. */
  lose: (message: Message) => boolean;
  readonly leaders: Map<Term, NodeId>;
  readonly committed: Map<Index, Entry>;
}

/** Starts a group whose members all hold the founding configuration, or what `disks` says. */
export function startCluster(
  members: string | Configuration,
  options: Partial<CoreOptions> = {},
  disks: Readonly<Record<NodeId, Disk>> = {},
): TestCluster {
  const cluster: TestCluster = {
    nowMs: 1_000_000,
    options: { ...TEST_OPTIONS, ...options },
    nodes: new Map(),
    wire: [],
    sent: [],
    lose: () => false,
    leaders: new Map(),
    committed: new Map(),
  };
  const founding = typeof members === "string" ? configure(members) : members;
  for (const { id, incarnation } of founding.members) {
    addNode(cluster, id, disks[id] ?? diskOf(founding), incarnation);
  }
  return cluster;
}

/** Starts one node more. */
export function addNode(
  cluster: TestCluster,
  id: NodeId,
  disk: Disk = emptyDisk(),
  incarnation = id * 10,
): TestNode {
  const node: TestNode = {
    core: coreOf(cluster, id, disk, incarnation),
    disk,
    up: true,
    autoPersist: true,
    autoSnapshot: true,
    unsynced: [],
    commands: [],
    reads: [],
    refused: [],
    changes: [],
    transfers: [],
    probes: [],
  };
  cluster.nodes.set(id, node);
  return node;
}

function coreOf(
  cluster: TestCluster,
  id: NodeId,
  disk: Disk,
  incarnation: number,
): Core {
  const { options, nowMs } = cluster;
  const seed = id * 7919;
  const entries = [...disk.entries];
  return createCore({
    ...disk,
    id,
    incarnation,
    options,
    seed,
    nowMs,
    entries,
  });
}

/** The node with an id. */
export function nodeOf(cluster: TestCluster, id: NodeId): TestNode {
  return present(cluster.nodes.get(id), `node ${id}`);
}

/** The core of the node with an id. */
export function coreAt(cluster: TestCluster, id: NodeId): Core {
  return nodeOf(cluster, id).core;
}

/** Stops a node; what was not durable is lost. */
export function crash(cluster: TestCluster, id: NodeId): void {
  const node = nodeOf(cluster, id);
  node.up = false;
  node.unsynced.length = 0;
  node.commands.length = 0;
}

/** Starts a node again with what its disk holds. */
export function restart(cluster: TestCluster, id: NodeId): void {
  const node = nodeOf(cluster, id);
  node.core = coreOf(cluster, id, node.disk, node.core.incarnation);
  node.up = true;
}

/** Steps one node and does what comes of it; messages stay on the wire. */
export function input(
  cluster: TestCluster,
  id: NodeId,
  ...inputs: readonly Input[]
): void {
  const node = nodeOf(cluster, id);
  if (!node.up) return;
  for (const each of inputs) step(node.core, cluster.nowMs, each);
  perform(cluster, node, drain(node.core));
  check(cluster, node);
}

function perform(cluster: TestCluster, node: TestNode, done: Effects): void {
  cluster.wire.push(...done.messages);
  cluster.sent.push(...done.messages);
  node.reads.push(...done.reads);
  node.refused.push(...done.refused);
  node.changes.push(...done.changes);
  node.transfers.push(...done.transfers);
  node.probes.push(...done.probes);
  node.commands.push(...done.snapshots);
  if (done.persist) node.unsynced.push(done.persist);
  if (node.autoPersist) persist(cluster, node.core.id);
  if (node.autoSnapshot) obey(cluster, node.core.id);
}

/** Makes the oldest `count` batches durable, and says so. */
export function persist(
  cluster: TestCluster,
  id: NodeId,
  count = Infinity,
): void {
  const node = nodeOf(cluster, id);
  for (const batch of node.unsynced.splice(0, count)) {
    write(node.disk, batch);
    input(cluster, id, { kind: "persisted", seq: batch.seq });
  }
}

function write(disk: Disk, batch: PersistBatch): void {
  if (batch.hardState) disk.hardState = batch.hardState;
  const [first] = batch.entries;
  if (!first) return;
  disk.entries.length = Math.max(0, first.index - disk.baseIndex - 1);
  disk.entries.push(...batch.entries);
}

/** Obeys the snapshot commands of a node in their order. */
export function obey(cluster: TestCluster, id: NodeId): void {
  const node = nodeOf(cluster, id);
  for (let command; (command = node.commands.shift());) {
    // A store does what it is told in order.
    if (command.kind === "install") persist(cluster, id);
    const answer = obeyOne(node.disk, command, cluster.options);
    if (answer) input(cluster, id, answer);
  }
}

function obeyOne(
  disk: Disk,
  command: SnapshotCommand,
  options: CoreOptions,
): Input | null {
  switch (command.kind) {
    case "read_chunk": {
      const { to, snapshot, offset } = command;
      const left = snapshot.sizeBytes - offset;
      const data = new Uint8Array(Math.min(left, options.snapshotChunkBytes));
      return { kind: "chunk_read", to, snapshot, offset, data };
    }
    case "write_chunk": {
      const { index } = command.snapshot;
      const nextOffset = command.offset + command.data.length;
      return { kind: "chunk_written", index, nextOffset };
    }
    case "install":
      disk.snapshot = command.snapshot;
      if (!command.keepLog) {
        disk.entries.length = 0;
        disk.baseIndex = command.snapshot.index;
        disk.baseTerm = command.snapshot.term;
      }
      return { kind: "installed", snapshot: command.snapshot };
    case "compact":
      disk.entries.splice(0, command.index - disk.baseIndex);
      disk.baseIndex = command.index;
      disk.baseTerm = command.term;
      return null;
    case "discard":
      return null;
  }
}

/** Delivers what is on the wire, and what comes of it, until nothing is. */
export function deliver(cluster: TestCluster): void {
  for (let count = 0; cluster.wire.length > 0; count++) {
    invariant(count < 20_000, "the nodes never stop talking");
    const message = present(cluster.wire.shift(), "a message");
    pass(cluster, message);
  }
}

/** Delivers one message, unless it is lost. */
export function pass(cluster: TestCluster, message: Message): void {
  if (cluster.lose(message) || !cluster.nodes.has(message.to)) return;
  input(cluster, message.to, { kind: "message", message });
}

/** Lets time pass in steps of 10 ms for the given nodes, or all, and delivers. */
export function elapse(
  cluster: TestCluster,
  ms: number,
  ids: readonly NodeId[] = [...cluster.nodes.keys()],
): void {
  for (let left = ms; left > 0; left -= 10) {
    cluster.nowMs += Math.min(10, left);
    for (const id of ids) input(cluster, id, { kind: "tick" });
    deliver(cluster);
  }
}

/** Lets a node that hears of no leader win an election. */
export function elect(cluster: TestCluster, id: NodeId): Core {
  input(cluster, id, { kind: "campaign" });
  deliver(cluster);
  const { core } = nodeOf(cluster, id);
  invariant(core.role === "leader", `node ${id} was not elected`);
  return core;
}

/** Cuts the given nodes off from all others. */
export function isolate(cluster: TestCluster, ...ids: NodeId[]): void {
  cluster.lose = ({ from, to }) => ids.includes(from) !== ids.includes(to);
}

/** Heals the network. */
export function heal(cluster: TestCluster): void {
  cluster.lose = () => false;
}

/** Proposes entries of `sizeBytes` at a node; messages stay on the wire. */
export function propose(
  cluster: TestCluster,
  id: NodeId,
  count = 1,
  sizeBytes = 1,
): void {
  const proposals = Array.from({ length: count }, (_, i) => {
    const data = new Uint8Array(sizeBytes);
    return { id: i + 1, kind: "command" as const, data };
  });
  input(cluster, id, { kind: "propose", proposals });
}

/** A snapshot of what a node has committed. */
export function takeSnapshot(
  cluster: TestCluster,
  id: NodeId,
  sizeBytes = 10,
): SnapshotMeta {
  const node = nodeOf(cluster, id);
  const { core } = node;
  const index = core.commit;
  const term = present(termAt(core.log, index), "the committed term");
  const { configuration, index: configurationIndex } = configurationAt(
    core.configurations,
    index,
  );
  const snapshot = {
    index,
    term,
    configuration,
    configurationIndex,
    sizeBytes,
  };
  node.disk.snapshot = snapshot;
  input(cluster, id, { kind: "snapshot_taken", snapshot });
  return snapshot;
}

/** What must hold after every step, whatever a test does. */
function check(cluster: TestCluster, node: TestNode): void {
  const { core } = node;
  if (core.role === "leader") {
    const other = cluster.leaders.get(core.term) ?? core.id;
    invariant(other === core.id, `${other} and ${core.id} led ${core.term}`);
    cluster.leaders.set(core.term, core.id);
  }
  for (let at = core.log.baseIndex + 1; at <= core.commit; at++) {
    const own = entryAt(core.log, at);
    const known = cluster.committed.get(at) ?? own;
    invariant(
      known.term === own.term && known.data.length === own.data.length,
      `entry ${at} of node ${core.id} differs from what was committed`,
    );
    cluster.committed.set(at, known);
  }
  checkAccounts(core);
  checkConfigurations(core);
}

function checkAccounts(core: Core): void {
  if (!core.leader) return;
  let bytes = 0;
  for (let at = core.commit + 1; at <= lastIndex(core.log); at++) {
    bytes += sizeOf(entryAt(core.log, at));
  }
  invariant(
    core.leader.uncommittedBytes === bytes,
    `${core.leader.uncommittedBytes} bytes counted as uncommitted, not ${bytes}`,
  );
  for (
    const { id, match, next, inflight, inflightBytes } of core.leader.progress
      .values()
  ) {
    const sum = inflight.reduce((total, sent) => total + sent.bytes, 0);
    invariant(
      sum === inflightBytes,
      `in flight to ${id}: ${inflightBytes}, not ${sum}`,
    );
    invariant(
      next > match,
      `next ${next} of ${id} is not beyond match ${match}`,
    );
  }
}

function checkConfigurations(core: Core): void {
  const last = core.log.entries.findLast((at) => at.kind === "configuration");
  if (!last) return;
  const latest = core.configurations[core.configurations.length - 1];
  if (last.index < (core.snapshot?.configurationIndex ?? 0)) return;
  invariant(
    latest?.index === last.index &&
      latest.configuration.members.length ===
        decodeConfiguration(last.data).members.length,
    `node ${core.id} is not under the newest configuration of its log`,
  );
  const own = ownMember(core);
  invariant(!own || own.id === core.id, "a node took another for itself");
}
