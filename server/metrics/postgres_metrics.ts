import type { Reading, ReadMetric, Registry } from "./registry.ts";

/** What is measured of this node's PostgreSQL. */
export interface PostgresStatus {
  /** The reign that is open or begins; 0 for none. */
  readonly epoch: number;
  /** Null before this node has seen its own. */
  readonly role: "primary" | "standby" | "none" | null;
  readonly open: boolean;
  readonly lagBytes: number | null;
  readonly syncWaiters: number;
  readonly degraded: boolean;
  readonly paused: boolean;
  /** How long the last change of primary kept writers out; null when there was none. */
  readonly lastGapMs: number | null;
}

const ROLES = ["primary", "standby", "none"] as const;

function gauge(
  name: string,
  help: string,
  read: (status: PostgresStatus) => number | readonly Reading[] | null,
): ReadMetric<PostgresStatus> {
  return { type: "gauge", name, help, read: (status) => read(status) ?? [] };
}

const METRICS: readonly ReadMetric<PostgresStatus>[] = [
  gauge(
    "pgraft_postgresql_epoch",
    "The newest reign that was granted",
    ({ epoch }) => epoch,
  ),
  gauge(
    "pgraft_postgresql_role",
    "1 for what this node's PostgreSQL is",
    ({ role }) =>
      ROLES.map((one) => ({ labels: { role: one }, value: +(one === role) })),
  ),
  gauge(
    "pgraft_postgresql_open",
    "Whether this node's PostgreSQL is the primary and lets clients in",
    ({ open }) => +open,
  ),
  gauge(
    "pgraft_postgresql_lag_bytes",
    "How far this node is behind the primary",
    ({ lagBytes }) => lagBytes,
  ),
  gauge(
    "pgraft_postgresql_sync_waiters",
    "Sessions on this primary that wait for standbys to hold their commit",
    ({ syncWaiters }) => syncWaiters,
  ),
  gauge(
    "pgraft_postgresql_degraded",
    "Whether the primary acknowledges commits that no standby holds",
    ({ degraded }) => +degraded,
  ),
  gauge(
    "pgraft_postgresql_paused",
    "Whether failover is paused",
    ({ paused }) => +paused,
  ),
  gauge(
    "pgraft_postgresql_last_gap_seconds",
    "How long the last change of primary kept writers out",
    ({ lastGapMs }) => lastGapMs === null ? null : lastGapMs / 1000,
  ),
];

/**
 * Defines what is read from a node's PostgreSQL.
 *
 * @param registry Where.
 * @param status Returns the status; null where there is none.
 */
export function definePostgresMetrics(
  registry: Registry,
  status: () => PostgresStatus | null,
): void {
  registry.read(status, METRICS);
}
