import { randomIdentity } from "../base/mod.ts";
import {
  type Configuration,
  type ConfigurationChange,
  configurationOf,
  memberOf,
  type NodeId,
  votersOf,
} from "../raft/core/mod.ts";
import { input, snapshotNow } from "../raft/driver/mod.ts";
import { createDisk } from "./disk.ts";
import { healNetwork, setCut } from "./network.ts";
import {
  anyNode,
  bounce,
  cutOff,
  later,
  leaderOf,
  type Nemesis,
  revive,
} from "./nemesis.ts";
import { type Cluster, crashNode, createNode, probe } from "./node.ts";
import { watchReads } from "./clients.ts";
import { overthrow } from "./overthrow.ts";
import { between, chance, pick, schedule, tell } from "./world.ts";

/** Ids that may ever be members. */
const MAX_ID = 6;

type Fault = (nemesis: Nemesis) => void;

/** How often a new leader is struck at once, before it has settled. */
const AMBUSH_RATIO = 0.4;
/** What may strike it. */
const AMBUSHES: readonly Fault[] = [
  crashLeader,
  isolateLeader,
  isolateLeader,
  changeMembers,
  changeMembers,
  transfer,
  freeze,
];

const FAULTS: readonly (readonly [name: string, weight: number, Fault])[] = [
  ["crash", 10, crashOne],
  ["crash_all", 1, crashAll],
  ["crash_leader", 8, crashLeader],
  ["freeze", 6, freeze],
  ["cut_one", 5, isolate],
  ["cut_link", 6, cutLink],
  ["cut_halves", 3, cutHalves],
  ["lossy", 3, makeLossy],
  ["refuse", 3, refuseConnections],
  ["heal", 8, healAll],
  ["slow_disk", 3, slowDisk],
  ["stall_disk", 3, stallDisk],
  ["fail_sync", 2, failSync],
  ["wipe", 1, wipe],
  ["wipe_late", 2, wipeLate],
  ["transfer", 4, transfer],
  ["overthrow", 6, overthrow],
  ["campaign", 3, campaign],
  ["change", 9, changeMembers],
  ["lease_reads", 1, toggleLeases],
  ["snapshot", 4, takeSnapshot],
];

/** Starts to bring faults about until it is stopped. */
export function startNemesis(cluster: Cluster): Nemesis {
  const nemesis: Nemesis = {
    cluster,
    counts: new Map(),
    wiped: new Set(),
    running: true,
  };
  cluster.newLeader = () => ambush(nemesis);
  strike(nemesis);
  return nemesis;
}

function strike(nemesis: Nemesis): void {
  const { world } = nemesis.cluster;
  schedule(world, between(world, 50, 1500), () => {
    if (!nemesis.running) return;
    const total = FAULTS.reduce((sum, [, weight]) => sum + weight, 0);
    let left = between(world, 0, total);
    for (const [name, weight, fault] of FAULTS) {
      left -= weight;
      if (left > 0) continue;
      tell(world, () => `== ${name}`);
      nemesis.counts.set(name, (nemesis.counts.get(name) ?? 0) + 1);
      fault(nemesis);
      break;
    }
    strike(nemesis);
  });
}

function ambush(nemesis: Nemesis): void {
  const { world } = nemesis.cluster;
  if (!nemesis.running || !chance(world, AMBUSH_RATIO)) return;
  later(nemesis, between(world, 0, 8), () => {
    const fault = pick(world, AMBUSHES);
    if (!fault) return;
    tell(world, () => `== ambush: ${fault.name}`);
    fault(nemesis);
  });
}

function crashOne(nemesis: Nemesis): void {
  const node = anyNode(nemesis);
  if (node) bounce(nemesis, node);
}

function crashLeader(nemesis: Nemesis): void {
  const node = leaderOf(nemesis.cluster);
  if (node) bounce(nemesis, node);
}

function crashAll(nemesis: Nemesis): void {
  for (const node of nemesis.cluster.nodes.values()) bounce(nemesis, node);
}

function freeze(nemesis: Nemesis): void {
  const { cluster } = nemesis;
  const node = chance(cluster.world, 0.5)
    ? leaderOf(cluster)
    : anyNode(nemesis);
  if (!node) return;
  node.frozenUntilMs = cluster.world.nowMs + between(cluster.world, 50, 3000);
}

function isolate(nemesis: Nemesis): void {
  const { cluster } = nemesis;
  const node = chance(cluster.world, 0.5)
    ? leaderOf(cluster)
    : anyNode(nemesis);
  if (node) cutOff(cluster, node);
}

function isolateLeader({ cluster }: Nemesis): void {
  const node = leaderOf(cluster);
  if (node) cutOff(cluster, node);
}

