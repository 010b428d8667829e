import { bareFunction, functionsOf } from "./rows.ts";
import type { SqlFunction } from "./types.ts";

const CLUSTER_STATUS =
  "node_id integer, current_term bigint, leader_id bigint, state text, num_nodes integer, " +
  "messages_processed bigint, heartbeats_sent bigint, elections_triggered bigint";
const LOG_STATS =
  "log_size bigint, last_index bigint, commit_index bigint, last_applied bigint, " +
  "replicated bigint, committed bigint, applied bigint, errors bigint";

/** What version 1.1 adds of a node and the group. */
const STATE: readonly SqlFunction[] = [
  ...functionsOf("Node and members", "1.1", [
    {
      name: "pgraft_get_version",
      returns: "text",
      doc: "The same in another form, `pgraft-1.2.3`.",
    },
    {
      name: "pgraft_bootstrap_cluster",
      returns: "boolean",
      access: "admin",
      operation: "pgraft_init",
      doc:
        "True once the cluster is founded and this node takes part. The nodes found it by themselves.",
    },
    {
      name: "pgraft_get_nodes",
      returns: {
        rows: "node_id integer, address text, port integer, is_leader boolean",
      },
      doc: "The members, with where Raft reaches them.",
    },
    {
      name: "pgraft_get_nodes_json",
      returns: "text",
      doc: 'JSON: `{"nodes": [{"id", "address", "port"}]}`.',
    },
    {
      name: "pgraft_get_nodes_v1",
      returns: "text",
      operation: "pgraft_get_nodes_json",
      doc: "Another name of it.",
    },
    {
      name: "pgraft_get_nodes_from_raft",
      returns: "text",
      doc: 'JSON: `[{"id", "name", "address", "active"}]`.',
    },
    {
      name: "pgraft_get_node_info",
      returns: {
        rows:
          "node_id integer, node_name text, node_ip text, is_primary boolean, cluster_name text",
      },
      doc: "This node; `is_primary` is PostgreSQL's.",
    },
  ]),
  ...functionsOf("State", "1.1", [
    {
      name: "pgraft_status",
      returns: {
        rows:
          "node_id integer, node_name text, state text, waiting_for text, raft_state text, term bigint, " +
          "leader_id bigint, is_leader boolean, has_quorum boolean, num_nodes integer, primary_id integer, " +
          "epoch bigint, postgres_role text, postgres_state text, uptime_seconds bigint",
      },
      doc: "This node in one row.",
    },
    {
      name: "pgraft_get_cluster_status",
      returns: { rows: CLUSTER_STATUS },
      doc: "The group as this node sees it; the counts are since its start.",
    },
    {
      name: "pgraft_get_cluster_status_v1",
      returns: {
        rows:
          "node_count integer, is_leader boolean, leader_id integer, has_quorum boolean",
      },
      doc: "The same in the first form.",
    },
    {
      name: "pgraft_get_worker_state",
      returns: "text",
      doc:
        "`INITIALIZING` while the node founds or joins, `RUNNING`, `STOPPING`, or `ERROR` once it was removed.",
    },
    {
      name: "pgraft_get_applied_index",
      returns: "bigint",
      doc: "The last entry of the Raft log that this node has applied.",
    },
    {
      name: "pgraft_get_queue_status",
      returns: {
        rows:
          "cmd_position integer, command_type integer, node_id integer, address text, port integer, log_data text",
      },
      access: "admin",
      doc:
        "Changes that came by SQL to this node and are under way. `command_type`: 1 add, 2 remove a member, 3 log, 4 put, 5 delete a key, 6 other.",
    },
    {
      name: "pgraft_force_election",
      returns: "boolean",
      access: "admin",
      doc: "Has this node stand for leadership; true once it leads.",
    },
    {
      name: "pgraft_test",
      returns: "boolean",
      doc: "True when the agent answers.",
    },
    {
      name: "pgraft_test_v1",
      returns: "integer",
      doc: "1 when the agent answers.",
    },
  ]),
];

