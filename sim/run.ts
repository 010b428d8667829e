import { draw, randomIdentity } from "../base/mod.ts";
import {
  type Configuration,
  configurationOf,
  type CoreOptions,
  DEFAULT_CORE_OPTIONS,
  describeCore,
  encodeConfiguration,
  type Member,
  memberOf,
} from "../raft/core/mod.ts";
import { checkLogsMatch, createChecks, Violation } from "./checks.ts";
import { type Clients, startClients } from "./clients.ts";
import { createDisk } from "./disk.ts";
import { startNemesis } from "./faults.ts";
import { leaderOf, type Nemesis, revive } from "./nemesis.ts";
import { checkCalls } from "./verdict.ts";
import { createNetwork, healNetwork } from "./network.ts";
import { type Cluster, createNode, deliver, startNode } from "./node.ts";
import { addProposal } from "../raft/driver/mod.ts";
import { between, chance, createWorld, pick, runNext, tell } from "./world.ts";

/** What a run shall do. */
export interface SimOptions {
  readonly seed: number;
  /** Events under faults; the healing comes on top. */
  readonly steps: number;
  /** Takes the lines of a trace. */
  readonly trace?: ((line: string) => void) | undefined;
}

/** What a run did, so that one that exercised nothing is seen. */
export interface SimReport {
  readonly seed: number;
  readonly events: number;
  readonly simulatedMs: number;
  readonly leaderChanges: number;
  readonly membershipChanges: number;
  readonly snapshots: number;
  readonly installs: number;
  readonly crashes: number;
  readonly messages: number;
  readonly committed: number;
  readonly calls: number;
  readonly faults: ReadonlyMap<string, number>;
}

/** How long a healed cluster may take until everybody agrees, in election timeouts. */
const RECOVERY_TIMEOUTS = 60;

/**
 * Runs a cluster under faults, heals it, and checks every promise.
 *
 * @param options The seed and the length.
 * @returns What happened.
 * @throws {Violation} When a promise was broken.
 */
export function simulate(options: SimOptions): SimReport {
  const world = createWorld(options.seed);
  world.trace = options.trace ?? null;
  const cluster = found(world);
  const clients = startClients(cluster, 1 + Math.floor(between(world, 1, 6)));
  const nemesis = startNemesis(cluster);
  while (world.ran < options.steps && runNext(world));
  nemesis.running = false;
  heal(nemesis);
  // A network is never perfect: what is lost now and then must be made good.
  if (chance(world, 0.5)) cluster.network.lossRatio = 0.03;
  recover(cluster, clients);
  checkEnd(cluster, clients);
  return reportOf(options.seed, nemesis, clients);
}

function found(world: Cluster["world"]): Cluster {
  const network = createNetwork(world);
  const cluster: Cluster = {
    world,
    network,
    checks: createChecks(),
    options: optionsOf(world),
    snapshotDistance: pick(world, [20, 60, 300, 0]) ?? 60,
    nodes: new Map(),
    installs: 0,
    snapshots: 0,
    restarts: 0,
    quietUntilMs: 0,
    newLeader: () => {},
  };
  network.deliver = (message) => deliver(cluster, message);
  const size = pick(world, [1, 2, 3, 3, 3, 4, 5]) ?? 3;
  const members: Member[] = [];
  for (let id = 1; id <= size; id++) {
    const incarnation = randomIdentity({ next: () => draw(world.random) });
    const identity = { clusterId: "sim", nodeId: id, incarnation };
    cluster.nodes.set(id, createNode(cluster, createDisk(world, identity)));
    const role = id === 3 && chance(world, 0.3) ? "witness" : "voter";
    const address = `sim:${id}`;
    members.push({ id, incarnation, role, promoteTo: null, address });
  }
  const leaseReads = chance(world, 0.3);
  writeFirstEntry(cluster, { members, leaseReads });
  for (const node of cluster.nodes.values()) startNode(cluster, node);
  return cluster;
}

function writeFirstEntry(cluster: Cluster, configuration: Configuration): void {
  const data = encodeConfiguration(configuration);
  const entry = { index: 1, term: 1, kind: "configuration", data } as const;
  for (const { disk } of cluster.nodes.values()) {
    disk.entries.push(entry);
    disk.hardState = { term: 1, votedFor: 0, commit: 1 };
  }
}

function optionsOf(world: Cluster["world"]): CoreOptions {
  return {
    ...DEFAULT_CORE_OPTIONS,
    maxAppendEntries: pick(world, [2, 16, 4096]) ?? 16,
    maxAppendBytes: pick(world, [300, 1 << 20]) ?? 300,
    maxInflightMessages: pick(world, [1, 4, 64]) ?? 4,
    maxInflightBytes: pick(world, [500, 16 << 20]) ?? 500,
    maxEntryBytes: 1000,
    maxUncommittedBytes: pick(world, [1000, 1 << 20]) ?? 1 << 20,
    promotionLagEntries: 8,
    snapshotChunkBytes: pick(world, [64, 500, 4096]) ?? 500,
    snapshotRetryMs: 300,
    trailingEntries: pick(world, [0, 10, 50]) ?? 10,
    maxTrailingEntries: 200,
  };
}

function heal({ cluster }: Nemesis): void {
  tell(cluster.world, () => "== the faults end");
  healNetwork(cluster.network);
  for (const node of cluster.nodes.values()) {
    node.disk.slowness = 1;
    node.disk.stalledUntilMs = 0;
    node.disk.failNext = false;
    cluster.network.refusing.delete(node.id);
    node.frozenUntilMs = 0;
    revive(cluster, node);
  }
}

