/**
 * A router's loop: sockets, deadlines and what passes between them, in a thread of its own.
 *
 * @module
 */
export { type Board, type Handed, MAX_LOOPS, openBoard } from "./board.ts";
export { type Libc, type Library, openLibc, SYMBOLS } from "./libc.ts";
export { THREAD_PROGRAM } from "./program.ts";
export * from "./messages.ts";
export type { Address } from "./sockets.ts";
export { type LoopStart, THREAD_NAME } from "./worker.ts";
