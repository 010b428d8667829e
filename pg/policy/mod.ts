/**
 * The pure decisions of high availability: what the Raft leader does about the members (`decide`), and
 * what each agent does to its own PostgreSQL (`plan`).
 *
 * @module
 */
export * from "./checkpointing.ts";
export * from "./decide.ts";
export * from "./explain.ts";
export { type Assessment, assessPrimary } from "./loss.ts";
export { hasData } from "./own.ts";
export { plan } from "./plan.ts";
export { isFenced } from "./self_fence.ts";
export * from "./report.ts";
export * from "./report_of.ts";
export { isSealed } from "./plan_sealing.ts";
export { isJobStale } from "./stale_job.ts";
export * from "./steps.ts";
export * from "./view.ts";
