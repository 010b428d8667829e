import { formatAddress, type HostAndPort } from "./address.ts";

/** What is asked. */
export interface LineRequest {
  readonly method: "GET" | "POST";
  readonly headers: Headers;
  readonly body?: Uint8Array<ArrayBuffer>;
}

/** A way to ask one peer, for one purpose; whoever asks for it closes it. */
export interface PeerLine {
  /**
   * Asks for a path.
   *
   * @param signal Ends the request, and the reading of its answer.
   */
  ask(
    path: string,
    request: LineRequest,
    signal: AbortSignal,
  ): Promise<Response>;
  close(): void;
}

/**
 * Makes a line of the platform's client.
 *
 * @param scheme Whether it speaks TLS.
 * @param address Where the peer is.
 * @param client The client; it is closed with the line.
 * @returns The line.
 */
export function createLine(
  scheme: "http" | "https",
  address: HostAndPort,
  client: Deno.HttpClient,
): PeerLine {
  const origin = `${scheme}://${formatAddress(address)}`;
  return {
    ask: (path, request, signal) =>
      fetch(origin + path, { ...request, signal, redirect: "error", client }),
    close: () => client.close(),
  };
}
