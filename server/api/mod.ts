/**
 * The HTTP API of a node, route by route; `docs/api.md` describes it.
 *
 * @module
 */
import type { Route } from "../http/mod.ts";
import { configRoutes } from "./config.ts";
import { clusterRoutes } from "./cluster.ts";
import type { NodeContext } from "./context.ts";
import { eventRoutes } from "./events.ts";
import { etcdRoutes } from "./etcd.ts";
import { etcdLeaseRoutes } from "./etcd_leases.ts";
import { etcdMemberRoutes } from "./etcd_members.ts";
import { etcdTransactionRoutes } from "./etcd_transaction.ts";
import { etcdWatchRoutes } from "./etcd_watch.ts";
import { haRoutes } from "./ha.ts";
import { healthRoutes } from "./health.ts";
import { kvRoutes } from "./kv.ts";
import { logRoutes } from "./log.ts";
import { openapiRoute } from "./openapi.ts";
import { orderRoutes } from "./orders.ts";
import { sqlRoutes } from "./sql.ts";
import { routerRoutes } from "./router.ts";
import { upkeepRoutes } from "./upkeep.ts";
import { watchRoutes } from "./watch.ts";
import type { WatchHub } from "./watch_hub.ts";

export { clusterToJson, type Json } from "./cluster.ts";
export {
  type LeaderOrder,
  type NodeContext,
  type NodeStage,
  type PeerView,
  type Progress,
  proposePart,
  raftStatus,
  requireMember,
  requirePart,
} from "./context.ts";
export { notReadyReason } from "./health.ts";
export { newLeader, type OrderContext } from "./orders.ts";
export { readAs } from "./reading.ts";
export {
  createWatchHub,
  type WatchContext,
  type WatchEnd,
  type WatcherView,
  type WatchFormat,
  type WatchHub,
  type WatchOptions,
} from "./watch_hub.ts";

/**
 * All routes of a node.
 *
 * @param context The node.
 * @param renderMetrics What `/metrics` says.
 * @param hub What serves watchers.
 */
export function apiRoutes(
  context: NodeContext,
  renderMetrics: () => string | Promise<string>,
  hub: WatchHub,
): Route[] {
  const routes = [
    ...healthRoutes(context, renderMetrics),
    ...etcdRoutes(context),
    ...etcdTransactionRoutes(context),
    ...etcdLeaseRoutes(context),
    ...etcdMemberRoutes(context),
    ...clusterRoutes(context),
    ...orderRoutes(context),
    ...haRoutes(context),
    ...configRoutes(context),
    ...sqlRoutes(context),
    ...routerRoutes(context),
    ...logRoutes(context),
    ...kvRoutes(context),
    ...watchRoutes(context, hub),
    ...eventRoutes(context),
    ...upkeepRoutes(context),
    ...etcdWatchRoutes(context, hub),
  ];
  return [...routes, openapiRoute(context.version, routes)];
}