/** A majority is up and reachable, so the cluster must become writable and agree. */
function recover(cluster: Cluster, clients: Clients): void {
  const { world, options } = cluster;
  const deadlineMs = world.nowMs +
    options.electionTimeoutMs * RECOVERY_TIMEOUTS;
  const proof: { state: "none" | "asked" | "done" } = { state: "none" };
  let nextLookMs = 0;
  while (world.nowMs < deadlineMs && runNext(world)) {
    if (world.nowMs < nextLookMs) continue;
    nextLookMs = world.nowMs + 20;
    const node = leaderOf(cluster);
    const driver = node?.driver;
    if (proof.state === "none" && driver && !driver.stopped) {
      clients.running = false;
      proof.state = "asked";
      const data = new TextEncoder().encode('{"kind":"mark","mark":0}');
      addProposal(
        driver.proposals,
        driver.ports,
        { kind: "custom", data },
        options.electionTimeoutMs * 5,
        (outcome) => {
          proof.state = outcome.kind === "applied" ? "done" : "none";
        },
      );
      driver.ports.wake();
    }
    for (const each of cluster.nodes.values()) revive(cluster, each);
    if (proof.state === "done" && agree(cluster)) return;
  }
  const nodes = [...cluster.nodes.values()].map(({ id, driver }) =>
    driver
      ? describeCore(driver.core) + ` applied ${driver.applier.applied}`
      : `${id} down`
  );
  throw new Violation(
    `Healed, but ${
      proof.state === "done"
        ? "the members do not agree"
        : "nothing can be written"
    } after ${RECOVERY_TIMEOUTS} election timeouts:\n  ${nodes.join("\n  ")}`,
  );
}

function agree(cluster: Cluster): boolean {
  const committed = cluster.checks.committed.length;
  return memberNodes(cluster).every(({ driver }) =>
    driver?.applier.applied === committed
  ) && !isLedByWitness(cluster) && !hasUnawareOutsider(cluster);
}

/** Whether a node that was removed believes that it may stand for election (dissertation §4.2.3). */
function hasUnawareOutsider(cluster: Cluster): boolean {
  const members = new Set(memberNodes(cluster));
  return [...cluster.nodes.values()].some((node) => {
    if (members.has(node) || !node.driver) return false;
    const { core } = node.driver;
    const configuration = configurationOf(core);
    const own = memberOf(configuration, node.id);
    if (own?.incarnation !== core.incarnation || own.role === "learner") {
      return false;
    }
    // It believes only whom it knows, so somebody of that time must be left.
    const canBeTold = [...members].some(({ id, disk }) =>
      memberOf(configuration, id)?.incarnation === disk.identity.incarnation
    );
    return canBeTold && core.removedAt === 0;
  });
}

/** A witness leads only until somebody with data can. */
function isLedByWitness(cluster: Cluster): boolean {
  const { members } = cluster.checks.configuration;
  const roleOfLeader = members.find(({ id }) => id === leaderOf(cluster)?.id)
    ?.role;
  const alive = new Set(memberNodes(cluster).map(({ id }) => id));
  return roleOfLeader === "witness" &&
    members.some(({ id, role }) => role === "voter" && alive.has(id));
}

/** The nodes that the newest committed configuration means, with the disks that it means. */
function memberNodes(cluster: Cluster): Cluster["nodes"] extends Map<
  number,
  infer N
> ? N[]
  : never {
  return [...cluster.nodes.values()].filter(({ id, disk }) => {
    const member = memberOf(cluster.checks.configuration, id);
    return member?.incarnation === disk.identity.incarnation;
  });
}

function checkEnd(cluster: Cluster, clients: Clients): void {
  const members = memberNodes(cluster);
  checkLogsMatch(
    members.flatMap(({ driver }) => driver ? [driver.core] : []),
  );
  const [first, ...others] = members;
  if (!first) throw new Violation("No member is left");
  for (const other of others) {
    if (other.machine.digest() !== first.machine.digest()) {
      throw new Violation(
        `The machines of ${first.id} and ${other.id} differ at the same index`,
      );
    }
  }
  checkMarks(first.machine.marks, clients);
  checkCalls(clients.calls);
}

function checkMarks(
  marks: ReadonlyMap<number, number>,
  clients: Clients,
): void {
  for (const [mark, times] of marks) {
    if (times > 1 && mark !== 0) {
      throw new Violation(`Mark ${mark} was applied ${times} times`);
    }
    if (clients.refused.has(mark)) {
      throw new Violation(`Mark ${mark} was refused, yet applied`);
    }
  }
  for (const mark of clients.acknowledged) {
    if (!marks.has(mark)) {
      throw new Violation(`Mark ${mark} was acknowledged, yet lost`);
    }
  }
}

function reportOf(
  seed: number,
  { cluster, counts }: Nemesis,
  clients: Clients,
): SimReport {
  const { world, checks } = cluster;
  return {
    seed,
    events: world.ran,
    simulatedMs: world.nowMs,
    leaderChanges: checks.leaderChanges,
    membershipChanges: checks.membershipChanges,
    snapshots: cluster.snapshots,
    installs: cluster.installs,
    crashes: cluster.restarts,
    messages: cluster.network.sent,
    committed: checks.committed.length,
    calls: clients.calls.length + clients.acknowledged.size,
    faults: counts,
  };
}
