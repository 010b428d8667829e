import {
  every,
  formatHostPort,
  messageOf,
  systemClock,
} from "../../base/mod.ts";
import { encodeKvOperation } from "../../raft/machines/mod.ts";
import type { Leadership } from "../../raft/mod.ts";
import { createWatchHub, type WatcherView } from "../api/mod.ts";
import { createAudit } from "../audit/mod.ts";
import type { NodeConfig } from "../config/mod.ts";
import type { Teller } from "../events/mod.ts";
import { startHa } from "../ha/mod.ts";
import { Problem } from "../http/mod.ts";
import { createLevelControl, logger } from "../logging/mod.ts";
import {
  encodeMemberInfo,
  encodePartOperation,
  isSameInfo,
  type MemberInfo,
} from "../machine/mod.ts";
import { giveOrder } from "../peers/mod.ts";
import { type Api, serveApi } from "./api.ts";
import {
  type Entry,
  type EntryOutcome,
  foundTogether,
  joinCluster,
} from "./entry.ts";
import { lookRepeatedly, tellerOf } from "./events.ts";
import { createLeaseClock, TICK_INTERVAL_MS } from "./lease_clock.ts";
import {
  closeKeys,
  contextOf,
  type Keys,
  type Node,
  openKeys,
  openNode,
  ownAddress,
} from "./node.ts";
import {
  createSurface,
  NO_HOST,
  type NodeHost,
  renderMetrics,
  type Surface,
} from "./surface.ts";
import { beginRouting } from "./routing.ts";

/** How long a stop waits for a new leader before it goes. */
const HAND_OVER_TIMEOUT_MS = 1000;
/** How often a node tries to tell the others about itself until it has. */
const INTRODUCE_INTERVAL_MS = 500;
/** How many sentences about the entry are remembered as told. */
const MAX_TOLD = 64;

const LOG = logger("node");

/** A node that runs. */
export interface RunningNode {
  /** Where its API listens. */
  readonly api: { readonly hostname: string; readonly port: number };
  /** Resolves when the node has ended, with the error that ended it, or null. */
  readonly ended: Promise<Error | null>;
  /** Hands leadership over, ends all streams and lets go of everything. */
  stop(): Promise<void>;
}

/**
 * Starts a node: opens its directory, serves its API, founds or joins the cluster, takes part.
 *
 * @param config Its configuration.
 * @param version The program's version.
 * @param host Its process.
 * @returns The node, whose API answers already; it may still wait for others.
 */
export async function startNode(
  config: NodeConfig,
  version: string,
  host: NodeHost = NO_HOST,
): Promise<RunningNode> {
  const keys = await openKeys(config);
  try {
    return await startWith(keys, config, version, host);
  } catch (error) {
    await closeKeys(keys);
    throw error;
  }
}

async function startWith(
  keys: Keys,
  config: NodeConfig,
  version: string,
  host: NodeHost,
): Promise<RunningNode> {
  const { node, isEmpty } = await openNode(config, version, keys);
  const serving = await beginServing(node, host, () => void endOnce(null));
  const { teller, surface, api } = serving;
  node.metrics.start();
  lookRepeatedly(node, teller);
  const listening = surface.listen();
  const entering = listening.then(() => enter(node, teller, isEmpty));
  const taking = entering.then((outcome) =>
    takePart(node, { ...surface, teller }, outcome)
  );
  const ended = Promise.withResolvers<Error | null>();
  const end = async (error: Error | null): Promise<void> => {
    node.stopping.abort();
    await listening.catch(() => {});
    await Promise.all([api.stop(), surface.stop()]);
    await stopParts(node);
    await closeKeys(keys);
    node.metrics.stop();
    ended.resolve(error);
  };
  let ending: Promise<void> | null = null;
  const endOnce = (error: Error | null): Promise<void> => ending ??= end(error);
  taking.catch((error) => {
    if (!node.stopping.signal.aborted) endOnce(error);
  });
  node.raft.stopped.then((error) => {
    node.raftRuns = false;
    return endOnce(error);
  });
  return {
    api: { hostname: api.hostname, port: api.port },
    ended: ended.promise,
    async stop(): Promise<void> {
      node.stopping.abort();
      // A founding is not cut in half; everything after it ends with the Raft part.
      await entering.catch(() => {});
      await endOnce(null);
      await taking.catch(() => {});
    },
  };
}

/** What answers a node's callers, and tells of what happens. */
interface Serving {
  readonly teller: Teller;
  readonly surface: Surface;
  readonly api: Api;
}

