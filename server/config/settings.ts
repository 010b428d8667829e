import {
  addressFromUrl,
  membersFromPeers,
  modeFromBoolean,
} from "./rewrites.ts";
import { POSTGRESQL_SETTINGS } from "./postgresql_settings.ts";
import { setting } from "./setting.ts";
import {
  ADDRESS_TYPE,
  BOOLEAN_TYPE,
  byteSizeType,
  durationType,
  integerType,
  MEMBER_IDS,
  MEMBERS_TYPE,
  NAME_TYPE,
  NICE,
  optionalType,
  PATH_TYPE,
  PEERS_TYPE,
  wordType,
} from "./value_types.ts";

const KB = 1024;
const MB = 1024 * KB;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** `[node]`: who this node is. */
export const NODE_SETTINGS = {
  id: setting({
    key: "id",
    type: integerType(MEMBER_IDS),
    help: "The number of this node, its own in the cluster for ever",
    aliases: ["node_id", "raft_node_id", "pgraft.node_id"],
  }),
  name: setting({
    key: "name",
    type: NAME_TYPE,
    derived: "node and node.id",
    help: "The name of this node in lists and logs",
    aliases: ["node_name", "pgraft.node_name", "pgraft.name"],
  }),
  dataDir: setting({
    key: "data_dir",
    type: PATH_TYPE,
    default: "/var/lib/pgraft",
    help:
      "The directory of the Raft log and of everything else that pgraft keeps",
    aliases: ["cluster.data_dir", "raft_data_dir", "pgraft.data_dir"],
  }),
  nice: setting({
    key: "nice",
    type: integerType(NICE),
    default: "-19",
    help:
      "How far this node runs before others, as nice(1) counts, where it may; PostgreSQL does not",
  }),
};

/** `[cluster]`: the cluster that this node founds or joins. */
export const CLUSTER_SETTINGS = {
  name: setting({
    key: "name",
    type: NAME_TYPE,
    default: "pgraft_cluster",
    help: "The name of the cluster, the same on all of its nodes",
    aliases: [
      "cluster_name",
      "cluster_id",
      "raft_cluster_id",
      "pgraft.cluster_name",
      "pgraft.cluster_id",
      "pgraft.initial_cluster_token",
    ],
  }),
  members: setting({
    key: "members",
    type: MEMBERS_TYPE,
    default: "",
    help:
      "The members that found the cluster, this node among them, the same on all of them",
    aliases: [
      "raft_peer_addresses",
      "node_endpoints",
      "pgraft.peers",
      "pgraft.cluster_addresses",
      "pgraft.initial_cluster",
    ].map((name) => ({ name, rewrite: membersFromPeers })),
  }),
  join: setting({
    key: "join",
    type: PEERS_TYPE,
    default: "",
    help:
      "Peers of a running cluster that this node joins, in place of members",
  }),
  adopt: setting({
    key: "adopt",
    type: BOOLEAN_TYPE,
    default: "false",
    help:
      "Whether the first database is the one that a member has already, the same on all that found the cluster",
  }),
  secretFile: setting({
    key: "secret_file",
    type: optionalType(PATH_TYPE, "none"),
    default: "/etc/pgraft/secret",
    defaultIfThere: true,
    leadsToSecret: true,
    help:
      "The file of the secret by which peers know each other, the same on all nodes",
  }),
  synchronousMode: setting({
    key: "synchronous_mode",
    type: wordType(["quorum", "strict", "off"]),
    default: "quorum",
    help:
      "Who must hold a commit; seeds the first formation, from then on Raft's value rules",
    aliases: [{ name: "synchronous_replication", rewrite: modeFromBoolean }],
  }),
  maximumLagBytes: setting({
    key: "maximum_lag_on_failover",
    type: byteSizeType({ min: 0, max: 1024 * 1024 * MB }),
    default: "1MB",
    help:
      "What synchronous_mode = off may lose when another member takes over by itself; seeds the first formation, from then on Raft's value rules",
  }),
};

/** The settings of `[cluster]` that are kept for all members from the founding on, by their names there. */
export const CLUSTER_SETTING_NAMES: readonly string[] = [
  CLUSTER_SETTINGS.synchronousMode.key,
  CLUSTER_SETTINGS.maximumLagBytes.key,
];

