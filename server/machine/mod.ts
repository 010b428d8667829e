/**
 * A node's replicated state: the key-value store, the log, what members tell about themselves, and
 * the answers to requests that must happen once.
 *
 * @module
 */
export {
  encodePartOperation,
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
export { createNodeMachine, type NodeMachine } from "./node_machine.ts";
