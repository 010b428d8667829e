import { tlsPaths } from "./tls.ts";
import type { InstanceOptions, Rendering, Upstream } from "./types.ts";

/** Fewer walsenders or slots than this do not serve a cluster and its clones. */
const MIN_WAL_SENDERS = 10;
/** pgraft keeps three connections and opens others for moments. */
const MIN_RESERVED_CONNECTIONS = 5;

/** Settings that pgraft owns, with the reason: they come from its configuration or keep its promises. */
const OWNED_REASONS: ReadonlyMap<string, string> = new Map([
  ...["listen_addresses", "port"].map((name): [string, string] => [
    name,
    "it comes from pgraft's own address for PostgreSQL",
  ]),
  ...[
    "unix_socket_directories",
    "unix_socket_permissions",
    "unix_socket_group",
    "data_directory",
    "config_file",
    "hba_file",
    "ident_file",
    "external_pid_file",
    "cluster_name",
  ].map((
    name,
  ): [string, string] => [
    name,
    "pgraft decides where its files and sockets are",
  ]),
  ...["primary_conninfo", "primary_slot_name", "promote_trigger_file"].map((
    name,
  ): [string, string] => [name, "pgraft decides who follows whom"]),
  ...["synchronous_standby_names", "synchronous_commit"].map((
    name,
  ): [string, string] => [
    name,
    "it decides whether an acknowledged commit survives a failover; use synchronous_mode",
  ]),
  ...["fsync", "full_page_writes", "wal_log_hints"].map((
    name,
  ): [string, string] => [
    name,
    "without it a crash or a rejoin can lose data",
  ]),
  ...["lc_messages", "logging_collector", "log_destination"].map((
    name,
  ): [string, string] => [
    name,
    "pgraft keeps the server's log, and reads in it why a stream broke",
  ]),
  [
    "restart_after_crash",
    "a primary that crashed must be granted anew before it opens",
  ],
  ...["hot_standby", "hot_standby_feedback"].map((name): [string, string] => [
    name,
    "pgraft needs it as it is to watch standbys",
  ]),
  ...[
    "restore_command",
    "recovery_min_apply_delay",
    "recovery_target",
    "recovery_target_action",
    "recovery_target_inclusive",
    "recovery_target_lsn",
    "recovery_target_name",
    "recovery_target_time",
    "recovery_target_timeline",
    "recovery_target_xid",
  ].map((
    name,
  ): [string, string] => [
    name,
    "recovery must reach the end of the log before a failover",
  ]),
  ...[
    "wal_receiver_status_interval",
    "wal_retrieve_retry_interval",
    "wal_receiver_timeout",
    "wal_sender_timeout",
  ].map((
    name,
  ): [string, string] => [name, "the detection of failures is built on it"]),
]);

/**
 * Says why users cannot set a parameter.
 *
 * @param name The parameter, in any case.
 * @returns The reason, or null when it is theirs to set.
 *
 * @example Usage
 * ```ts
 * import { ownedReason } from "./settings.ts";
 *
 * if (ownedReason("work_mem") !== null) throw new Error("It is the users'");
 * if (ownedReason("FSYNC") === null) throw new Error("It is pgraft's");
 * ```
 */
export function ownedReason(name: string): string | null {
  return OWNED_REASONS.get(name.toLowerCase()) ?? null;
}

function atLeast(least: number, given: string | undefined): string {
  const value = Number(given);
  return given !== undefined && value > least ? given : String(least);
}

/** The users' parameters, and the least that the data's own log asks for of some of them (T30). */
export interface Given {
  readonly parameters: ReadonlyMap<string, string>;
  readonly least: ReadonlyMap<string, number>;
}

/** What a start of any kind needs: also one that pgraft did not order (R25) and pg_rewind's own. */
export function fixedSettings(given: Given): Map<string, string> {
  const settings = standingSettings(given.parameters);
  for (const [name, least] of given.least) {
    const value = settings.get(name) ?? given.parameters.get(name);
    // One that nobody has set is raised only beyond what PostgreSQL has by itself.
    const present = Number(value ?? DEFAULT_LEAST.get(name));
    if (least > present) settings.set(name, String(least));
  }
  return settings;
}

/** What the users' parameters ask for of the settings that a standby must not have less of (T30). */
export function wantedLeast(
  parameters: ReadonlyMap<string, string>,
): Map<string, number> {
  const standing = standingSettings(parameters);
  return new Map([...DEFAULT_LEAST].map(([name, byDefault]) => {
    const value = standing.get(name) ?? parameters.get(name) ?? byDefault;
    return [name, Number(value)];
  }));
}

/** What PostgreSQL has of the settings of {@linkcode Given.least} where nobody says. */
const DEFAULT_LEAST: ReadonlyMap<string, number> = new Map([
  ["max_connections", 100],
  ["max_worker_processes", 8],
  ["max_wal_senders", MIN_WAL_SENDERS],
  ["max_prepared_transactions", 0],
  ["max_locks_per_transaction", 64],
]);

function standingSettings(
  given: ReadonlyMap<string, string>,
): Map<string, string> {
  return new Map([
    ["wal_level", given.get("wal_level") === "logical" ? "logical" : "replica"],
    ["hot_standby", "on"],
    // Why a stream broke is read in the server's log.
    ["lc_messages", "C"],
    ["logging_collector", "off"],
    ["log_destination", "stderr"],
    ["wal_log_hints", "on"],
    ["fsync", "on"],
    ["full_page_writes", "on"],
    // R24
    ["restart_after_crash", "off"],
    ["recovery_target_timeline", "latest"],
    ["max_wal_senders", atLeast(MIN_WAL_SENDERS, given.get("max_wal_senders"))],
    [
      "max_replication_slots",
      atLeast(MIN_WAL_SENDERS, given.get("max_replication_slots")),
    ],
    [
      "superuser_reserved_connections",
      atLeast(
        MIN_RESERVED_CONNECTIONS,
        given.get("superuser_reserved_connections"),
      ),
    ],
  ]);
}

