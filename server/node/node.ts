import { createHash } from "node:crypto";
import { join } from "node:path";
import {
  formatHostPort,
  type HostPort,
  isLoopback,
  systemClock,
} from "../../base/mod.ts";
import { createFileLogStore } from "../../raft/file/mod.ts";
import {
  createHttpTransport,
  type HttpTransport,
} from "../../raft/http/mod.ts";
import {
  createRaftServer,
  type DriverObserver,
  type LogIdentity,
  type RaftServer,
} from "../../raft/mod.ts";
import type { NodeContext, NodeStage } from "../api/mod.ts";
import { type NodeConfig, readSecretFile } from "../config/mod.ts";
import type { FrontStats } from "../front/mod.ts";
import {
  BACKUP_FEED,
  findPostgres,
  type HighAvailability,
  type LocalPostgres,
  postgresStatus,
} from "../ha/mod.ts";
import { createJournal, type Journal, type Picture } from "../events/mod.ts";
import { type LevelControl, logger } from "../logging/mod.ts";
import { createNodeMachine, type NodeMachine } from "../machine/mod.ts";
import {
  type Activity,
  createActivity,
  createNodeMetrics,
  type NodeMetrics,
  proposalEndingOf,
} from "../metrics/mod.ts";
import {
  createCallHandler,
  createPeerRelay,
  createPeerWire,
  type Founder,
  type FoundingAnswer,
  foundingIdOf,
  giveOrder,
  type PeerRelay,
} from "../peers/mod.ts";
import type { Router } from "../router/mod.ts";
import {
  createTracing,
  exportMetrics,
  mirrorOf,
  openTelemetry,
  type Otel,
  type Tracing,
} from "../telemetry/mod.ts";
import {
  type Certificates,
  closeCertificates,
  createTlsTeller,
  openCertificates,
} from "./certificates.ts";
import { readFounding } from "./founding_file.ts";
import { isAwaitingSync } from "./sync_wait.ts";
import { openTokens, type TokenKeeper } from "./tokens.ts";

/** The state of a node, from its start to its end. */
export interface Node {
  readonly config: NodeConfig;
  readonly version: string;
  readonly startedAtMs: number;
  readonly relay: PeerRelay;
  readonly machine: NodeMachine;
  readonly raft: RaftServer;
  readonly metrics: NodeMetrics;
  readonly identity: LogIdentity;
  /** Aborted when the node begins to stop. */
  readonly stopping: AbortController;
  stage: NodeStage;
  /** Whether its Raft part runs. */
  raftRuns: boolean;
  waitingFor: string | null;
  diskFull: boolean;
  founding: FoundingAnswer;
  /** Its PostgreSQL; null for a witness. */
  readonly local: LocalPostgres | null;
  /** Null before it takes part. */
  ha: HighAvailability | null;
  /** What callers ask of it. */
  readonly activity: Activity;
  /** Null where it has none, and before it starts. */
  router: Router | null;
  /** What happens on it and in its cluster. */
  readonly journal: Journal;
  /** Traces requests; null where that is off. */
  readonly tracing: Tracing | null;
  readonly keys: Keys;
  /** How to look at the connections of its ports; null before they listen. */
  readonly connections: Record<"api" | "peers", (() => FrontStats) | null>;
}

/** By what a node proves itself, and others to it; all of it follows its files. */
export interface Keys {
  readonly certificates: Certificates;
  readonly tokens: TokenKeeper;
}

/**
 * Reads what a node proves itself by, before anything starts.
 *
 * @param config Its configuration.
 * @throws {Error} When something of it can't be used.
 */
export async function openKeys(config: NodeConfig): Promise<Keys> {
  const certificates = await openCertificates(config, CLOCK);
  try {
    return { certificates, tokens: await openTokens(config, CLOCK) };
  } catch (error) {
    await closeCertificates(certificates);
    throw error;
  }
}

/** Ends the following of its files. */
export async function closeKeys({ certificates, tokens }: Keys): Promise<void> {
  await closeCertificates(certificates);
  await tokens.stop();
}

const LOG = logger("node");
const CLOCK = systemClock();

/**
 * Opens a node's data directory and makes its parts; peers can call it from now on.
 *
 * @param config Its configuration.
 * @param version The program's version.
 * @param keys What it proves itself by.
 * @returns The node, which takes no part yet, and whether its directory is empty.
 */
