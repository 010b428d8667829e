import { formatHostPort, systemClock } from "../../base/mod.ts";
import { type ClusterState, currentPrimary } from "../../pg/cluster/mod.ts";
import type { PeerStats } from "../../raft/http/mod.ts";
import type { NodeContext, WatcherView } from "../api/mod.ts";
import type { Audit } from "../audit/mod.ts";
import {
  type BridgeContext,
  type BridgeListener,
  type BridgeUser,
  type Link,
  type LogLine,
  MAX_CONNECTIONS,
  type RunningHealthWatch,
  scramKeys,
  startBridge,
  watchHealth,
} from "../bridge/mod.ts";
import { type Executor, startExecutor } from "../execute/mod.ts";
import { type ExtensionKeeper, keepExtension } from "../extension/mod.ts";
import { logger, type LogLevel } from "../logging/mod.ts";
import {
  type ClusterSettings,
  encodePartOperation,
  encodeSettings,
  encodeSqlCommand,
  type SettingsResult,
  type SqlQueue,
} from "../machine/mod.ts";
import { askFounding } from "../peers/mod.ts";
import { createSettings, type Settings } from "../settings/mod.ts";
import { type Node, takesPart } from "./node.ts";

/** What a node's process does for it. */
export interface NodeHost {
  /** The last events that were logged. */
  recentLogs(): readonly LogLine[];
  /** Logs events of another level from now on. */
  setLevel(level: LogLevel): void;
}

/** A process that does not log. */
export const NO_HOST: NodeHost = { recentLogs: () => [], setLevel: () => {} };

/** How long after an answer a node stops that was asked to by SQL. */
const STOP_DELAY_MS = 50;

const LOG = logger("health");

/** What the SQL surface needs beside the node. */
export interface SurfaceParts {
  /** Its process. */
  readonly host: NodeHost;
  /** What writes changing calls down. */
  readonly audit: Audit;
  /** Who watches keys. */
  readonly watchers: () => readonly WatcherView[];
  /** Has the node stop in order. */
  readonly stopNode: () => void;
}

