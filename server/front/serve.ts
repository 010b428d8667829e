import { isLoopback } from "../../base/mod.ts";
import { type Front, type FrontOptions, openFront } from "./front.ts";

const NO_CUTS = { no_request: 0, idle: 0, stalled: 0, displaced: 0, full: 0 };

/**
 * Serves: through a front where there are certificates or others than this machine can connect, else by
 * the platform's own server, which costs less.
 *
 * @param options Where, and what answers.
 * @returns The server, which listens.
 * @throws {Error} When the port can't be listened at.
 */
export async function openServer(options: FrontOptions): Promise<Front> {
  if (options.tls !== null || !isLoopback(options.where.hostname)) {
    return await openFront(options);
  }
  return openDirect(options);
}

function openDirect({ where, handler }: FrontOptions): Front {
  const abort = new AbortController();
  const { signal } = abort;
  const server = Deno.serve(
    { ...where, signal, onListen: () => {} },
    handler,
  );
  const { hostname, port } = server.addr;
  let isShut = false;
  return {
    address: { hostname, port },
    stats: () => ({ connections: 0, cuts: NO_CUTS }),
    async shutdown(): Promise<void> {
      isShut = true;
      await server.shutdown();
    },
    async close(): Promise<void> {
      // A server that was told to shut down can't be aborted any more: Deno throws.
      if (isShut) return;
      // Not shutdown(): it waits for streams that never end.
      abort.abort();
      await server.finished;
    },
  };
}
