/**
 * A stand-in for `@std/http`: status codes and server-sent events, with the same names and types.
 * See `std/README.md`.
 *
 * @module
 */
export * from "./server_sent_event_stream.ts";
export * from "./status.ts";
