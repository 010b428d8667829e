/**
 * A node's replicated state: the key-value store, the log, what members tell about themselves, what
 * all nodes have alike, SQL for the primary, and the answers to requests that must happen once.
 *
 * @module
 */
export {
  type ClusterSettings,
  encodeSettings,
  MIN_HEARTBEATS,
  type SetClusterSettings,
  type SettingsResult,
  timingFault,
} from "./cluster_settings.ts";
export {
  encodePartOperation,
  markOf,
  type OnceKey,
  type Part,
  type PartOperation,
  PARTS,
} from "./envelope.ts";
export {
  encodeMemberInfo,
  isSameInfo,
  type MemberInfo,
  type MemberTable,
} from "./members.ts";
export { MAX_ONCE_KEYS, ONCE_ANSWERED, ONCE_REUSED } from "./once.ts";
export * from "./sql_queue.ts";
export { createNodeMachine, type NodeMachine } from "./node_machine.ts";
export { whenApplied } from "./when_applied.ts";
