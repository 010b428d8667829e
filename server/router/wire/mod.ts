/**
 * What the router reads and writes of PostgreSQL's protocol and of the PROXY protocol, pure.
 *
 * @module
 */
export * from "./answers.ts";
export * from "./proxy_header.ts";
export * from "./refusal.ts";
export * from "./startup.ts";