async function beginServing(
  node: Node,
  host: NodeHost,
  stopNode: () => void,
): Promise<Serving> {
  const { log } = node.config;
  const teller = tellerOf(node);
  const context = contextOf(node, {
    logLevel: createLevelControl(log.level, host.setLevel),
    picture: teller.picture,
  });
  const audit = createAudit(log.audit);
  const hub = createWatchHub(context);
  const watchers = (): readonly WatcherView[] => hub.list();
  const parts = { host, audit, watchers, stopNode };
  const surface = createSurface(node, context, parts);
  try {
    // A port that is taken shall be told before anybody relies on this node.
    await beginRouting(node);
    const renderMetrics = (): Promise<string> => metricsOf(node, surface);
    const api = await serveApi(node, context, { audit, hub, renderMetrics });
    const { hostname, port } = api;
    LOG.info("Serving the API", { address: `${hostname}:${port}` });
    return { teller, surface, api };
  } catch (error) {
    await surface.stop();
    await stopParts(node);
    throw error;
  }
}

async function stopParts(node: Node): Promise<void> {
  await node.router?.stop();
  // While the group can still be told that PostgreSQL stays without its agent.
  await node.ha?.stop();
  await node.raft.stop({ timeoutMs: HAND_OVER_TIMEOUT_MS });
  // A node that never took part has a transport that its Raft part never started.
  await node.relay.http().stop();
}

/** Founds the cluster if there is none, and starts the Raft part. */
async function enter(
  node: Node,
  teller: Teller,
  isEmpty: boolean,
): Promise<EntryOutcome> {
  const { raft } = node;
  const outcome = isEmpty ? await foundTogether(entryOf(node)) : "founded";
  if (outcome === "stopped") return outcome;
  await raft.start();
  node.raftRuns = true;
  watch(node, teller);
  // A node that ended after it was let in, before it heard of any member, has nobody to listen to.
  return raft.status().members.length === 0 ? "must_join" : outcome;
}

/** What is told of changes once a node takes part. */
type Listeners = Surface & { readonly teller: Teller };

async function takePart(
  node: Node,
  surface: Listeners,
  outcome: EntryOutcome,
): Promise<void> {
  const { config } = node;
  if (outcome === "must_join") {
    node.stage = "joining";
    LOG.info("Joining a cluster", { cluster: config.cluster.name });
    await joinCluster(entryOf(node), () => isMember(node));
  }
  if (node.stopping.signal.aborted) return;
  node.stage = "running";
  node.waitingFor = null;
  node.raft.onChange(() => {
    if (!node.stopping.signal.aborted) surface.groupChanged();
  });
  surface.groupChanged();
  tellTime(node);
  await beginHa(node, surface);
  await introduce(node);
}

/** What `/metrics` says, where that is not switched off. */
async function metricsOf(
  node: Node,
  { settings }: Surface,
): Promise<string> {
  if (!settings.live.metricsEnabled) {
    throw new Problem(
      "not_found",
      "pgraft.metrics_enabled is off on this node",
    );
  }
  return await renderMetrics(node);
}

/** Moves the clock of leases on whenever this node leads, until it stops. */
function tellTime({ raft, machine, stopping: { signal } }: Node): void {
  const { kv } = machine;
  const clock = systemClock();
  const beat = createLeaseClock({
    nowMs: () => clock.nowMs(),
    clockMs: () => kv.clockMs(),
    isNeeded: () => kv.leaseCount() > 0 && raft.leadership().role === "leader",
    tick: async (fromMs, byMs) => {
      const data = encodePartOperation({
        part: "kv",
        once: null,
        data: encodeKvOperation({ type: "tick", fromMs, byMs }),
      });
      await raft.proposeOperation({ kind: "custom", data }, { forward: false });
    },
  });
  let isBusy = false;
  const timer = every(clock, TICK_INTERVAL_MS, async () => {
    if (isBusy) return;
    isBusy = true;
    // Whoever leads next measures anew; a lease only lasts longer.
    await beat().catch(() => {});
    isBusy = false;
  });
  signal.addEventListener("abort", timer.cancel, { once: true });
}

/** PostgreSQL is looked after once the node is a member, whose reports count. */
async function beginHa(
  node: Node,
  { settings, keeper, teller }: Listeners,
): Promise<void> {
  const { config, raft, local, relay, machine } = node;
  await settings.prepare();
  node.ha = await startHa({
    config,
    raft,
    local,
    clock: systemClock(),
    http: () => relay.http(),
    state: () => machine.cluster(),
    electionTimeoutMs: () => settings.live.electionTimeoutMs,
    configurationLoaded(): void {
      settings.configurationLoaded();
      keeper?.serverSeen();
    },
    takeReloadWish: () => settings.takeReloadWish(),
    onNews(): void {
      node.router?.poke();
      teller.lookAtPostgres();
    },
  });
}

