/**
 * The Raft library.
 *
 * @module
 */
export * from "./ports.ts";
export * from "./errors.ts";
export type * from "./core/mod.ts";