export async function openNode(
  config: NodeConfig,
  version: string,
  keys: Keys,
): Promise<{ node: Node; isEmpty: boolean }> {
  const directory = config.node.dataDir;
  const local = await findPostgres(
    config,
    () => makeDirectory(directory, config.postgresql.managed),
  );
  const relay = createPeerRelay();
  const machine = createNodeMachine();
  const holder: { node: Node | null } = { node: null };
  const otel = openTelemetry(version);
  const metrics = createMetrics(
    config,
    version,
    relay,
    otel,
    () => holder.node,
  );
  const journal = createJournal(() => Date.now());
  const tracing = otel && createTracing(otel, {
    id: config.node.id,
    leaderId: () => holder.node?.raft.leadership().leaderId ?? 0,
  });
  const observer = observerOf(metrics, journal, tracing);
  const traced = tracing?.machine(machine) ?? machine;
  const raft = makeRaft(config, relay, traced, observer, (full) => {
    if (holder.node) holder.node.diskFull = full;
    tellFullness(full);
  });
  const { identity, isEmpty } = await raft.initialize();
  const founders = await readFounding(directory);
  const node: Node = {
    config,
    version,
    startedAtMs: CLOCK.nowMs(),
    relay,
    machine,
    raft,
    metrics,
    identity,
    stopping: new AbortController(),
    stage: isEmpty ? "founding" : "running",
    raftRuns: false,
    waitingFor: isEmpty ? "The node has just started" : null,
    diskFull: false,
    founding: foundingAnswer(identity, isEmpty ? null : founders ?? []),
    local,
    ha: null,
    activity: createActivity(() => relay.traffic),
    router: null,
    journal,
    tracing,
    keys,
    connections: { api: null, peers: null },
  };
  holder.node = node;
  relay.onPresence((peer, present) => node.ha?.presence(peer, present));
  await relay.attach(await makeTransport(node));
  return { node, isEmpty };
}

/** PostgreSQL's user must get to its own directories in there; everything else is closed to it. */
async function makeDirectory(path: string, isShared: boolean): Promise<void> {
  const mode = isShared && Deno.uid() === 0 ? 0o711 : 0o700;
  await Deno.mkdir(path, { recursive: true, mode });
  if (mode === 0o711) await Deno.chmod(path, mode);
  const own = join(path, "raft");
  await Deno.mkdir(own, { recursive: true, mode: 0o700 });
}

function makeRaft(
  config: NodeConfig,
  relay: PeerRelay,
  stateMachine: NodeMachine,
  observer: DriverObserver,
  onDiskFull: (full: boolean) => void,
): RaftServer {
  const { cluster, node, raft } = config;
  return createRaftServer({
    id: node.id,
    cluster: {
      clusterId: cluster.name,
      heartbeatIntervalMs: raft.heartbeatIntervalMs,
      electionTimeoutMs: raft.electionTimeoutMs,
      snapshotDistance: raft.snapshotDistance,
      maxEntrySizeBytes: raft.maxEntrySizeBytes,
    },
    stateMachine,
    store: createFileLogStore(join(node.dataDir, "raft"), {
      warn: (message) => LOG.warning(message),
    }),
    transport: relay.transport,
    observer,
    onDiskFull,
  });
}

/** Measures what the driver does, and tells of its snapshots. */
function observerOf(
  { observer }: NodeMetrics,
  journal: Journal,
  tracing: Tracing | null,
): DriverObserver {
  const tell = (what: "taken" | "installed", sizeBytes: number): void =>
    journal.tell({
      kind: "snapshot",
      text: what === "taken"
        ? `A snapshot of ${sizeBytes} bytes was taken`
        : `The leader's snapshot of ${sizeBytes} bytes was taken in`,
      fields: { what, size_bytes: sizeBytes },
    });
  return {
    ...observer,
    ...tracing
      ? { appending: tracing.appending, applying: tracing.applying }
      : {},
    snapshotTaken: (sizeBytes, tookMs) => {
      observer.snapshotTaken?.(sizeBytes, tookMs);
      tell("taken", sizeBytes);
    },
    snapshotInstalled: (sizeBytes) => {
      observer.snapshotInstalled?.(sizeBytes);
      tell("installed", sizeBytes);
    },
  };
}

async function makeTransport(node: Node): Promise<HttpTransport> {
  const { config, identity } = node;
  const { secretFile, name } = config.cluster;
  const secret = secretFile === null
    ? null
    : new TextEncoder().encode(await readSecretFile(secretFile));
  const { host, port } = config.raft.listen;
  return createHttpTransport({
    nodeId: config.node.id,
    incarnation: identity.incarnation,
    clusterId: name,
    ...(secret ? { secret } : {}),
    listen: { hostname: host, port },
    wire: createPeerWire({
      clock: CLOCK,
      tls: node.keys.certificates.peers,
      isOptional: config.raft.tlsOptional,
      onTlsFailure: createTlsTeller("peers", CLOCK),
      onListening: (stats) => node.connections.peers = stats,
    }),
    onRefused: (peer, reason) =>
      LOG.warning("A node refuses this one", { peer, reason }),
    onTrouble: (peer, what) => LOG.info(what, { peer }),
    onNote: (_peer, data) => node.ha?.takeNote(data),
    onFeed: async (name) =>
      name === BACKUP_FEED ? await node.ha?.backup() ?? null : null,
    onCall: createCallHandler({
      id: config.node.id,
      http: node.relay.http,
      founding: () => node.founding,
      raft: () => takesPart(node) ? node.raft : null,
      isAwaitingSync: (pid) => isAwaitingSync(node.local, pid),
    }),
  });
}

