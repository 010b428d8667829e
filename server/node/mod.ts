/**
 * One node's process: builds the parts, starts and stops them in order.
 *
 * @module
 */
export { type RunningNode, startNode } from "./lifecycle.ts";
export { runNode, type RunOptions } from "./run.ts";