/** `[raft]`: consensus between the nodes. */
export const RAFT_SETTINGS = {
  listen: setting({
    key: "listen",
    type: ADDRESS_TYPE,
    default: "0.0.0.0:7400",
    help: "Where this node takes in its peers",
    aliases: [
      "raft.listen_addr",
      { name: "pgraft.listen_peer_urls", rewrite: addressFromUrl },
    ],
    parts: {
      host: ["raft_bind_address", "pgraft.listen_address"],
      port: ["raft_port", "rale_port", "pgraft_port"],
    },
  }),
  advertise: setting({
    key: "advertise",
    type: ADDRESS_TYPE,
    derived: "this node's address in cluster.members, else raft.listen",
    help: "Where peers reach this node",
    aliases: [
      { name: "pgraft.initial_advertise_peer_urls", rewrite: addressFromUrl },
    ],
    parts: {
      host: ["hostname", "pgraft.address", "pgraft.node_ip"],
      port: ["pgraft.port"],
    },
  }),
  heartbeatIntervalMs: setting({
    key: "heartbeat_interval",
    type: durationType({ min: 10, max: MINUTE_MS }, "ms"),
    default: "100ms",
    help: "How often a leader tells its peers that it is there",
    aliases: [
      "heartbeat_interval",
      "heartbeat_interval_ms",
      "raft_heartbeat_interval",
      "pgraft.heartbeat_interval",
    ],
  }),
  electionTimeoutMs: setting({
    key: "election_timeout",
    type: durationType({ min: 100, max: 5 * MINUTE_MS }, "ms"),
    default: "1s",
    help:
      "How long a leader may be silent before another is elected, at least 3 heartbeats",
    aliases: [
      "election_timeout",
      "election_timeout_ms",
      "raft_election_timeout",
      "pgraft.election_timeout",
    ],
  }),
  snapshotDistance: setting({
    key: "snapshot_distance",
    type: integerType({ min: 100, max: 100_000_000 }),
    default: "10000",
    help: "The fewest entries between two snapshots of the replicated state",
    aliases: [
      "snapshot_distance",
      "raft.snapshot_threshold",
      "pgraft.snapshot_threshold",
      "pgraft.snapshot_count",
      "snapshot_count",
    ],
  }),
  maxEntrySizeBytes: setting({
    key: "max_entry_size",
    type: byteSizeType({ min: KB, max: 64 * MB }),
    default: "1MB",
    help: "The largest entry that the replicated log takes",
    aliases: [
      "max_entry_size",
      "max_request_bytes",
      "pgraft.max_request_bytes",
    ],
  }),
  tlsCert: setting({
    key: "tls_cert",
    type: optionalType(PATH_TYPE, "no TLS"),
    default: "",
    help:
      "The certificate chain that this node shows its peers, and they it, PEM; all between them is over TLS then",
    aliases: ["peer_cert_file", "pgraft.peer_cert_file"],
  }),
  tlsKey: setting({
    key: "tls_key",
    type: optionalType(PATH_TYPE, "no TLS"),
    default: "",
    leadsToSecret: true,
    help: "The private key of that certificate, PEM, without a passphrase",
    aliases: ["peer_key_file", "pgraft.peer_key_file"],
  }),
  tlsCa: setting({
    key: "tls_ca",
    type: optionalType(PATH_TYPE, "no TLS"),
    default: "",
    help: "The authorities that sign the certificates of all members, PEM",
    aliases: ["peer_trusted_ca_file", "pgraft.peer_trusted_ca_file"],
  }),
  tlsOptional: setting({
    key: "tls_optional",
    type: BOOLEAN_TYPE,
    default: "false",
    help:
      "Whether peers without TLS are taken in and reached too, while a running cluster turns it on",
  }),
};

/** `[api]`: the HTTP interface of this node. */
export const API_SETTINGS = {
  listen: setting({
    key: "listen",
    type: ADDRESS_TYPE,
    default: "127.0.0.1:8008",
    help: "Where this node answers HTTP",
    aliases: [{ name: "pgraft.listen_client_urls", rewrite: addressFromUrl }],
    parts: { host: ["http_bind_address"], port: ["http_port", "api_port"] },
  }),
  advertise: setting({
    key: "advertise",
    type: ADDRESS_TYPE,
    derived:
      "api.listen; the host of raft.advertise where that is every interface",
    help: "Where other nodes and pgraft ctl reach this node's HTTP interface",
    aliases: [{
      name: "pgraft.advertise_client_urls",
      rewrite: addressFromUrl,
    }],
  }),
  tokenFile: setting({
    key: "token_file",
    type: optionalType(PATH_TYPE, "none"),
    default: "",
    leadsToSecret: true,
    help:
      "The file of the token that allows everything; without it changes are taken from loopback only",
  }),
  readTokenFile: setting({
    key: "read_token_file",
    type: optionalType(PATH_TYPE, "none"),
    default: "",
    leadsToSecret: true,
    help: "The file of the token that allows reading",
  }),
  tlsCert: setting({
    key: "tls_cert",
    type: optionalType(PATH_TYPE, "plain HTTP"),
    default: "",
    help:
      "The certificate chain of the HTTP interface, PEM; it answers HTTPS only then",
    aliases: ["cert_file", "tls_cert_file", "pgraft.cert_file"],
  }),
  tlsKey: setting({
    key: "tls_key",
    type: optionalType(PATH_TYPE, "plain HTTP"),
    default: "",
    leadsToSecret: true,
    help: "The private key of tls_cert, PEM",
    aliases: ["key_file", "tls_key_file", "pgraft.key_file"],
  }),
  tlsCa: setting({
    key: "tls_ca",
    type: optionalType(PATH_TYPE, "not checked"),
    default: "",
    help:
      "The authorities that sign the certificates of HTTP interfaces and of their callers, PEM",
    aliases: ["trusted_ca_file", "tls_ca_file", "pgraft.trusted_ca_file"],
  }),
  tlsVerifyClients: setting({
    key: "tls_verify_clients",
    type: BOOLEAN_TYPE,
    default: "false",
    help:
      "Whether callers must show a certificate that an authority of tls_ca has signed",
    aliases: ["client_cert_auth", "pgraft.client_cert_auth"],
  }),
};

