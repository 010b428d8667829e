/**
 * The bridge: a small server of PostgreSQL's protocol, over which SQL functions reach their node.
 *
 * @module
 */
export {
  type BridgeOptions,
  type BridgeSocket,
  startBridge,
} from "./bridge.ts";
export type {
  BridgeContext,
  Health,
  HealthWatch,
  Link,
  LogLine,
  PendingChange,
  SettingView,
} from "./context.ts";
export type { BridgeUser } from "./entrance.ts";
export {
  healthOf,
  type HealthWatchOptions,
  type RunningHealthWatch,
  watchHealth,
} from "./health.ts";
export { type BridgeListener, MAX_CONNECTIONS } from "./listener.ts";
export type { Asker } from "./answering.ts";
export type { Argument } from "./statement.ts";
export { type ScramKeys, scramKeys } from "./scram.ts";
