import type { FrontStats } from "../front/mod.ts";
import type { Reading, ReadMetric, Registry } from "./registry.ts";

/** What is known of one of the ports that a node serves. */
export interface ServerView {
  /** `api` or `peers`. */
  readonly name: string;
  /** Null before it listens. */
  readonly stats: FrontStats | null;
  /** When its certificate ends; null without one. */
  readonly expiresAt: Date | null;
}

const METRICS: readonly ReadMetric<readonly ServerView[]>[] = [
  {
    name: "pgraft_server_connections",
    help:
      "Connections that are held to bounds: those of ports that others can reach, or that speak TLS",
    type: "gauge",
    read: (servers) =>
      servers.flatMap(({ name, stats }): Reading[] =>
        stats === null
          ? []
          : [{ labels: { server: name }, value: stats.connections }]
      ),
  },
  {
    name: "pgraft_server_connections_cut_total",
    help: "Connections that were ended because they were over a bound",
    type: "counter",
    read: (servers) =>
      servers.flatMap(({ name, stats }): Reading[] =>
        Object.entries(stats?.cuts ?? {}).map(([reason, value]) => ({
          labels: { server: name, reason },
          value,
        }))
      ),
  },
  {
    name: "pgraft_certificate_expiry_timestamp_seconds",
    help: "When the certificate in use ends, as a Unix time",
    type: "gauge",
    read: (servers) =>
      servers.flatMap(({ name, expiresAt }): Reading[] =>
        expiresAt === null
          ? []
          : [{ labels: { server: name }, value: expiresAt.getTime() / 1000 }]
      ),
  },
];

/**
 * Defines what is read from the ports that a node serves.
 *
 * @param registry Where.
 * @param servers Returns them.
 */
export function defineServerMetrics(
  registry: Registry,
  servers: () => readonly ServerView[],
): void {
  registry.read(servers, METRICS);
}