function foundingAnswer(
  { clusterId, incarnation }: LogIdentity,
  founded: readonly Founder[] | null,
): FoundingAnswer {
  const foundingId = founded ? foundingIdOf(clusterId, founded) : "";
  return { incarnation, foundingId, founded };
}

/** Whether the Raft part runs. */
export function takesPart({ stage }: Node): boolean {
  return stage === "running" || stage === "removed";
}

function tellFullness(full: boolean): void {
  if (full) {
    LOG.error(
      "The disk is full: writes wait until there is space, reads go on",
    );
  } else LOG.info("The disk has space again");
}

function createMetrics(
  config: NodeConfig,
  version: string,
  relay: PeerRelay,
  otel: Otel | null,
  node: () => Node | null,
): NodeMetrics {
  const metrics = createNodeMetrics({
    mirror: otel && mirrorOf(otel.meter),
    node: {
      id: config.node.id,
      name: config.node.name,
      cluster: config.cluster.name,
      version,
    },
    status: () => {
      const now = node();
      return now && takesPart(now) ? now.raft.status() : null;
    },
    peers: () => {
      const now = node();
      return now && takesPart(now) ? relay.http().stats() : null;
    },
    postgres: () => {
      const ha = node()?.ha;
      return ha && config.postgresql.managed
        ? postgresStatus(ha, config.node.id)
        : null;
    },
    router: () => node()?.router?.lastStats() ?? null,
    servers: () => {
      const now = node();
      if (!now) return [];
      const { keys: { certificates }, connections } = now;
      return (["api", "peers"] as const).map((name) => ({
        name,
        stats: connections[name]?.() ?? null,
        expiresAt: certificates[name]?.expiresAt() ?? null,
      }));
    },
  });
  if (otel) exportMetrics(otel.meter, metrics.registry.readings);
  return metrics;
}

/** Where peers reach this node. */
export function ownAddress({ raft }: NodeConfig): HostPort {
  return raft.advertise;
}

/** What is made for a node outside of it. */
export interface NodeControls {
  readonly logLevel: LevelControl;
  readonly picture: () => Picture;
}

/** What the API's handlers know of a node. */
export function contextOf(
  node: Node,
  { logLevel, picture }: NodeControls,
): NodeContext {
  const { config } = node;
  return {
    id: config.node.id,
    name: config.node.name,
    clusterName: config.cluster.name,
    clusterNumber: clusterNumberOf(config.cluster.name),
    version: node.version,
    kind: config.postgresql.managed ? "data" : "witness",
    incarnation: node.identity.incarnation,
    raftAddress: formatHostPort(ownAddress(config)),
    apiAddress: formatHostPort(config.api.advertise),
    schemes: {
      peers: config.raft.tlsCert === null ? "http" : "https",
      api: config.api.tlsCert === null ? "http" : "https",
    },
    serverLog: config.postgresql.managed
      ? join(config.node.dataDir, "run", "server.log")
      : null,
    maxEntryBytes: config.raft.maxEntrySizeBytes,
    raft: node.raft,
    machine: node.machine,
    startedAtMs: node.startedAtMs,
    nowMs: () => CLOCK.nowMs(),
    stage: () => node.stage,
    waitingFor: () => node.waitingFor,
    isDiskFull: () => node.diskFull,
    isStopping: () => node.stopping.signal.aborted,
    stopSignal: node.stopping.signal,
    ha: () => node.ha,
    activity: node.activity,
    resetMetrics(): void {
      node.activity.reset();
      node.metrics.registry.reset();
    },
    journal: node.journal,
    tracing: node.tracing,
    picture,
    logLevel,
    superuser: config.postgresql.superuser,
    instance: () => node.local?.instance ?? null,
    router: () => node.router,
    peer: (id) => {
      const stats = node.relay.http().stats().get(id);
      if (!stats) return null;
      return { lastContactMs: stats.receivingSinceMs === null ? null : 0 };
    },
    proposalEnded: (code) =>
      node.metrics.proposalEnded(
        code === null ? "applied" : proposalEndingOf(code),
      ),
    order: (order) =>
      giveOrder(node.relay.http(), node.raft, config.node.id, order),
  };
}

/** Etcd's ids of clusters are numbers of 64 bits. */
function clusterNumberOf(name: string): string {
  const digest = createHash("sha256").update(name).digest();
  return digest.readBigUInt64BE().toString();
}

/** Whether the API may be reached from other machines. */
export function isApiPublic({ api }: NodeConfig): boolean {
  return !isLoopback(api.listen.host);
}