function cutLink(nemesis: Nemesis): void {
  const [one, other] = [anyNode(nemesis), anyNode(nemesis)];
  if (!one || !other || one === other) return;
  const { network, world } = nemesis.cluster;
  setCut(network, one.id, other.id, true);
  if (chance(world, 0.6)) setCut(network, other.id, one.id, true);
}

function cutHalves({ cluster }: Nemesis): void {
  const ids = [...cluster.nodes.keys()];
  const left = new Set(ids.filter(() => chance(cluster.world, 0.5)));
  for (const one of ids) {
    for (const other of ids) {
      if (left.has(one) !== left.has(other)) {
        setCut(cluster.network, one, other, true);
      }
    }
  }
}

function makeLossy({ cluster: { network, world } }: Nemesis): void {
  network.lossRatio = between(world, 0, 0.3);
  network.repeatRatio = between(world, 0, 0.3);
  network.maxDelayMs = pick(world, [2, 20, 200]) ?? 2;
  network.tardyRatio = pick(world, [0, 0.02, 0.1]) ?? 0;
}

/** Others take a node for gone that lives, and may even reach them. */
function refuseConnections(nemesis: Nemesis): void {
  const { cluster } = nemesis;
  const { world, network } = cluster;
  const node = leaderOf(cluster) ?? anyNode(nemesis);
  if (!node) return;
  const tellAll = (): void => {
    for (const other of cluster.nodes.values()) {
      if (other !== node) probe(cluster, other, node.id);
    }
  };
  network.refusing.add(node.id);
  tellAll();
  watchReads(cluster);
  if (chance(world, 0.5)) {
    later(nemesis, between(world, 4, 20), () => cutOff(cluster, node));
  }
  schedule(world, between(world, 10, 1500), () => {
    network.refusing.delete(node.id);
    tellAll();
  });
}

function healAll({ cluster }: Nemesis): void {
  healNetwork(cluster.network);
}

function slowDisk(nemesis: Nemesis): void {
  const node = anyNode(nemesis);
  if (!node) return;
  const { world } = nemesis.cluster;
  node.disk.slowness = between(world, 10, 300);
  schedule(world, between(world, 100, 3000), () => node.disk.slowness = 1);
}

function stallDisk(nemesis: Nemesis): void {
  const { cluster } = nemesis;
  const node = leaderOf(cluster) ?? anyNode(nemesis);
  if (!node) return;
  node.disk.stalledUntilMs = cluster.world.nowMs +
    between(cluster.world, 500, 8000);
}

function failSync(nemesis: Nemesis): void {
  const { cluster } = nemesis;
  const node = anyNode(nemesis);
  if (!node?.driver) return;
  node.disk.failNext = true;
  schedule(cluster.world, between(cluster.world, 500, 4000), () => {
    node.disk.failNext = false;
    revive(cluster, node);
  });
}

/** Loses a member's disk. It comes back empty, as another incarnation, to be removed and added anew. */
function wipe(nemesis: Nemesis): void {
  const { cluster, wiped } = nemesis;
  const node = anyNode(nemesis);
  if (!node) return;
  const { configuration } = cluster.checks;
  forgetReplaced(nemesis);
  const voters = votersOf(configuration);
  // One lost disk at a time, and never one of two: a majority must keep what it acknowledged.
  if (wiped.size > 0 || voters.length < 3) return;
  if (isChangeUnderWay(cluster)) return;
  if (memberOf(configuration, node.id)) wiped.add(node.id);
  crashNode(cluster, node);
  replaceDisk(cluster, node.id);
  if (chance(cluster.world, 0.5)) replaceSoon(nemesis, node.id);
}

/** Loses a disk while messages of its former self are on their way. */
function wipeLate(nemesis: Nemesis): void {
  const { world, network } = nemesis.cluster;
  network.tardyRatio = 0.3;
  later(nemesis, between(world, 50, 600), () => {
    network.tardyRatio = 0;
    wipe(nemesis);
  });
}

/** Has a lost disk replaced quickly. */
function replaceSoon(nemesis: Nemesis, id: NodeId): void {
  for (let delayMs = 50; delayMs < 4000; delayMs *= 1.5) {
    later(nemesis, delayMs, () => changeMember(nemesis, id));
  }
}

/** Whether some log holds a configuration that is not committed: its majority may be another one. */
function isChangeUnderWay(cluster: Cluster): boolean {
  const committed = cluster.checks.committed.length;
  return [...cluster.nodes.values()].some(({ driver, disk }) => {
    if (driver?.inputs.some(({ kind }) => kind === "change")) return true;
    const entries = driver ? driver.core.log.entries : disk.entries;
    return entries.some(({ kind, index }) =>
      kind === "configuration" && index > committed
    );
  });
}