/** Everything by which SQL reaches a node, and what it shows there. */
export interface Surface {
  readonly settings: Settings;
  readonly keeper: ExtensionKeeper | null;
  readonly health: RunningHealthWatch;
  /** Something in the group has changed. */
  groupChanged(): void;
  /** Begins to take in clients. */
  listen(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Makes the SQL surface of a node.
 *
 * @param node The node.
 * @param context What API and bridge know of it.
 * @param parts What else it needs.
 */
export function createSurface(
  node: Node,
  context: NodeContext,
  { host, audit, watchers, stopNode }: SurfaceParts,
): Surface {
  const { logLevel } = context;
  const settings = settingsOf(node, (level) => logLevel.configure(level));
  const health = watchHealth({
    node: context,
    clock: systemClock(),
    periodMs: () => settings.live.healthPeriodMs,
    onLook: ({ status, warnings, errors }, isNews) => {
      // Members come and go without a change of what is looked at above.
      if (takesPart(node)) settings.groupChanged();
      const why = [...errors, ...warnings].join("; ");
      if (settings.live.healthVerbose || (isNews && why !== "")) {
        LOG.info(`The cluster's health is ${status}`, why ? { why } : {});
      }
    },
  });
  const keeper = keeperOf(node);
  const executor = executorOf(node);
  const bridge = bridgeContextOf(node, context, {
    health,
    settings,
    host,
    watchers,
    stopNode,
    setDebug: (enabled) => logLevel.override(enabled ? "debug" : null),
  });
  const parts: { listener: BridgeListener | null } = { listener: null };
  const seen: Seen = { settings: null, cluster: null, sql: null };
  return {
    settings,
    keeper,
    health,
    groupChanged: () => {
      if (takesPart(node)) act(node, seen, { settings, keeper, executor });
    },
    listen: async () => {
      parts.listener = await startBridge({
        context: bridge,
        audit,
        traces: () => settings.live.traceEnabled,
        socket: await socketOf(node),
        tcp: tcpOf(node),
      });
    },
    async stop(): Promise<void> {
      health.stop();
      await parts.listener?.stop();
      await executor?.stop();
      await keeper?.stop();
      await settings.stop();
    },
  };
}

/** Called for every batch of puts: what has not changed is not looked at. */
function act(
  { machine }: Node,
  seen: Seen,
  { settings, keeper, executor }: {
    readonly settings: Settings;
    readonly keeper: ExtensionKeeper | null;
    readonly executor: Executor | null;
  },
): void {
  const isNews = seen.settings !== machine.settings() ||
    seen.cluster !== machine.cluster();
  if (isNews || seen.sql !== machine.sql()) executor?.groupChanged();
  seen.settings = machine.settings();
  seen.cluster = machine.cluster();
  seen.sql = machine.sql();
  if (!isNews) return;
  settings.groupChanged();
  keeper?.groupChanged();
}

function settingsOf(
  node: Node,
  setLevel: (level: LogLevel) => void,
): Settings {
  const { config, raft, machine, local } = node;
  return createSettings({
    config,
    clock: systemClock(),
    group: () => {
      const members = takesPart(node) ? raft.status().members : [];
      return {
        members: members.length,
        peers: members.map(({ id, address }) => `${id}:${address}`).join(","),
        isPrimary: reignOf(node) !== 0,
      };
    },
    cluster: () => machine.settings(),
    propose: async (change): Promise<SettingsResult> => {
      const data = encodeSettings(change);
      const { result } = await raft.proposeOperation({
        kind: "config_change",
        data: encodePartOperation({ part: "settings", once: null, data }),
      });
      return JSON.parse(new TextDecoder().decode(result));
    },
    timesFixed: () => timesFixed(node),
    apply: (live) => {
      setLevel(live.logLevel);
      if (!takesPart(node)) return;
      raft.tune({
        heartbeatIntervalMs: live.heartbeatIntervalMs,
        electionTimeoutMs: live.electionTimeoutMs,
        snapshotDistance: live.snapshotDistance,
        maxAppendEntries: live.batchSize,
      });
    },
    readFiles: async () => {
      const rows = await local?.instance.query<
        { name: string; setting: string | null }
      >(
        "select lower(name) as name, setting from pg_file_settings where lower(name) like 'pgraft.%' order by seqno",
      ) ?? [];
      return new Map(rows.map(({ name, setting }) => [
        name.slice("pgraft.".length),
        setting ?? "",
      ]));
    },
    writeFiles: async (settings) =>
      await local?.instance.setPlaceholders(settings) ?? false,
    isBusy: () => {
      const phase = node.ha?.state().phase.kind;
      return phase === "sealing" || phase === "granted";
    },
  });
}

/** R30: in mode off safety rests on these very times, which nodes would change one after the other. */
function timesFixed({ machine, raft }: Node): string | null {
  if (machine.cluster().mode === "off") {
    return "with synchronous_mode off, failover is safe by these times: choose another mode first";
  }
  return raft.status().configuration.leaseReads
    ? "leaders answer reads from their lease, which rests on these times"
    : null;
}

/** The epoch in which this node is the open primary; 0 while it is not. */
function reignOf({ machine, config }: Node): number {
  const state = machine.cluster();
  const { phase } = state;
  const isOwn = currentPrimary(state)?.id === config.node.id;
  return phase.kind === "open" && isOwn ? phase.epoch : 0;
}

function keeperOf(node: Node): ExtensionKeeper | null {
  const { local, config } = node;
  if (!local || !config.bridge.createExtension) return null;
  return keepExtension({
    instance: local.instance,
    clock: systemClock(),
    reignOf: () => takesPart(node) ? reignOf(node) : 0,
  });
}

function executorOf(node: Node): Executor | null {
  const { local, raft, machine } = node;
  if (!local) return null;
  return startExecutor({
    instance: local.instance,
    clock: systemClock(),
    queue: () => machine.sql(),
    reign: () => takesPart(node) ? reignOf(node) : 0,
    confirm: () => raft.read(() => {}),
    finish: async (index, outcome) => {
      const data = encodeSqlCommand({ type: "finish", index, outcome });
      await raft.proposeOperation({
        kind: "custom",
        data: encodePartOperation({ part: "sql", once: null, data }),
      });
    },
  });
}

/** What of the replicated state was last acted on. */
interface Seen {
  settings: ClusterSettings | null;
  cluster: ClusterState | null;
  sql: SqlQueue | null;
}

interface BridgeParts extends Omit<SurfaceParts, "audit"> {
  readonly health: RunningHealthWatch;
  readonly settings: Settings;
  readonly setDebug: (enabled: boolean) => void;
}

function bridgeContextOf(
  node: Node,
  context: NodeContext,
  { health, settings, host, watchers, stopNode, setDebug }: BridgeParts,
): BridgeContext {
  const { relay, config, activity } = node;
  return {
    node: context,
    activity,
    health,
    pending: new Set(),
    keys: { puts: 0, deletes: 0, gets: 0 },
    failedAppends: { count: 0 },
    connections: { now: 0, max: MAX_CONNECTIONS },
    traffic: () => relay.traffic,
    link: (id) => linkOf(relay.http().stats().get(id)),
    watchers,
    incarnationAt: async (id, address) => {
      const { signal } = node.stopping;
      const answer = await askFounding(relay.http(), { id, address }, signal);
      return answer.incarnation;
    },
    stopNode: () => void setTimeout(stopNode, STOP_DELAY_MS),
    recentLogs: () => host.recentLogs(),
    setDebug,
    metricsText: () => renderMetrics(node),
    hasAdminToken: config.api.tokenFile !== null,
    settings: () => settings.views(),
    forwardsWrites: () => settings.live.forwardWrites,
  };
}

/** What is measured, in Prometheus's text. */
export async function renderMetrics(
  { metrics, router }: Node,
): Promise<string> {
  // A router that is being started again has no figures but its last ones.
  await router?.stats().catch(() => {});
  return metrics.registry.render();
}

function linkOf(stats: PeerStats | undefined): Link | null {
  if (!stats) return null;
  const { receivingSinceMs, ...rest } = stats;
  return { ...rest, receiving: receivingSinceMs !== null };
}

async function socketOf(
  { local, config }: Node,
): Promise<Parameters<typeof startBridge>[0]["socket"]> {
  if (!local) return null;
  return {
    directory: await local.instance.socketDir(),
    port: config.postgresql.listen.port,
    owner: local.osUser,
  };
}

function tcpOf(
  { config, keys }: Node,
): Parameters<typeof startBridge>[0]["tcp"] {
  const { listen } = config.bridge;
  if (!listen) return null;
  const { tokens } = keys;
  const users = new Map<string, BridgeUser>();
  const take = (): void => {
    const { admin, read } = tokens.current();
    users.clear();
    if (admin) {
      users.set("pgraft_admin", { keys: scramKeys(admin), asker: "admin" });
    }
    if (read) {
      users.set("pgraft_monitor", { keys: scramKeys(read), asker: "monitor" });
    }
  };
  take();
  tokens.onChange(take);
  if (users.size > 0) return { listen, users };
  throw new Error(
    `bridge.listen is ${
      formatHostPort(listen)
    }, and there is no api.token_file whose token would let anybody in`,
  );
}
