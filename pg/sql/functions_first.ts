import { functionsOf } from "./rows.ts";
import type { SqlFunction } from "./types.ts";

/** How long a change of members is waited for. */
const MEMBERS_WAIT_MS = 75_000;

/** What version 1.0 has: a node, its members, its log and its health. */
export const FIRST_FUNCTIONS: readonly SqlFunction[] = [
  ...functionsOf("Node and members", "1.0", [
    {
      name: "pgraft_init",
      returns: "boolean",
      access: "admin",
      doc:
        "True once this node is a member that takes part; else an error that says what it waits for. `pgraft serve` is what makes it one.",
    },
    {
      name: "pgraft_init",
      takes: "node_id integer, address text, port integer",
      returns: "boolean",
      access: "admin",
      doc:
        "The same, and an error unless this is that node, by its number and its Raft or PostgreSQL address.",
    },
    {
      name: "pgraft_start",
      returns: "boolean",
      access: "admin",
      doc: "True when this node takes part; else an error.",
    },
    {
      name: "pgraft_stop",
      returns: "boolean",
      access: "admin",
      doc:
        "Stops this node's agent in order, right after the answer, as SIGTERM does. What starts it again is its service, not SQL.",
    },
    {
      name: "pgraft_add_node",
      takes: "node_id integer, address text, port integer",
      returns: "boolean",
      access: "admin",
      waitMs: MEMBERS_WAIT_MS,
      doc:
        "Lets the node at that Raft address in. It must run, with `join` naming a member; it then comes in by itself too, and a member is an error here. On the leader.",
    },
    {
      name: "pgraft_add_node",
      takes: "peer text, node_id integer",
      returns: "boolean",
      access: "admin",
      waitMs: MEMBERS_WAIT_MS,
      doc: "The same with `host:port`.",
    },
    {
      name: "pgraft_remove_node",
      takes: "node_id integer",
      returns: "boolean",
      access: "admin",
      waitMs: MEMBERS_WAIT_MS,
      doc:
        "Removes a member, after no commit counts on it any more. An unknown one is an error. On the leader.",
    },
    {
      name: "pgraft_version",
      returns: "text",
      doc: "The version of this node's agent, `pgraft 1.2.3`.",
    },
  ]),
  ...functionsOf("State", "1.0", [
    {
      name: "pgraft_get_state",
      returns: "text",
      doc:
        "This node's role in the Raft group: `leader`, `follower`, `candidate`, or `unknown` while it takes no part.",
    },
    {
      name: "pgraft_get_leader",
      returns: "bigint",
      doc: "The number of the Raft leader that this node knows, 0 for none.",
    },
    {
      name: "pgraft_get_term",
      returns: "bigint",
      doc: "The Raft term, 0 while this node takes no part.",
    },
    {
      name: "pgraft_is_leader",
      returns: "boolean",
      doc:
        "Whether this node is the Raft leader. That may be another node than PostgreSQL's primary.",
    },
    {
      name: "pgraft_get_stats",
      returns: "text",
      doc: "JSON: `state`, `term`, `leader_id`, `last_log_index`.",
    },
  ]),
  ...functionsOf("Log", "1.0", [
    {
      name: "pgraft_append_log",
      takes: "data text",
      returns: "boolean",
      access: "admin",
      doc: "Appends an entry; true once it is committed. On the leader.",
    },
    {
      name: "pgraft_read_log",
      takes: "index integer",
      returns: "text",
      doc:
        "JSON of an entry: `index`, `term`, `data`. Sees everything that was acknowledged before, on any node.",
    },
    {
      name: "pgraft_commit_log",
      takes: "index integer",
      returns: "boolean",
      doc:
        "True once that entry is committed and applied here; waits up to 5 s for it.",
    },
    {
      name: "pgraft_get_log",
      returns: "text",
      doc:
        "JSON: `last_log_index`, `last_log_term`, `commit_index` of the log of entries, as this node has it.",
    },
  ]),
  ...functionsOf("Health and measurements", "1.0", [
    {
      name: "pgraft_get_cluster_health",
      returns: "text",
      doc:
        "JSON: `overall_status` (`ok`, `warning`, `error`, `critical`), `healthy_nodes`, `total_nodes`, `failed_checks`, `warnings_count`, `errors_count`, `last_check`, `last_healthy`, `uptime_seconds`.",
    },
    {
      name: "pgraft_is_cluster_healthy",
      returns: "boolean",
      doc: "Whether that status is `ok`.",
    },
    {
      name: "pgraft_get_performance_metrics",
      returns: "text",
      doc:
        "JSON: `total_requests`, `successful_requests`, `failed_requests`, `success_rate`, `current_connections`, `max_connections`, `heartbeat_count`, `election_count`, `log_entries_appended`, `log_entries_committed`, `last_activity`, `uptime_seconds`; of this node, since its start or `pgraft_reset_metrics()`.",
    },
    {
      name: "pgraft_get_system_stats",
      returns: "text",
      doc:
        "JSON: `metrics_initialized`, `total_requests`, `current_connections`, `max_connections`, `last_activity`, `uptime_seconds`.",
    },
    {
      name: "pgraft_get_quorum_status",
      returns: "text",
      doc:
        "JSON: `has_quorum`, `voters`, `required`, `reachable` (as this node sees them), `leader_id`.",
    },
    {
      name: "pgraft_reset_metrics",
      returns: "boolean",
      access: "admin",
      doc:
        "Has the two functions above count from now on. `/metrics` counts on.",
    },
  ]),
];
