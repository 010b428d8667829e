/**
 * Messages between members over HTTP.
 *
 * What comes takes this way: `inlet` keeps a stream to a peer open, `opening` asks for it and checks
 * its hello, `stream_in` finds the frames in it, `receiver` takes them and hands messages to its
 * `peer`, which tells the events. What goes is routed by `peer` into a `lane`, whose `outlet` writes it
 * into the stream that the other end has opened through `handler`; while none stands, a `courier`
 * carries votes. Both ways lead over an `edge`, where `setFault()` strikes.
 *
 * @module
 */
export * from "./transport.ts";
export * from "./limits.ts";
export { createClearWire, type LineVersion, type PeerWire } from "./wire.ts";
export { createLine, type LineRequest, type PeerLine } from "./line.ts";
export { createStreamLine, type StreamLine } from "./stream_line.ts";
export type { Listener } from "./listener.ts";
export {
  isStreamPath,
  type OpeningRefusal,
  OpeningRefusedError,
} from "./claim.ts";
export type { PeerStats } from "./peer_stats.ts";
export type { PeerFault } from "./fault.ts";
export type { HostAndPort } from "./address.ts";
export { formatAddress, parseAddress } from "./address.ts";
export type { CalledPeer, CallPatience } from "./named_call.ts";
export type { FeedPatience } from "./feed.ts";
export type { CallHandler, FeedHandler } from "./handler.ts";
