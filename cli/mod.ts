/**
 * The command line of pgraft: `serve` runs a node, all else reaches one over HTTP.
 *
 * @module
 */
export { main } from "./main.ts";
export { type Io, systemIo } from "./io.ts";
export { runThread } from "./thread.ts";
