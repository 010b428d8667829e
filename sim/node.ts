import { present, randomBelow, seededRandom } from "../base/mod.ts";
import {
  configurationOf,
  describeMessage,
  type Message,
  type NodeId,
  votersOf,
} from "../raft/core/mod.ts";
import {
  createDriver,
  type Driver,
  input,
  pump,
  wakeAtMs,
} from "../raft/driver/mod.ts";
import type { CoreOptions } from "../raft/core/mod.ts";
import {
  checkBeliefs,
  checkCommits,
  checkConfigurations,
  checkReign,
  createHearing,
  type Hearing,
} from "./beliefs.ts";
import {
  checkAccounts,
  checkApply,
  checkMessage,
  checkNode,
  type Checks,
  noteInstalled,
  noteStart,
} from "./checks.ts";
import {
  crashDisk,
  DiskFault,
  diskPort,
  durableIndex,
  openDisk,
  type SimDisk,
} from "./disk.ts";
import { createSimMachine, type SimMachine } from "./machine.ts";
import { type Network, passes, sendOver } from "./network.ts";
import { between, chance, schedule, tell, type World } from "./world.ts";

/** A simulated node: a disk that stays, and a process that comes and goes. */
export interface SimNode {
  readonly id: NodeId;
  readonly disk: SimDisk;
  /** Null while the process is down. */
  driver: Driver | null;
  machine: SimMachine;
  /** Counts processes, so that a timer of an earlier one does nothing. */
  life: number;
  /** A frozen process does nothing until then. */
  frozenUntilMs: number;
  /** How fast its clock runs. */
  clockRate: number;
  pumpScheduled: boolean;
  wakeAtMs: number;
  hearing: Hearing;
}

/** What all nodes of a simulated cluster share. */
export interface Cluster {
  readonly world: World;
  readonly network: Network;
  readonly checks: Checks;
  readonly options: CoreOptions;
  readonly snapshotDistance: number;
  readonly nodes: Map<NodeId, SimNode>;
  installs: number;
  snapshots: number;
  restarts: number;
  /** Until then the clients only wait: a member that is cut off stays as complete as the others. */
  quietUntilMs: number;
  /** Told when a node begins to lead. */
  newLeader: (node: SimNode) => void;
}

/** Makes a node whose process is not running. */
export function createNode(cluster: Cluster, disk: SimDisk): SimNode {
  return {
    id: disk.identity.nodeId,
    disk,
    driver: null,
    machine: createSimMachine(disk.identity.nodeId),
    life: 0,
    frozenUntilMs: 0,
    clockRate: between(cluster.world, 0.96, 1.04),
    pumpScheduled: false,
    wakeAtMs: Infinity,
    hearing: createHearing(),
  };
}

/** Starts a node's process on what its disk holds. */
export function startNode(cluster: Cluster, node: SimNode): void {
  const { world, checks } = cluster;
  if (node.driver) return;
  node.life += 1;
  node.machine = createSimMachine(node.id);
  node.pumpScheduled = false;
  node.wakeAtMs = Infinity;
  node.hearing = createHearing();
  const stored = openDisk(node.disk);
  const driver = createDriver({
    stored,
    options: cluster.options,
    policy: {
      distanceEntries: cluster.snapshotDistance,
      minLogBytes: 0,
      readBytes: 4096,
    },
    ports: portsOf(cluster, node),
  });
  node.driver = driver;
  noteStart(checks, driver.core, stored.snapshot?.index ?? 0);
  tell(world, () => `${node.id} starts`);
  for (const other of cluster.nodes.values()) {
    if (other.id === node.id || !other.driver) continue;
    const { life } = other;
    schedule(world, between(world, 0.2, 3), () => {
      if (other.driver && other.life === life) {
        input(other.driver, { kind: "peer_present", peer: node.id });
      }
    });
  }
  schedulePump(cluster, node, 0);
}

function portsOf(
  cluster: Cluster,
  node: SimNode,
): Parameters<typeof createDriver>[0]["ports"] {
  const { world, network, checks } = cluster;
  const { life } = node;
  return {
    disk: diskPort(node.disk),
    machine: node.machine,
    random: seededRandom(
      randomBelow({ next: () => between(world, 0, 1) }, 1 << 30),
    ),
    observer: {
      applying: (entry) => {
        const core = present(node.driver, "the node that applies").core;
        checkApply(checks, core, entry);
      },
      snapshotTaken: () => void (cluster.snapshots += 1),
      snapshotInstalled: () => {
        cluster.installs += 1;
        const driver = present(node.driver, "the node that installs");
        noteInstalled(checks, driver.core, driver.applier.applied);
      },
    },
    nowMs: () => world.nowMs * node.clockRate,
    send: (message) => {
      const { disk } = node;
      const core = present(node.driver, "the node that sends").core;
      // A request that waited for the disk may outlive the candidacy that its voters belong to.
      const voters = core.role === "follower"
        ? null
        : votersOf(configurationOf(core));
      checkMessage(checks, message, {
        lastIndex: durableIndex(disk),
        term: disk.hardState.term,
        votedFor: disk.hardState.votedFor,
      }, voters);
      tell(world, () => describeMessage(message));
      sendOver(network, message);
    },
    probe: (peer) => probe(cluster, node, peer),
    // The disk takes its time anyway.
    afterSending: (run) => run(),
    setPeers: () => {},
    wake: () => schedulePump(cluster, node, 0.01),
    fail: (error) => {
      // A disk that failed is a fault that the run brought about; all else is a finding.
      if (!(error.cause instanceof DiskFault)) throw rootOf(error);
      schedule(world, 0, () => {
        if (node.life === life) crashNode(cluster, node);
      });
    },
    changed: () => {},
  };
}

