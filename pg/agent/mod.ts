/**
 * Brings one node's PostgreSQL to the replicated state: looks, plans, does one step, looks again.
 *
 * @module
 */
export { startAgent } from "./agent.ts";
export { isManaged } from "./saved_file.ts";
export type * from "./ports.ts";
