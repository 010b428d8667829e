/**
 * The Raft library: a replicated state machine over ports of your choice.
 *
 * Implement `RaftStateMachine`, take a store (`createFileLogStore` from `raft/file`,
 * `createMemoryLogStore`) and a transport (`createMemoryNetwork`, `createHttpTransport` from
 * `raft/http`), and make a node with `createRaftServer`.
 *
 * @module
 */
export * from "./ports.ts";
export * from "./errors.ts";
export * from "./memory/mod.ts";
export * from "./server/mod.ts";
export type * from "./core/mod.ts";
export { type DriverObserver, operationBytesOf } from "./driver/mod.ts";
export {
  type Clock,
  type Random,
  seededRandom,
  systemClock,
  systemRandom,
  type Timer,
} from "../base/mod.ts";
