/**
 * The replicated state of PostgreSQL, pure: who reigns, under which rule, and how that came about.
 *
 * @module
 */
export { clusterSettings, newestConfig } from "./apply_config.ts";
export * from "./codec.ts";
export * from "./commands.ts";
export * from "./copies.ts";
export * from "./lineage.ts";
export * from "./reducer.ts";
export * from "./rules.ts";
export * from "./types.ts";
