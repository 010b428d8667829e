/**
 * The pure core of Raft: messages, time and observations go in, effects come out.
 *
 * @module
 */
export type * from "./types.ts";
export type * from "./messages.ts";