export { POSTGRESQL_SETTINGS };

/** `[router]`: the ports that lead clients to the right node. */
export const ROUTER_SETTINGS = {
  readWrite: setting({
    key: "read_write",
    type: optionalType(ADDRESS_TYPE, "off"),
    default: "0.0.0.0:7432",
    help: "The port that leads to the primary",
  }),
  readOnly: setting({
    key: "read_only",
    type: optionalType(ADDRESS_TYPE, "off"),
    default: "0.0.0.0:7433",
    help: "The port that leads to standbys in turn",
  }),
  threads: setting({
    key: "threads",
    type: integerType({ min: 0, max: 64 }),
    default: "0",
    help:
      "How many threads pass bytes at most; 0 is one for each processor, up to 8",
  }),
  maxConnections: setting({
    key: "max_connections",
    type: integerType({ min: 1, max: 1_000_000 }),
    default: "10000",
    help:
      "How many sessions the router takes at most, those that wait among them",
  }),
  maxWaiting: setting({
    key: "max_waiting",
    type: integerType({ min: 0, max: 1_000_000 }),
    default: "1000",
    help: "How many sessions may wait for a primary",
  }),
  waitTimeoutMs: setting({
    key: "wait_timeout",
    type: durationType({ min: 0, max: HOUR_MS }, "ms"),
    default: "10s",
    help: "How long a new session waits for a primary before it is refused",
  }),
  startupTimeoutMs: setting({
    key: "startup_timeout",
    type: durationType({ min: 100, max: HOUR_MS }, "ms"),
    default: "10s",
    help: "How long a client may take until it has said who it is",
  }),
  connectTimeoutMs: setting({
    key: "connect_timeout",
    type: durationType({ min: 10, max: 5 * MINUTE_MS }, "ms"),
    default: "2s",
    help: "How long a node may take to take a session before another is tried",
  }),
  idleTimeoutMs: setting({
    key: "idle_timeout",
    type: durationType({ min: 0, max: 30 * DAY_MS }, "ms"),
    default: "0ms",
    help: "After how long without a byte a session is ended; 0 is never",
  }),
  stallTimeoutMs: setting({
    key: "stall_timeout",
    type: durationType({ min: 0, max: DAY_MS }, "ms"),
    default: "15min",
    help:
      "How long one side may take nothing that the other has sent; 0 is for ever",
  }),
  maxLagBytes: setting({
    key: "max_lag",
    type: byteSizeType({ min: 0, max: 1024 * 1024 * MB }),
    default: "16MB",
    help: "A standby that is further behind takes no new sessions",
  }),
  readOnlyFallback: setting({
    key: "read_only_fallback",
    type: BOOLEAN_TYPE,
    default: "true",
    help: "Whether read_only leads to the primary while no standby can be read",
  }),
  proxyProtocol: setting({
    key: "proxy_protocol",
    type: BOOLEAN_TYPE,
    default: "false",
    help:
      "Whether every client comes through a balancer that speaks the PROXY protocol, version 2",
  }),
};

/** `[bridge]`: SQL functions and how they reach this node. */
export const BRIDGE_SETTINGS = {
  createExtension: setting({
    key: "create_extension",
    type: BOOLEAN_TYPE,
    default: "true",
    help:
      "Whether the extension pgraft is made in the database postgres, and upgraded, by itself",
  }),
  listen: setting({
    key: "listen",
    type: optionalType(ADDRESS_TYPE, "off"),
    default: "",
    help:
      "Where psql may call the functions of this node over TCP, with a token of the HTTP interface as password",
  }),
};

/** `[log]`: what this node writes about itself. */
export const LOG_SETTINGS = {
  level: setting({
    key: "level",
    type: wordType(["debug", "info", "warning", "error", "fatal"], {
      "0": "debug",
      "1": "info",
      "2": "warning",
      "3": "error",
      notice: "info",
      warn: "warning",
    }),
    default: "info",
    help: "The least severe messages that are logged",
    aliases: ["log_level", "raft_log_level", "pgraft.log_level"],
  }),
  format: setting({
    key: "format",
    type: wordType(["text", "json"]),
    default: "text",
    help: "The form of log lines",
    aliases: ["log_format"],
  }),
  audit: setting({
    key: "audit",
    type: wordType(["control", "all", "off"]),
    default: "control",
    help:
      "Which changing calls are logged: of cluster, nodes and configuration, those of keys and entries as well, or none",
  }),
};

/** The table of settings: every section with its rows, in the order of the file. */
export const SECTIONS = {
  node: NODE_SETTINGS,
  cluster: CLUSTER_SETTINGS,
  raft: RAFT_SETTINGS,
  api: API_SETTINGS,
  postgresql: POSTGRESQL_SETTINGS,
  router: ROUTER_SETTINGS,
  bridge: BRIDGE_SETTINGS,
  log: LOG_SETTINGS,
};