/** A member that is out of the group, or in it with its new disk, is missed no more. */
function forgetReplaced({ cluster, wiped }: Nemesis): void {
  for (const id of wiped) {
    const member = memberOf(cluster.checks.configuration, id);
    const identity = cluster.nodes.get(id)?.disk.identity;
    if (member?.incarnation === identity?.incarnation || !member) {
      wiped.delete(id);
    }
  }
}

function replaceDisk(cluster: Cluster, id: NodeId): void {
  const { world } = cluster;
  const incarnation = randomIdentity({ next: () => between(world, 0, 1) });
  const identity = { clusterId: "sim", nodeId: id, incarnation };
  const node = createNode(cluster, createDisk(world, identity));
  cluster.nodes.set(id, node);
  schedule(world, between(world, 10, 1000), () => revive(cluster, node));
}

/** The configuration of whoever leads. */
export function newestConfiguration(cluster: Cluster): Configuration | null {
  const core = leaderOf(cluster)?.driver?.core;
  return core ? configurationOf(core) : null;
}

function transfer(nemesis: Nemesis): void {
  const { cluster } = nemesis;
  const leader = leaderOf(cluster);
  const target = chance(cluster.world, 0.3) ? 0 : anyNode(nemesis)?.id ?? 0;
  if (leader?.driver) input(leader.driver, { kind: "transfer", target });
}

function campaign(nemesis: Nemesis): void {
  const node = anyNode(nemesis);
  if (node?.driver) input(node.driver, { kind: "campaign" });
}

function changeMembers(nemesis: Nemesis): void {
  const { world } = nemesis.cluster;
  changeMember(nemesis, 1 + Math.floor(between(world, 0, MAX_ID)));
}

function changeMember(nemesis: Nemesis, id: NodeId): void {
  const { cluster } = nemesis;
  const { world } = cluster;
  const leader = leaderOf(cluster);
  const configuration = newestConfiguration(cluster);
  if (!leader?.driver || !configuration) return;
  forgetReplaced(nemesis);
  // While a disk is lost, every other voter is needed.
  const change = repairOf(cluster, configuration) ??
    (nemesis.wiped.size > 0 ? null : changeOf(cluster, configuration, id));
  if (!change) return;
  tell(world, () => `change ${JSON.stringify(change)}`);
  input(leader.driver, {
    kind: "change",
    requestId: 0,
    change,
    expectedIndex: null,
    force: false,
  });
}

/** Removes a member whose disk was lost, so that it can be added again. */
function repairOf(
  cluster: Cluster,
  configuration: Configuration,
): ConfigurationChange | null {
  for (const member of configuration.members) {
    const node = cluster.nodes.get(member.id);
    if (node && node.disk.identity.incarnation !== member.incarnation) {
      return { kind: "remove", id: member.id };
    }
  }
  return null;
}

function changeOf(
  cluster: Cluster,
  configuration: Configuration,
  id: NodeId,
): ConfigurationChange | null {
  const { world } = cluster;
  const member = memberOf(configuration, id);
  const committed = memberOf(cluster.checks.configuration, id);
  if (!member) return committed ? null : additionOf(cluster, id);
  if (member.role === "learner") return { kind: "promote", id, role: "voter" };
  if (votersOf(configuration).length <= 2) return null;
  return chance(world, 0.5) ? { kind: "remove", id } : null;
}

function additionOf(cluster: Cluster, id: NodeId): ConfigurationChange {
  const { world } = cluster;
  const node = cluster.nodes.get(id);
  // A member that was removed comes back with an empty directory.
  const fresh = node && node.disk.hardState.term === 0;
  if (!fresh) {
    if (node) crashNode(cluster, node);
    replaceDisk(cluster, id);
  }
  const { incarnation } = cluster.nodes.get(id)?.disk.identity ??
    { incarnation: 0 };
  const promoteTo = pick(world, ["voter", "voter", "witness", null] as const) ??
    null;
  return { kind: "add", id, incarnation, address: `sim:${id}`, promoteTo };
}

function toggleLeases({ cluster }: Nemesis): void {
  const leader = leaderOf(cluster);
  const configuration = newestConfiguration(cluster);
  if (!leader?.driver || !configuration) return;
  input(leader.driver, {
    kind: "change",
    requestId: 0,
    change: { kind: "lease_reads", enabled: !configuration.leaseReads },
    expectedIndex: null,
    force: false,
  });
}

function takeSnapshot(nemesis: Nemesis): void {
  const node = anyNode(nemesis);
  if (node?.driver && !node.driver.stopped) snapshotNow(node.driver);
}
