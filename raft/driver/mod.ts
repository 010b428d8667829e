/**
 * Carries out what the core decides: disk, machine, sessions, reads, snapshots. Answers by calls instead
 * of promises, so that a simulator can own every one of them.
 *
 * @module
 */
export * from "./command.ts";
export * from "./driver.ts";
export type * from "./operations.ts";
export { hasRoomForOperation } from "./operations.ts";
export * from "./ports.ts";
export { addProposal, type ProposalOutcome } from "./proposals.ts";
export { addRead, type ReadDone } from "./reads.ts";
export type { SnapshotPolicy } from "./snapshots.ts";
export * from "./sessions.ts";
