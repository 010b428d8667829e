import { connectTo, type RawHandler } from "../../base/mod.ts";
import type { HostAndPort } from "./address.ts";
import { createLine, type PeerLine } from "./line.ts";
import { listenAt, type Listener } from "./listener.ts";
import { createStreamLine, type StreamLine } from "./stream_line.ts";

/** The version of HTTP that a line speaks. */
export type LineVersion = "http/1.1" | "h2";

/** How nodes get through to each other. */
export interface PeerWire {
  /** Serves peers. */
  listen(where: HostAndPort, handler: RawHandler): Promise<Listener>;
  /**
   * Makes a line to a peer; it is not connected before something is asked over it.
   *
   * @param signal Ends what it takes to find out how the peer is spoken to.
   */
  dial(
    address: HostAndPort,
    version: LineVersion,
    signal: AbortSignal,
  ): Promise<PeerLine>;
  /**
   * Makes a line for a stream: a connection of its own, which stands.
   *
   * @param signal Ends the attempt.
   */
  connect(address: HostAndPort, signal: AbortSignal): Promise<StreamLine>;
  /** Says what an error of a line means where it tells that one end does not accept the other. */
  whyUntrusted(error: unknown): string | null;
}

/**
 * Makes lines in clear.
 *
 * A connection of its own for each purpose: a pooled one whose other end has silently vanished would take
 * in every new attempt until TCP gives up, minutes later.
 *
 * @returns The wire.
 */
export function createClearWire(): PeerWire {
  return {
    listen: (where, handler) => Promise.resolve(listenAt(where, handler)),
    dial: (address, version) =>
      Promise.resolve(createLine("http", address, clientOf(version))),
    connect: async (address, signal) =>
      createStreamLine(await connectTo(address, signal), address),
    whyUntrusted: () => null,
  };
}

function clientOf(version: LineVersion): Deno.HttpClient {
  const isTwo = version === "h2";
  return Deno.createHttpClient({ http1: !isTwo, http2: isTwo });
}
