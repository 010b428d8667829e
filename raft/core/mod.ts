/**
 * The pure core of Raft: messages, time and observations go in by `step`, effects come out by
 * `drain`. No clock, no disk, no promise; all that is in the ports.
 *
 * @module
 */
export type * from "./types.ts";
export type * from "./messages.ts";
export type * from "./effects.ts";
export * from "./configuration.ts";
export * from "./describe.ts";
export { drain } from "./drain.ts";
export { type CoreOptions, DEFAULT_CORE_OPTIONS } from "./limits.ts";
export * from "./log.ts";
export { majority } from "./quorum.ts";
export { leaseHolds } from "./reads.ts";
export type { Inflight, Progress, ProgressState } from "./progress.ts";
export type * from "./state.ts";
export { configurationOf, createCore, ownMember } from "./state.ts";
export { step } from "./step.ts";
export { nextDeadlineMs } from "./time.ts";
export { isActive } from "./transfer.ts";
