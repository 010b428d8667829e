import { messageOf } from "../../base/mod.ts";
import { REFUSED_HINT } from "../../pg/sql/mod.ts";
import { logger } from "../logging/mod.ts";
import { createLine, type Line, LineError } from "./line.ts";
import { errorResponse } from "./messages.ts";
import { serveSession, type SessionOptions } from "./session.ts";

/** How many clients are served at once, on the socket and over TCP together. */
export const MAX_CONNECTIONS = 512;
/** How long a stop waits for answers that are under way. */
const DRAIN_TIMEOUT_MS = 500;
const REFUSE_TIMEOUT_MS = 100;

const LOG = logger("bridge");

/** Takes in clients. */
export interface BridgeListener {
  /** Takes nobody in any more, and ends those who are in after a moment. */
  stop(): Promise<void>;
}

/**
 * Takes in the clients of a listener.
 *
 * @param listener Where they come; it is closed by `stop`.
 * @param options What a session needs.
 */
export function takeIn(
  listener: Deno.Listener<Deno.Conn>,
  options: Omit<SessionOptions, "from">,
): BridgeListener {
  const lines = new Map<Line, Promise<void>>();
  let isStopping = false;

  async function serve(line: Line, from: string): Promise<void> {
    const { connections } = options.context;
    connections.now += 1;
    try {
      await serveSession(line, { ...options, from });
    } catch (error) {
      // A client that goes in the middle is everyday.
      if (error instanceof LineError) {
        LOG.info("A client was let go", { reason: messageOf(error) });
      }
    } finally {
      connections.now -= 1;
      line.close();
      lines.delete(line);
    }
  }

  const accepting = (async () => {
    for await (const conn of listener) {
      if ("setNoDelay" in conn) (conn as Deno.TcpConn).setNoDelay(true);
      const line = createLine(conn);
      const isFull = options.context.connections.now >= MAX_CONNECTIONS;
      lines.set(
        line,
        isFull ? refuse(line, lines) : serve(line, addressOf(conn)),
      );
    }
  })().catch((error) => {
    if (!isStopping) {
      LOG.error("The bridge takes nobody in any more", {
        reason: messageOf(error),
      });
    }
  });

  return {
    async stop(): Promise<void> {
      isStopping = true;
      listener.close();
      await accepting;
      const left = [...lines.values()];
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, DRAIN_TIMEOUT_MS);
      await Promise.race([Promise.all(left), promise]);
      clearTimeout(timer);
      for (const line of lines.keys()) line.close();
      await Promise.all(left);
    },
  };
}

/** Where a client is; a unix socket has one place for all of them. */
function addressOf({ remoteAddr }: Deno.Conn): string {
  return "hostname" in remoteAddr ? remoteAddr.hostname : "unix socket";
}

async function refuse(
  line: Line,
  lines: Map<Line, Promise<void>>,
): Promise<void> {
  const fields = {
    severity: "FATAL",
    sqlState: "53300",
    message: `The bridge serves ${MAX_CONNECTIONS} clients already`,
    hint: `${REFUSED_HINT}.`,
  } as const;
  await line.write(errorResponse(fields), REFUSE_TIMEOUT_MS).catch(() => {});
  line.close();
  lines.delete(line);
}
