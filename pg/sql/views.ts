import { fields } from "./rows.ts";
import type { SqlView } from "./types.ts";

interface ViewRow {
  readonly schema?: "public";
  readonly name: string;
  readonly has: string;
  readonly operation?: string;
  readonly access?: "admin";
  readonly doc: string;
}

const ROWS: readonly ViewRow[] = [
  {
    name: "cluster_overview",
    has:
      "node_id integer, name text, kind text, role text, state text, raft text, is_leader boolean, is_primary boolean, " +
      "host text, port integer, timeline bigint, lsn text, lag_bytes bigint, sync boolean, last_contact_ms bigint, trouble text",
    doc: "One row a member: `/v1/cluster` as SQL.",
  },
  {
    name: "replication",
    has:
      "node_id integer, name text, role text, state text, epoch bigint, upstream integer, lsn text, replay_lsn text, " +
      "lag_bytes bigint, sync boolean, streaming boolean",
    doc: "How far each member with PostgreSQL is, by what its agent last told.",
  },
  {
    name: "failover_history",
    has:
      "epoch bigint, kind text, reason text, detail text, from_id integer, to_id integer, timeline bigint, " +
      "start_lsn text, why text, lost_at timestamptz, detected_at timestamptz, granted_at timestamptz, " +
      "promoted_at timestamptz, opened_at timestamptz, gap_ms bigint",
    operation: "pgraft_failover_history",
    doc: "The same as `pgraft_failover_history()`.",
  },
  {
    name: "settings",
    has:
      "name text, setting text, unit text, scope text, change text, file_setting text, state text, reason text, description text",
    doc:
      "Every `pgraft.*` setting with the value in force: what `SHOW` says is only what the server's files say.",
  },
  {
    name: "cluster_formation",
    has:
      "cluster_name text, cluster_id text, state text, waiting_for text, num_nodes integer, voters integer, " +
      "reachable_nodes integer, has_quorum boolean",
    doc:
      "How far this node is as a member (`founding`, `joining`, `running`, `removed`), what it waits for, and what there is of the group.",
  },
  {
    name: "election_activity",
    has:
      "node_id integer, state text, leader_id bigint, current_term bigint, elections_triggered bigint, heartbeats_sent bigint, " +
      "heartbeat_interval_ms integer, election_timeout_ms integer",
    doc:
      "Elections as this node sees them; counts are since its agent's start.",
  },
  {
    name: "network_status",
    has:
      "node_id integer, name text, address text, is_reached boolean, sending boolean, receiving boolean, " +
      "rtt_ms double precision, messages_received bigint, messages_queued bigint, messages_dropped bigint",
    doc:
      "The other members, and this node's traffic with each: whether a stream stands either way, the last measured round trip, and counts since the agent's start.",
  },
  {
    name: "health_status",
    has:
      "overall_status text, healthy_nodes integer, total_nodes integer, failed_checks bigint, warnings text, errors text, " +
      "last_check timestamptz, last_healthy timestamptz",
    doc: "`pgraft_get_cluster_health()` as a row, with what is wrong in words.",
  },
  {
    name: "cluster_events",
    has:
      "id bigint, event_type text, node_id integer, details text, timestamp timestamptz",
    doc:
      "The last 100 changes of primary, newest first: `id` is the epoch, `node_id` the new primary.",
  },
  {
    name: "kv",
    has:
      "key text, value text, version bigint, created_at timestamptz, updated_at timestamptz",
    doc:
      "The store's keys in order, 10 000 at most, as this node has them. The times are those of the nodes that were asked to set them, NULL for a key from before pgraft kept any.",
  },
  {
    name: "log_index_mapping",
    access: "admin",
    has:
      "raft_index bigint, operation_type text, target_table text, operation_data jsonb, applied_at timestamptz",
    doc:
      "The last 1000 operations of replicated SQL that have run, for `pgraft_admin`: `operation_data` has statements, database and role. `target_table` is NULL where they name none or several, or have more than 4096 characters.",
  },
  {
    name: "member_list",
    has: '"memberID" text, "peerURLs" text, "clientURLs" text, status text',
    doc: "`status` is `leader`, `follower` or `unavailable`.",
  },
  {
    name: "member_list_legacy",
    has: '"memberID" text, "peerURLs" text, "clientURLs" text, status text',
    operation: "member_list",
    doc: "The same.",
  },
  {
    name: "member_details",
    has:
      '"ID" text, "Name" text, "PeerURLs" text, "ClientURLs" text, "IsLeader" boolean, "IsLearner" boolean',
    doc: "The members in etcd's words.",
  },
  {
    name: "cluster_info",
    has:
      '"clusterID" text, "memberCount" integer, leader bigint, "raftTerm" bigint, "raftIndex" bigint, "raftAppliedIndex" bigint',
    doc: "`raftIndex` is what is committed.",
  },
  {
    name: "cluster_health",
    has: 'member text, "isLeader" boolean, "isLearner" boolean, health boolean',
    doc: "Whether each member is reached.",
  },
  {
    name: "endpoint_status",
    has:
      'endpoint text, "isLeader" boolean, "raftTerm" bigint, "raftIndex" bigint, "raftAppliedIndex" bigint, "dbSize" bigint, ' +
      'leader bigint, "leaderIndex" bigint, uptime bigint',
    doc:
      "This node; `dbSize` is that of the Raft log in bytes, `uptime` in seconds, `leaderIndex` is what is committed.",
  },
  {
    name: "endpoint_health",
    has: "endpoint text, health boolean, took text",
    doc: "Whether this node can commit, tried by a linearizable read.",
  },
  {
    name: "endpoint_hashkv",
    has: "endpoint text, hash bigint, hash_revision bigint",
    doc:
      "A checksum of this node's store; it goes through all of it. Equal revisions must have equal hashes on all nodes.",
  },
  {
    name: "kv_status",
    has:
      "key text, value text, version bigint, create_revision bigint, mod_revision bigint",
    doc: "The store's keys in order, 10 000 at most, as this node has them.",
  },
  {
    name: "watch_status",
    has:
      "watcher_id bigint, is_active boolean, watch_count bigint, watch_pending bigint",
    doc:
      "Who watches keys on this node, over HTTP: how many revisions each was told of, and how many it has not gone through yet.",
  },
  {
    name: "auth_status",
    has: "enabled boolean, revision bigint",
    doc: "Whether this node's HTTP API has an admin token.",
  },
  {
    name: "alarm_list",
    has: 'alarm text, "memberID" text',
    doc: "`NOSPACE` while this node's disk is full.",
  },
  {
    name: "snapshot_status",
    has:
      "hash bigint, revision bigint, total_key bigint, total_size bigint, version text",
    doc:
      "This node's store: its checksum, revision, keys, bytes and the agent's version.",
  },
  {
    schema: "public",
    name: "pgraft_cluster_state",
    has:
      "leader_id bigint, current_term bigint, state text, num_nodes integer, messages_processed bigint, heartbeats_sent bigint, " +
      "elections_triggered bigint, node_id integer, address text, port integer, worker_status text, initialized boolean, is_leader boolean",
    doc: "This node in one row.",
  },
  {
    schema: "public",
    name: "pgraft_cluster_overview",
    has:
      "worker_state text, leader_id bigint, current_term bigint, state text, is_leader boolean, num_nodes integer, messages_processed bigint",
    doc: "The same, shorter.",
  },
  {
    schema: "public",
    name: "pgraft_nodes",
    has:
      "node_id integer, address text, port integer, is_leader boolean, current_term bigint, state text",
    doc:
      "The members; `state` is `leader`, `follower`, `learner` or `unavailable`.",
  },
  {
    schema: "public",
    name: "pgraft_worker_status",
    has: "worker_state text, is_running boolean",
    doc: "This node's agent.",
  },
  {
    schema: "public",
    name: "pgraft_log_status",
    has:
      "node_id integer, log_size integer, last_index integer, commit_index integer, last_applied integer, replicated boolean, " +
      "committed boolean, applied boolean, errors integer",
    doc:
      "The log of entries; `replicated` and `committed` are whether all that this node's Raft log holds is committed, `applied` whether that is applied.",
  },
  {
    schema: "public",
    name: "pgraft_kv_status",
    has:
      "num_entries integer, active_entries integer, deleted_entries integer, total_operations bigint, puts bigint, gets bigint, " +
      "deletes bigint, last_applied_index bigint, status text",
    doc:
      "The store; `status` is `EMPTY` or `HEALTHY`, since nothing is ever left to compact.",
  },
];

/** All views, in the order of the reference. */
export const SQL_VIEWS: readonly SqlView[] = ROWS.map((row) => ({
  schema: row.schema ?? "pgraft",
  name: row.name,
  columns: fields(row.has).map((field) => ({
    ...field,
    name: field.name.replaceAll('"', ""),
  })),
  operation: row.operation ?? row.name,
  access: row.access ?? "monitor",
  since: "1.1",
  doc: row.doc,
}));