function rootOf(error: Error): Error {
  return error.cause instanceof Error ? rootOf(error.cause) : error;
}

function schedulePump(
  cluster: Cluster,
  node: SimNode,
  delayMs: number,
): void {
  if (node.pumpScheduled) return;
  node.pumpScheduled = true;
  const { life } = node;
  const { world } = cluster;
  const thawMs = Math.max(0, node.frozenUntilMs - world.nowMs);
  schedule(world, Math.max(delayMs, thawMs), () => {
    if (node.life !== life) return;
    node.pumpScheduled = false;
    if (world.nowMs < node.frozenUntilMs) schedulePump(cluster, node, 0);
    else pumpNode(cluster, node);
  });
}

function pumpNode(cluster: Cluster, node: SimNode): void {
  const { driver } = node;
  if (!driver) return;
  for (const each of driver.inputs) {
    if (each.kind !== "message") continue;
    node.hearing.heardAtMs.set(each.message.from, cluster.world.nowMs);
  }
  const wasLeader = driver.core.role === "leader";
  pump(driver);
  if (driver.stopped) return;
  checkPumped(cluster, node, driver);
  scheduleWake(cluster, node, driver);
  if (!wasLeader && driver.core.role === "leader") cluster.newLeader(node);
}

function checkPumped(cluster: Cluster, node: SimNode, driver: Driver): void {
  const { checks, world, nodes } = cluster;
  const { core } = driver;
  const { applied, restoring } = driver.applier;
  checkNode(checks, core, restoring ? 0 : applied);
  checkReign(core, node.hearing, node.disk, world.nowMs);
  const diskOf = (id: NodeId): SimDisk | undefined => nodes.get(id)?.disk;
  checkCommits(core, node.hearing, diskOf);
  checkBeliefs(core, diskOf);
  if (!chance(world, 0.02)) return;
  checkAccounts(core);
  checkConfigurations(core, checks.committed.length);
}

function scheduleWake(
  cluster: Cluster,
  node: SimNode,
  driver: Driver,
): void {
  const atMs = wakeAtMs(driver) / node.clockRate;
  const { world } = cluster;
  if (node.wakeAtMs <= atMs && node.wakeAtMs > world.nowMs) return;
  node.wakeAtMs = atMs;
  const { life } = node;
  // A timer runs a little late, never early.
  const delayMs = Math.max(0, atMs - world.nowMs) + 0.01;
  schedule(world, delayMs, () => {
    if (node.life !== life || !node.driver) return;
    if (node.wakeAtMs === atMs) node.wakeAtMs = Infinity;
    schedulePump(cluster, node, 0);
  });
}

/** Hands a message to its node's process. */
export function deliver(cluster: Cluster, message: Message): void {
  const node = cluster.nodes.get(message.to);
  if (!node?.driver || node.driver.stopped) return;
  input(node.driver, { kind: "message", message });
}

/** Ends a node's process; the others' streams to it break where the network still works. */
export function crashNode(cluster: Cluster, node: SimNode): void {
  if (!node.driver) return;
  const { world } = cluster;
  tell(world, () => `${node.id} crashes`);
  node.driver = null;
  node.life += 1;
  cluster.restarts += 1;
  crashDisk(node.disk);
  for (const other of cluster.nodes.values()) {
    if (other.id !== node.id) probe(cluster, other, node.id);
  }
}

/** A refused connection says that a process is gone; a cut link says nothing. */
export function probe(cluster: Cluster, node: SimNode, peer: NodeId): void {
  const { world, network } = cluster;
  const { life } = node;
  schedule(world, between(world, 0.2, 3), () => {
    const open = passes(network, node.id, peer) &&
      passes(network, peer, node.id);
    const gone = open &&
      (network.refusing.has(peer) || !cluster.nodes.get(peer)?.driver);
    if (!node.driver || node.life !== life) return;
    input(node.driver, { kind: gone ? "peer_gone" : "peer_present", peer });
  });
}

/** The ids of the members that a running node believes in. */
export function membersSeenBy(node: SimNode): NodeId[] {
  if (!node.driver) return [];
  return configurationOf(node.driver.core).members.map(({ id }) => id);
}
