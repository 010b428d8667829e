import { formatHostPort, type HostPort } from "../../base/mod.ts";
import {
  BOOLEAN_TYPE,
  integerType,
  LOG_SETTINGS,
  type NodeConfig,
  RAFT_SETTINGS,
  type ValueType,
} from "../config/mod.ts";
import type { LiveSettings } from "./live.ts";

/** What the values of settings are taken from. */
export interface SettingSource {
  readonly config: NodeConfig;
  readonly live: LiveSettings;
  /** How many members there are. */
  readonly members: number;
  /** The members, as `id:host:port`, with commas. */
  readonly peers: string;
  /** Whether PostgreSQL is the primary here. */
  readonly isPrimary: boolean;
}

/** How a setting changes. */
export type SettingChange =
  /** At a reload, on this node. */
  | {
    readonly kind: "live";
    /** Reads a value into the settings, or says what is allowed. */
    readonly take: (text: string, live: LiveSettings) => string | null;
  }
  /** At a reload, on all nodes, by an entry of the Raft log. */
  | {
    readonly kind: "cluster";
    readonly take: (text: string, live: LiveSettings) => string | null;
  }
  /** In pgraft's own file, which counts at a start of the agent. */
  | { readonly kind: "restart"; readonly where: string }
  /** It shows how things are; nobody sets it so. */
  | { readonly kind: "shown"; readonly why: string }
  /** It has no meaning here. */
  | { readonly kind: "inert"; readonly why: string };

/** One `pgraft.*` setting, without the prefix. */
export interface SettingRow {
  readonly name: string;
  readonly unit?: "ms";
  readonly change: SettingChange;
  readonly value: (source: SettingSource) => string | number | boolean;
  readonly description: string;
}

function taking<T, K extends keyof LiveSettings>(
  type: ValueType<T>,
  key: K & (T extends LiveSettings[K] ? K : never),
): (text: string, live: LiveSettings) => string | null {
  return (text, live) => {
    const parsed = type.parse(text.trim());
    if (!parsed.ok) return `allowed: ${type.allowed}`;
    Object.assign(live, { [key]: parsed.value });
    return null;
  };
}

const MAX_PERIOD_MS = 60_000;

const LIVE_ROWS: readonly SettingRow[] = [
  {
    name: "heartbeat_interval",
    unit: "ms",
    change: {
      kind: "cluster",
      take: taking(
        RAFT_SETTINGS.heartbeatIntervalMs.type,
        "heartbeatIntervalMs",
      ),
    },
    value: ({ live }) => live.heartbeatIntervalMs,
    description: "How often a leader tells its peers that it is there",
  },
  {
    name: "election_timeout",
    unit: "ms",
    change: {
      kind: "cluster",
      take: taking(RAFT_SETTINGS.electionTimeoutMs.type, "electionTimeoutMs"),
    },
    value: ({ live }) => live.electionTimeoutMs,
    description:
      "How long a leader may be silent before another is elected, at least 3 heartbeats",
  },
  {
    name: "snapshot_count",
    change: {
      kind: "live",
      take: taking(RAFT_SETTINGS.snapshotDistance.type, "snapshotDistance"),
    },
    value: ({ live }) => live.snapshotDistance,
    description:
      "The fewest entries between two snapshots of the replicated state",
  },
  {
    name: "batch_size",
    change: {
      kind: "live",
      take: taking(integerType({ min: 1, max: 10_000 }), "batchSize"),
    },
    value: ({ live }) => live.batchSize,
    description: "The most entries that a leader sends in one message",
  },
  {
    name: "log_level",
    change: { kind: "live", take: taking(LOG_SETTINGS.level.type, "logLevel") },
    value: ({ live }) => live.logLevel,
    description: "The least severe events that the agent logs",
  },
  {
    name: "health_period_ms",
    unit: "ms",
    change: {
      kind: "live",
      take: taking(
        integerType({ min: 1000, max: MAX_PERIOD_MS }),
        "healthPeriodMs",
      ),
    },
    value: ({ live }) => live.healthPeriodMs,
    description: "How often the agent looks at the cluster's health",
  },
  {
    name: "health_verbose",
    change: { kind: "live", take: taking(BOOLEAN_TYPE, "healthVerbose") },
    value: ({ live }) => live.healthVerbose,
    description: "Whether each of these looks is logged, not only news",
  },
  {
    name: "metrics_enabled",
    change: { kind: "live", take: taking(BOOLEAN_TYPE, "metricsEnabled") },
    value: ({ live }) => live.metricsEnabled,
    description: "Whether /metrics answers",
  },
  {
    name: "trace_enabled",
    change: { kind: "live", take: taking(BOOLEAN_TYPE, "traceEnabled") },
    value: ({ live }) => live.traceEnabled,
    description: "Whether each SQL call is logged with how long it took",
  },
  {
    name: "forward_writes",
    change: { kind: "live", take: taking(BOOLEAN_TYPE, "forwardWrites") },
    value: ({ live }) => live.forwardWrites,
    description:
      "Whether a write on another node than the leader is handed on to it, in place of an error",
  },
];

