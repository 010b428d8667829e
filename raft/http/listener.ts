import type { HostAndPort } from "./address.ts";

/** A server of our own. */
export interface Listener {
  /** Where it listens. */
  readonly address: HostAndPort;
  /** Ends it, and every connection to it. */
  close(): Promise<void>;
}

/**
 * Listens.
 *
 * @param where The address; port 0 picks a free one.
 * @param handler What answers requests.
 * @returns The server.
 */
export function listenAt(
  where: HostAndPort,
  handler: Deno.ServeHandler,
): Listener {
  const abort = new AbortController();
  const server = Deno.serve(
    { ...where, signal: abort.signal, onListen: () => {} },
    handler,
  );
  const { hostname, port } = server.addr;
  return {
    address: { hostname, port },
    close: async () => {
      // Not shutdown(): it waits for streams that never end.
      abort.abort();
      await server.finished;
    },
  };
}
