/**
 * What a node measures about itself, as Prometheus reads it.
 *
 * @module
 */
export type { Counter, Gauge, Histogram } from "./cells.ts";
export { checkExposition } from "./exposition.ts";
export type { HttpRecorder, RouteRecorder } from "./http_metrics.ts";
export * from "./node_metrics.ts";
export type { PeersStats } from "./peer_metrics.ts";
export type { PostgresStatus } from "./postgres_metrics.ts";
export { type ProcessUsage, readProcessUsage } from "./process_metrics.ts";
export * from "./registry.ts";
export type { ServerView } from "./server_metrics.ts";
export { METRICS_CONTENT_TYPE } from "./text.ts";
export {
  type Activity,
  type ActivityCounts,
  createActivity,
  type Traffic,
} from "./activity.ts";
