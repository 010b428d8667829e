/**
 * One node's process: builds the parts, starts and stops them in order.
 *
 * @module
 */
export { certificateProblems } from "./certificates.ts";
export { type RunningNode, startNode } from "./lifecycle.ts";
export type { NodeHost } from "./surface.ts";
export { type Loaded, runNode, type RunOptions } from "./run.ts";