/** What version 1.1 adds of log and store. */
const DATA: readonly SqlFunction[] = [
  ...functionsOf("Log", "1.1", [
    {
      name: "pgraft_replicate_entry",
      takes: "entry_data text",
      returns: "boolean",
      access: "admin",
      operation: "pgraft_append_log",
      doc: "The same as `pgraft_append_log`.",
    },
    {
      name: "pgraft_log_append",
      takes: "term bigint, data text",
      returns: "boolean",
      access: "admin",
      doc:
        "Appends an entry, and refuses when the term is another than the present one. On the leader.",
    },
    {
      name: "pgraft_log_commit",
      takes: "index bigint",
      returns: "boolean",
      operation: "pgraft_commit_log",
      doc: "The same as `pgraft_commit_log`.",
    },
    {
      name: "pgraft_log_apply",
      takes: "index bigint",
      returns: "boolean",
      operation: "pgraft_commit_log",
      doc: "The same: what is committed here is applied.",
    },
    {
      name: "pgraft_log_get_entry",
      takes: "index bigint",
      returns: "text",
      doc:
        "An entry in words: index, term, timestamp (the log keeps none), data, committed, applied.",
    },
    {
      name: "pgraft_log_get_stats",
      returns: { rows: LOG_STATS },
      doc:
        "The log of entries as this node has it. `replicated`, `committed` and `applied` count entries; `errors` counts appends by SQL that failed here.",
    },
    {
      name: "pgraft_log_get_replication_status",
      returns: { rows: LOG_STATS },
      operation: "pgraft_log_get_stats",
      doc: "The same.",
    },
    {
      name: "pgraft_log_sync_with_leader",
      returns: "boolean",
      doc:
        "True once this node has applied everything that was committed before the call.",
    },
  ]),
  ...functionsOf("Key-value store", "1.1", [
    {
      name: "pgraft_kv_put",
      takes: "key text, value text",
      returns: "boolean",
      access: "admin",
      doc:
        "Sets a key; true once it is committed. False for a key that is NULL or empty, and for a value that is NULL. On the leader.",
    },
    {
      name: "pgraft_kv_get",
      takes: "key text",
      returns: "text",
      doc:
        "The value, NULL when there is none. Sees everything that was acknowledged before, on any node.",
    },
    {
      name: "pgraft_kv_delete",
      takes: "key text",
      returns: "boolean",
      access: "admin",
      doc:
        "Deletes a key; true when there was one and that is committed. On the leader.",
    },
    {
      name: "pgraft_kv_exists",
      takes: "key text",
      returns: "boolean",
      doc: "Whether there is such a key.",
    },
    {
      name: "pgraft_kv_list_keys",
      returns: "text",
      doc: "JSON: the keys in order, 10 000 at most.",
    },
    {
      name: "pgraft_kv_get_stats",
      returns: {
        rows:
          "num_entries integer, total_operations bigint, last_applied_index bigint, puts bigint, " +
          "deletes bigint, gets bigint, active_entries integer, deleted_entries integer",
      },
      doc:
        "The store as this node has it; operations are those by SQL on this node since its start. No deleted entry is kept.",
    },
    {
      name: "pgraft_kv_compact",
      returns: "boolean",
      access: "admin",
      doc:
        "Takes a snapshot, which lets the log go before it; true once it has begun. Old values are never kept.",
    },
    {
      name: "pgraft_kv_reset",
      returns: "boolean",
      access: "admin",
      doc: "Deletes all keys; true once that is committed. On the leader.",
    },
  ]),
  refusing(
    "pgraft_kv_put_local",
    "key text, value text",
    "boolean",
    "pgraft_kv_put(key, value)",
  ),
  refusing(
    "pgraft_kv_delete_local",
    "key text",
    "boolean",
    "pgraft_kv_delete(key)",
  ),
  refusing(
    "pgraft_record_applied_index",
    "index bigint",
    "nothing",
    "pgraft_get_applied_index(), which every node keeps itself",
  ),
];

function refusing(
  name: string,
  takes: string,
  returns: "boolean" | "nothing",
  instead: string,
): SqlFunction {
  const doc = `Refused (0A000): use \`${instead}\`.`;
  return {
    ...bareFunction("Key-value store", "1.1", {
      name,
      takes,
      returns,
      access: "admin",
      doc,
    }),
    does: {
      kind: "refuse",
      why: `${name} would change one node without the others, and is not done`,
      instead: `Use ${instead}.`,
    },
  };
}

/** What version 1.1 adds of health, and of PostgreSQL's failover. */
const OPERATING: readonly SqlFunction[] = [
  ...functionsOf("Health and measurements", "1.1", [
    {
      name: "pgraft_is_healthy",
      returns: "boolean",
      doc: "Whether this node runs, knows a leader and has no trouble.",
    },
    {
      name: "pgraft_get_metrics",
      returns: { rows: "name text, labels text, value double precision" },
      doc: "What `/metrics` says; labels as JSON.",
    },
    {
      name: "pgraft_set_debug",
      takes: "enabled boolean",
      returns: "boolean",
      access: "admin",
      doc:
        "Has this node's agent log debug events, or go back to its log level; true once it does. Ends with the agent.",
    },
    {
      name: "pgraft_get_logs",
      returns: {
        rows: "logged_at timestamptz, level text, source text, message text",
      },
      access: "admin",
      doc: "The last 1000 lines that this node's agent has logged.",
    },
  ]),
  ...functionsOf("PostgreSQL's failover", "1.1", [
    {
      name: "pgraft_switchover",
      takes: "target integer = NULL",
      returns: { rows: "primary_id integer, epoch bigint" },
      access: "admin",
      waitMs: 75_000,
      doc:
        "Changes the primary, to a node or to the best one; answers once it is open. The sessions of both end, the caller's too if it is on either.",
    },
    {
      name: "pgraft_explain",
      returns: { rows: "member integer, code text, explanation text" },
      doc:
        "Why things are as they are; `member` is NULL for what is about the cluster.",
    },
    {
      name: "pgraft_failover_history",
      returns: {
        rows:
          "epoch bigint, kind text, reason text, detail text, from_id integer, to_id integer, timeline bigint, " +
          "start_lsn text, why text, lost_at timestamptz, detected_at timestamptz, granted_at timestamptz, " +
          "promoted_at timestamptz, opened_at timestamptz, gap_ms bigint",
      },
      doc:
        "The last 100 changes of primary, newest first; times by the clock of whoever proposed the step.",
    },
  ]),
];

/** All that version 1.1 adds. */
export const LATER_FUNCTIONS: readonly SqlFunction[] = [
  ...STATE,
  ...DATA,
  ...OPERATING,
];
