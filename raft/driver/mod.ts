/**
 * Carries out what the core decides: disk, machine, sessions, reads, snapshots. Answers by calls instead
 * of promises, so that a simulator can own every one of them.
 *
 * @module
 */
export type { Applier } from "./applier.ts";
export * from "./command.ts";
export * from "./driver.ts";
export type * from "./operations.ts";
export { hasRoomForOperation } from "./operations.ts";
export type { Persister, Write } from "./persister.ts";
export * from "./ports.ts";
export type * from "./proposals.ts";
export { addProposal } from "./proposals.ts";
export type * from "./reads.ts";
export { addRead } from "./reads.ts";
export type * from "./snapshots.ts";
export * from "./sessions.ts";
