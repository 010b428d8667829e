import { assert, assertEquals } from "@std/assert";
import {
  ALL_NAMES,
  lookUpName,
  nameOfVariable,
  nearestName,
  SETTINGS,
} from "./names.ts";

function targetOf(name: string, key = name): string {
  const target = lookUpName(name, key);
  if (target === null) return "unknown";
  if (target.kind === "inert") return "inert";
  if (target.kind === "free") return `${target.section.name}:${target.key}`;
  const part = target.part === "whole" ? "" : ` ${target.part}`;
  return target.setting.name + part;
}

Deno.test("no two settings share a name, a flag, a variable or an alias", () => {
  const names = ALL_NAMES.map(([name]) => name);
  const repeated = names.filter((name, index) => names.indexOf(name) !== index);
  assertEquals(repeated, []);
  for (const property of ["flag", "variable"] as const) {
    assertEquals(
      new Set(SETTINGS.map((known) => known[property])).size,
      SETTINGS.length,
    );
  }
});

Deno.test("every default is allowed and read as itself", () => {
  for (const { name, row } of SETTINGS) {
    if (row.default === undefined) continue;
    const parsed = row.type.parse(row.default);
    assert(parsed.ok, `the default of ${name} must be allowed`);
    assertEquals(row.type.format(parsed.value), row.default, name);
  }
});

Deno.test("every setting has a help of one line and either a default or a reason for none", () => {
  for (const { name, row } of SETTINGS) {
    assert(row.help.length > 10 && !/\n|\.$/.test(row.help), `help of ${name}`);
    const isRequired = row.default === undefined && row.derived === undefined;
    assertEquals(isRequired, name === "node.id", name);
  }
});

Deno.test("flags and variables follow from section and key", () => {
  const setting = SETTINGS.find(({ name }) => name === "postgresql.data_dir");
  assertEquals(setting?.flag, "--postgresql-data-dir");
  assertEquals(setting?.variable, "PGRAFT_POSTGRESQL_DATA_DIR");
});

Deno.test("lookUpName() finds settings by their own and their other names", () => {
  const table: readonly (readonly [string, string, string])[] = [
    ["raft.listen", "listen", "raft.listen"],
    ["raft_node_id", "raft_node_id", "node.id"],
    ["cluster.node_id", "node_id", "node.id"],
    ["pgraft.node_id", "node_id", "node.id"],
    ["pgraft.pgraft.node_id", "pgraft.node_id", "node.id"],
    ["cluster.primary_port", "primary_port", "postgresql.listen port"],
    ["cluster.data_directory", "data_directory", "postgresql.data_dir"],
    ["cluster.log_level", "log_level", "log.level"],
    ["cluster.data_dir", "data_dir", "node.data_dir"],
    [
      "replication.max_wal_senders",
      "max_wal_senders",
      "postgresql.parameters:max_wal_senders",
    ],
    [
      "global.raft_heartbeat_interval",
      "raft_heartbeat_interval",
      "raft.heartbeat_interval",
    ],
    [
      "pgraft.heartbeat_interval",
      "heartbeat_interval",
      "raft.heartbeat_interval",
    ],
    ["pgraft.snapshot_count", "snapshot_count", "raft.snapshot_distance"],
    ["raft_peer_addresses", "raft_peer_addresses", "cluster.members"],
    ["raft_bind_address", "raft_bind_address", "raft.listen host"],
    ["http_port", "http_port", "api.listen port"],
    ["postgresql.port", "port", "postgresql.listen port"],
    [
      "postgresql.parameters.work_mem",
      "work_mem",
      "postgresql.parameters:work_mem",
    ],
    [
      "postgresql.parameters.auto_explain.log_min_duration",
      "log_min_duration",
      "postgresql.parameters:auto_explain.log_min_duration",
    ],
    [
      "postgresql.parameters.pgraft.election_timeout",
      "election_timeout",
      "raft.election_timeout",
    ],
    ["postgresql.hba.node_id", "node_id", "postgresql.hba:node_id"],
    ["postgresql_shmem_size", "postgresql_shmem_size", "inert"],
    ["node_2_hostname", "node_2_hostname", "inert"],
    ["log_rotation_size", "log_rotation_size", "inert"],
    ["router.port", "port", "unknown"],
    ["node.nam", "nam", "unknown"],
    ["listen", "listen", "unknown"],
    ["node.toString", "toString", "unknown"],
    ["__proto__", "__proto__", "unknown"],
  ];
  for (const [name, key, expected] of table) {
    assertEquals(targetOf(name, key), expected, name);
  }
});

Deno.test("nameOfVariable() finds settings, older names and free keys", () => {
  const table: Readonly<Record<string, string>> = {
    PGRAFT_NODE_ID: "node.id",
    PGRAFT_POSTGRESQL_DATA_DIR: "postgresql.data_dir",
    PGRAFT_HEARTBEAT_INTERVAL: "raft.heartbeat_interval",
    PGRAFT_RAFT_NODE_ID: "node.id",
    PGRAFT_CLUSTER_SIZE: "inert",
    PGRAFT_POSTGRESQL_PARAMETERS_WORK_MEM: "postgresql.parameters:work_mem",
    PGRAFT_POSTGRESQL_PARAMETERS_: "unknown",
    PGRAFT_NODE_IDD: "unknown",
  };
  for (const [variable, expected] of Object.entries(table)) {
    assertEquals(
      targetOf(nameOfVariable(variable) ?? "no such name"),
      expected,
      variable,
    );
  }
});

Deno.test("nearestName() names the setting that was meant", () => {
  const table: readonly (readonly [string, string | null])[] = [
    ["raft.electoin_timeout", "raft.election_timeout"],
    ["node.nam", "node.name"],
    ["rafts.listen", "raft.listen"],
    ["router.listen", "raft.listen"],
    ["raft.data_dir", "node.data_dir"],
    ["postgres.data_dir", "postgresql.data_dir"],
    ["members", "cluster.members"],
    ["raft_nod_id", "raft_node_id (node.id)"],
    ["cluster.something_else_altogether", null],
  ];
  for (const [name, nearest] of table) {
    assertEquals(nearestName(name), nearest, name);
  }
});