function fromFile(
  name: string,
  where: string,
  value: SettingRow["value"],
  description: string,
): SettingRow {
  return { name, change: { kind: "restart", where }, value, description };
}

const FILE_ROWS: readonly SettingRow[] = [
  fromFile(
    "node_id",
    "id in [node]",
    ({ config }) => config.node.id,
    "The number of this node",
  ),
  fromFile(
    "node_name",
    "name in [node]",
    ({ config }) => config.node.name,
    "The name of this node",
  ),
  fromFile(
    "name",
    "name in [node]",
    ({ config }) => config.node.name,
    "The same",
  ),
  fromFile(
    "data_dir",
    "data_dir in [node]",
    ({ config }) => config.node.dataDir,
    "Where the agent keeps the Raft log and all else",
  ),
  fromFile(
    "address",
    "advertise in [raft]",
    ({ config }) => config.raft.advertise.host,
    "The host by which peers reach this node",
  ),
  fromFile(
    "node_ip",
    "advertise in [raft]",
    ({ config }) => config.raft.advertise.host,
    "The same",
  ),
  fromFile(
    "port",
    "advertise in [raft]",
    ({ config }) => config.raft.advertise.port,
    "The port by which peers reach this node",
  ),
  fromFile(
    "cluster_name",
    "name in [cluster]",
    ({ config }) => config.cluster.name,
    "The name of the cluster",
  ),
  fromFile(
    "initial_cluster_token",
    "name in [cluster]",
    ({ config }) => config.cluster.name,
    "The same",
  ),
  fromFile(
    "listen_peer_urls",
    "listen in [raft]",
    ({ config: { raft } }) => urlOf(raft, raft.listen),
    "Where this node takes in its peers",
  ),
  fromFile(
    "initial_advertise_peer_urls",
    "advertise in [raft]",
    ({ config: { raft } }) => urlOf(raft, raft.advertise),
    "Where peers reach this node",
  ),
  fromFile(
    "listen_client_urls",
    "listen in [api]",
    ({ config: { api } }) => urlOf(api, api.listen),
    "Where this node answers HTTP",
  ),
  fromFile(
    "advertise_client_urls",
    "advertise in [api]",
    ({ config: { api } }) => urlOf(api, api.advertise),
    "Where others reach this node's HTTP",
  ),
];

function urlOf(
  { tlsCert }: { readonly tlsCert: string | null },
  address: HostPort,
): string {
  return `${tlsCert === null ? "http" : "https"}://${formatHostPort(address)}`;
}

function shown(
  name: string,
  why: string,
  value: SettingRow["value"],
  description: string,
): SettingRow {
  return { name, change: { kind: "shown", why }, value, description };
}

const MEMBERS_WHY =
  "the members are those of the Raft group: use pgraft_add_node and pgraft_remove_node, or pgraft ctl nodes";

const SHOWN_ROWS: readonly SettingRow[] = [
  shown(
    "cluster_size",
    MEMBERS_WHY,
    ({ members }) => members,
    "How many members there are",
  ),
  shown("peers", MEMBERS_WHY, ({ peers }) => peers, "The members"),
  shown("cluster_addresses", MEMBERS_WHY, ({ peers }) => peers, "The same"),
  shown("initial_cluster", MEMBERS_WHY, ({ peers }) => peers, "The same"),
  shown(
    "is_primary",
    "the group decides who is the primary: use pgraft_switchover",
    ({ isPrimary }) => isPrimary,
    "Whether this node is PostgreSQL's primary, soon after a change",
  ),
  shown(
    "enabled",
    "what switches pgraft off is pgraft ctl pause, or stopping its service",
    () => true,
    "Always on",
  ),
];

function inert(
  name: string,
  value: string | number | boolean,
  why: string,
): SettingRow {
  return {
    name,
    change: { kind: "inert", why },
    value: () => value,
    description: "A name of old",
  };
}

const NO_WORKER = "pgraft is no library in PostgreSQL and has no worker there";

const INERT_ROWS: readonly SettingRow[] = [
  inert("worker_enabled", true, NO_WORKER),
  inert("worker_interval", 1000, NO_WORKER),
  inert("go_library_path", "", NO_WORKER),
  inert(
    "enable_auto_cluster_formation",
    true,
    "the nodes of [cluster] members always found it together",
  ),
  inert(
    "initial_cluster_state",
    "new",
    "[cluster] members founds, and join joins",
  ),
  inert("max_log_entries", 10_000, "the log is cut by snapshot_count"),
  inert(
    "max_batch_delay",
    1,
    "entries gather for 1 ms at most while an append is unanswered",
  ),
];

/** Every setting, in the order of `pgraft.settings`. */
export const SETTING_ROWS: readonly SettingRow[] = [
  ...LIVE_ROWS,
  ...FILE_ROWS,
  ...SHOWN_ROWS,
  ...INERT_ROWS,
];

/** A value as PostgreSQL would show it. */
export function shownValue(value: string | number | boolean): string {
  if (typeof value === "boolean") return value ? "on" : "off";
  return String(value);
}
