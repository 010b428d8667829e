/**
 * What nodes ask of each other beside Raft's messages: founding, joining, orders to the leader.
 *
 * @module
 */
export {
  decideFounding,
  type Founder,
  type FoundingAnswer,
  type FoundingDecision,
  foundingIdOf,
  type FoundingMember,
} from "./decision.ts";
export { executeOrder, type JoinOrder, type Order } from "./orders.ts";
export {
  askAwaitingSync,
  askFounding,
  createCallHandler,
  createPeerRelay,
  giveOrder,
  orderAnywhere,
  type PeerRelay,
  type PeerService,
  type Traffic,
} from "./peers.ts";
export { createPeerWire, type WireOptions } from "./wire.ts";