/** R27: what a start that pgraft orders fixes on the command line, beyond ALTER SYSTEM's reach. */
export function commandLineSettings(
  options: InstanceOptions,
  given: Given,
  files: {
    readonly hbaFile: string;
    readonly identFile: string;
    readonly socketDirs: readonly string[];
  },
): Map<string, string> {
  return new Map([
    ...fixedSettings(given),
    ["hba_file", files.hbaFile],
    ["ident_file", files.identFile],
    ["listen_addresses", options.listen.host],
    ["port", String(options.listen.port)],
    [
      "unix_socket_directories",
      files.socketDirs.map((dir) => `"${dir}"`).join(", "),
    ],
    ["cluster_name", options.clusterName],
  ]);
}

/** What the server's own files quote with: a quote is doubled, and so is a backslash. */
export function quoteSetting(value: string): string {
  return `'${value.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`;
}

function quoteConninfo(value: string): string {
  return `'${value.replaceAll(/(['\\])/g, "\\$1")}'`;
}

/** Writes a connection string; passwords come from the password file. */
export function conninfo(parts: Readonly<Record<string, string>>): string {
  return Object.entries(parts).map(([name, value]) =>
    `${name}=${quoteConninfo(value)}`
  )
    .join(" ");
}

/** How this node reaches another PostgreSQL as the replication role. */
export function upstreamConninfo(
  options: InstanceOptions,
  passFile: string,
  upstream: Omit<Upstream, "slotName">,
): Record<string, string> {
  return {
    host: upstream.host,
    port: String(upstream.port),
    user: options.replicationUser,
    passfile: passFile,
    application_name: upstream.applicationName,
    connect_timeout: "2",
    keepalives_idle: "2",
    keepalives_interval: "1",
    keepalives_count: "3",
    tcp_user_timeout: "3000",
    ...options.tls
      ? { sslmode: "verify-ca", sslrootcert: tlsPaths(options).ca }
      : {},
  };
}

/** Values as PostgreSQL shows them, so that they can be compared. */
const STEADY_SETTINGS: readonly (readonly [string, string])[] = [
  ["restore_command", ""],
  ["synchronous_commit", "on"],
  // T7: a standby's word must not wait for its next tenth second.
  ["wal_receiver_status_interval", "1s"],
  // T23
  ["wal_retrieve_retry_interval", "100ms"],
  // A living but idle primary is asked after half of it.
  ["wal_receiver_timeout", "1500ms"],
  ["wal_sender_timeout", "10s"],
  ["hot_standby_feedback", "off"],
  ["recovery_min_apply_delay", "0"],
];

/**
 * How much log is kept, unless the users say: for slots of members that are away, and for pg_rewind, which
 * goes back to the checkpoint before two histories parted, while a recovery recycles what is older than its own.
 */
const RETENTION: readonly (readonly [string, string])[] = [
  ["max_slot_wal_keep_size", "1GB"],
  ["wal_keep_size", "256MB"],
];

/** Every setting that is rendered for every server. */
export const OWNED_NAMES: readonly string[] = [
  "primary_conninfo",
  "primary_slot_name",
  "synchronous_standby_names",
  ...RETENTION.map(([name]) => name),
  ...STEADY_SETTINGS.map(([name]) => name),
];

/** R27: the settings that can change while the server runs, last in postgresql.auto.conf. */
export function ownedSettings(
  options: InstanceOptions,
  parameters: ReadonlyMap<string, string>,
  passFile: string,
  config: Rendering,
): Map<string, string> {
  const { upstream } = config;
  const settings = new Map([
    [
      "primary_conninfo",
      upstream === null
        ? ""
        : conninfo(upstreamConninfo(options, passFile, upstream)),
    ],
    ["primary_slot_name", upstream?.slotName ?? ""],
    ["synchronous_standby_names", config.synchronousStandbyNames],
    ...STEADY_SETTINGS,
  ]);
  for (const [name, value] of RETENTION) {
    if (!parameters.has(name)) settings.set(name, value);
  }
  for (const [name, value] of config.owned) {
    settings.set(name.toLowerCase(), value);
  }
  return settings;
}

/** The users' parameters that are theirs to set. */
export function userSettings(given: Given): Map<string, string> {
  const fixed = fixedSettings(given);
  const entries = [...given.parameters].map((
    [name, value],
  ): [string, string] => [
    name.toLowerCase(),
    value,
  ]);
  return new Map(
    entries.filter(([name]) => ownedReason(name) === null && !fixed.has(name)),
  );
}

/** Writes settings as lines of a configuration file. */
export function formatSettings(settings: ReadonlyMap<string, string>): string {
  return [...settings].map(([name, value]) =>
    `${name} = ${quoteSetting(value)}\n`
  ).join("");
}

/** R27: keeps the lines of others, drops those that set an owned name, and puts ours last. */
export function mergeAutoConf(
  former: string,
  owned: ReadonlyMap<string, string>,
): string {
  const kept = former.split("\n").filter((line) => {
    if (line.trim() === "" || line === AUTO_CONF_MARK) return false;
    const name = /^\s*([A-Za-z_][\w.]*)/.exec(line)?.[1]?.toLowerCase();
    return name === undefined || !owned.has(name);
  });
  return [...kept, AUTO_CONF_MARK, formatSettings(owned)].join("\n");
}

const AUTO_CONF_MARK = "# Owned by pgraft, which undoes changes:";
