/**
 * Messages between members over HTTP/2.
 *
 * @module
 */
export * from "./transport.ts";
export * from "./limits.ts";
export type { OpeningRefusal } from "./claim.ts";
export type { PeerStats } from "./peer_stats.ts";
export type { PeerFault } from "./fault.ts";
export type { HostAndPort } from "./address.ts";
export { formatAddress, parseAddress } from "./address.ts";
export type { CalledPeer } from "./named_call.ts";
export type { CallHandler } from "./handler.ts";