function entryOf(node: Node): Entry {
  const { config, identity } = node;
  const told = new Set<string>();
  return {
    // Who would make a database and who would adopt one do not found together.
    clusterId: config.cluster.adopt
      ? `${identity.clusterId}, adopting`
      : identity.clusterId,
    own: {
      id: config.node.id,
      incarnation: identity.incarnation,
      address: formatHostPort(ownAddress(config)),
    },
    members: config.cluster.members.map(({ id, address }) => ({
      id,
      address: formatHostPort(address),
    })),
    join: config.cluster.join.map(formatHostPort),
    directory: config.node.dataDir,
    http: node.relay.http(),
    raft: node.raft,
    clock: systemClock(),
    signal: node.stopping.signal,
    seed: (peers) => node.relay.seed(peers),
    progress: (waitingFor) => {
      node.waitingFor = waitingFor;
      if (waitingFor === null || told.has(waitingFor)) return;
      // Several peers are asked in turn: what each of them says is told once.
      if (told.size === MAX_TOLD) told.clear();
      told.add(waitingFor);
      LOG.info(waitingFor);
    },
    know: (answer) => node.founding = answer,
  };
}

function isMember({ raft, config, identity }: Node): boolean {
  return raft.status().members.some(({ id, incarnation }) =>
    id === config.node.id && incarnation === identity.incarnation
  );
}

const ROLES: Readonly<Record<Leadership["role"], string>> = {
  follower: "a follower",
  pre_candidate: "asking for an election",
  candidate: "a candidate",
  leader: "the leader",
};

/** Logs and counts what changes in the group. */
function watch(node: Node, teller: Teller): void {
  const { raft, metrics } = node;
  let last: Pick<Leadership, "term" | "leaderId" | "role"> = {
    term: 0,
    leaderId: 0,
    role: "follower",
  };
  const look = (): void => {
    if (node.stopping.signal.aborted) return;
    // Called for every batch of puts: all of the status would cost as much as one of them.
    const now = raft.leadership();
    metrics.sawLeader(now);
    const { term, leaderId, role } = now;
    if (leaderId !== last.leaderId || role !== last.role) {
      const leader = leaderId === 0 ? "no leader" : `leader ${leaderId}`;
      LOG.info(`This node is ${ROLES[role]}, ${leader}`, { term });
    }
    last = { term, leaderId, role };
    followRemoval(node, now);
    teller.look();
    node.router?.applied();
  };
  raft.onChange(look);
}

function followRemoval(node: Node, { removedAt }: Leadership): void {
  if (removedAt === 0 || node.stage === "removed") return;
  node.stage = "removed";
  node.waitingFor =
    "The node was removed; give it an empty directory and let it join to bring it back";
  LOG.warning(node.waitingFor);
}

/** Tells the others this node's name and API, once and whenever it comes back with others. */
async function introduce(node: Node): Promise<void> {
  const { config, machine, raft, version, stopping } = node;
  const info: MemberInfo = {
    id: config.node.id,
    name: config.node.name,
    api: formatHostPort(config.api.advertise),
    kind: config.postgresql.managed ? "data" : "witness",
    version,
  };
  const data = encodePartOperation({
    part: "members",
    once: null,
    data: encodeMemberInfo(info),
  });
  while (!stopping.signal.aborted && node.stage === "running") {
    try {
      await announceAddress(node);
      await raft.read(() => {});
      if (isSameInfo(machine.members().get(info.id), info)) return;
      await raft.proposeOperation({ kind: "config_change", data });
      return;
    } catch (error) {
      LOG.debug("Could not tell the others about this node yet", {
        reason: messageOf(error),
      });
      await whenChanged(node, INTRODUCE_INTERVAL_MS);
    }
  }
}

/** A node that moved tells the leader, which could not reach it to hear anything else. */
async function announceAddress(node: Node): Promise<void> {
  const { config, raft, identity, relay } = node;
  const { id } = config.node;
  const address = formatHostPort(ownAddress(config));
  const own = raft.status().members.find((member) => member.id === id);
  if (!own || own.address === address) return;
  const { incarnation } = identity;
  await giveOrder(relay.http(), raft, id, {
    kind: "join",
    id,
    incarnation,
    address,
  });
  LOG.info("Told the others where this node is now", { address });
}

/** Waits for a change in the group, a while at most. */
async function whenChanged(
  { raft, stopping }: Node,
  timeoutMs: number,
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, timeoutMs);
  const end = (): void => resolve();
  const forget = raft.onChange(end);
  stopping.signal.addEventListener("abort", end);
  await promise;
  clearTimeout(timer);
  forget();
  stopping.signal.removeEventListener("abort", end);
}
