/** Keys of the programs that pgraft replaces which have no meaning here. */
export interface InertKeys {
  /** Why, and what to use where there is something: read after "has no meaning here:". */
  readonly reason: string;
  /** Names in the form of an alias. */
  readonly names: readonly string[];
}

/** All of them, by reason. */
export const INERT_KEYS: readonly InertKeys[] = [
  {
    reason: "pgraft uses no shared memory of PostgreSQL",
    names: ["postgresql_shmem_key", "postgresql_shmem_size"],
  },
  {
    reason:
      "the members are those of cluster.members, later those of the Raft log",
    names: [
      "cluster_size",
      "cluster.max_nodes",
      "replica_ports",
      "dstore_port",
      "cluster_bind_interface",
      "pgraft.cluster_size",
      "pgraft.enabled",
      "pgraft.enable_auto_cluster_formation",
      "pgraft.initial_cluster_state",
      "pgraft.is_primary",
    ],
  },
  {
    reason: "pgraft is no library in PostgreSQL and has no worker there",
    names: [
      "pgraft.worker_enabled",
      "pgraft.worker_interval",
      "pgraft.go_library_path",
    ],
  },
  {
    reason: "batches and queues of the replicated log have bounds of their own",
    names: [
      "pgraft.batch_size",
      "pgraft.max_batch_delay",
      "pgraft.network_buffer_size",
      "pgraft.max_connections_per_node",
      "pgraft.connection_timeout",
      "connection_pool_size",
      "connection_timeout",
      "query_timeout",
    ],
  },
  {
    reason: "the log is cut by raft.snapshot_distance",
    names: [
      "pgraft.max_log_entries",
      "pgraft.compaction_interval",
      "pgraft.compaction_threshold",
      "pgraft.gc_interval",
      "quota_backend_bytes",
      "max_snapshots",
      "max_wals",
      "auto_compaction_retention",
      "auto_compaction_mode",
      "compaction_batch_limit",
    ],
  },
  {
    reason:
      "failure detection follows raft.heartbeat_interval and raft.election_timeout",
    names: [
      "pgraft.health_period_ms",
      "pgraft.health_verbose",
      "monitor_interval_ms",
      "health_check_timeout_ms",
      "health_check_interval",
      "health_check_retries",
      "failover_timeout_ms",
      "recovery_timeout_ms",
    ],
  },
  {
    reason: "failover is on; pgraft ctl pause suspends it",
    names: [
      "auto_failover_enabled",
      "maintenance_mode_enabled",
      "maintenance_drain_timeout_ms",
      "maintenance_backup_before",
    ],
  },
  {
    reason:
      "who must hold a commit follows from the members and cluster.synchronous_mode",
    names: [
      "sync_standby_names",
      "num_sync_standbys",
      "sync_timeout_ms",
      "sync_replication_timeout_ms",
      "enforce_sync_standbys",
    ],
  },
  {
    reason: "metrics are always served, at /metrics of api.listen",
    names: [
      "pgraft.metrics_enabled",
      "pgraft.metrics_port",
      "pgraft.trace_enabled",
      "prometheus_enabled",
      "prometheus_port",
      "prometheus_path",
      "metrics",
      "metrics_port",
      "metrics_path",
      "listen_metrics_urls",
    ],
  },
  {
    reason: "the HTTP interface is always on, and api.token_file protects it",
    names: [
      "http_api_enabled",
      "http_auth_enabled",
      "http_auth_token",
      "auth_enabled",
      "auth_method",
      "token_secret",
      "token_expiry",
      "pgraft.auth_enabled",
      "cors",
      "host_whitelist",
    ],
  },
  {
    reason: "requests have bounds of their own",
    names: [
      "http_max_request_size",
      "http_request_timeout",
      "rate_limiting_enabled",
      "rate_limit_requests_per_minute",
      "rate_limit_enabled",
      "rate_limit_requests",
      "rate_limit_window",
    ],
  },
  {
    reason: "api.tls_cert, api.tls_key and api.tls_ca are all that TLS needs",
    names: [
      "ssl_enabled",
      "tls_enabled",
      "tls_min_version",
      "cipher_suites",
      "pgraft.tls_enabled",
    ],
  },
  {
    reason:
      "peers know each other by cluster.secret_file, and with raft.tls_cert by their certificates",
    names: [
      "client_cert_file",
      "client_key_file",
      "peer_client_cert_auth",
      "peer_cert_allowed_cn",
      "peer_cert_allowed_hostname",
    ],
  },
  {
    reason: "PostgreSQL's ssl_* parameters stand in [postgresql.parameters]",
    names: [
      "ssl_cert_file",
      "ssl_key_file",
      "ssl_ca_file",
      "ssl_mode",
      "require_ssl",
      "verify_ssl",
    ],
  },
  {
    reason: "client authentication stands in [postgresql.hba]",
    names: [
      "kerberos_service",
      "ldap_server",
      "ldap_port",
      "ldap_basedn",
      "ldap_binddn",
      "ldap_bindpasswd",
      "pam_service",
    ],
  },
  {
    reason:
      "pgraft uses the database postgres, and passwords do not belong into this file",
    names: [
      "database_name",
      "database_password",
      "postgresql_password",
      "postgresql.database",
      "postgresql.password",
      "replication_user",
      "db_host",
      "db_name",
      "db_password",
    ],
  },
  {
    reason:
      "pgraft logs to standard error and leaves files and rotation to what starts it",
    names: [
      "log_file",
      "log_to_syslog",
      "log_to_console",
      "log_rotation_*",
      "log_max_size",
      "log_max_files",
      "log_compress",
      "log_outputs",
      "log_package_levels",
      "postgresql_log_dir",
      "audit_log_enabled",
      "audit_log_file",
      "debug_mode",
      "profiling",
    ],
  },
  {
    reason:
      "pgraft runs in the foreground, and what starts it sets user, directory and limits",
    names: [
      "pid_file",
      "daemonize",
      "daemon_user",
      "daemon_group",
      "working_directory",
      "memory_limit_mb",
      "cpu_limit_percent",
    ],
  },
  {
    reason: "backups are not part of a node's configuration",
    names: [
      "backup_tool",
      "backup_repository",
      "backup_retention_days",
      "backup_compression",
    ],
  },
  {
    reason:
      "members are written in one line, cluster.members = 1@host:port, 2@host:port",
    names: ["node_*_hostname", "node_*_port", "node_*_role"],
  },
];
