/**
 * A node: `runNode` runs one until it is told to stop.
 *
 * @module
 */
export * from "./config/mod.ts";
export { type AdoptionReport, reportAdoption } from "./ha/mod.ts";
export * from "./node/mod.ts";
