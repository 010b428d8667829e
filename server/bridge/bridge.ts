import { join } from "node:path";
import { formatHostPort, type HostPort } from "../../base/mod.ts";
import { bridgePort } from "../../pg/sql/mod.ts";
import type { Audit } from "../audit/mod.ts";
import { logger } from "../logging/mod.ts";
import type { BridgeContext } from "./context.ts";
import type { BridgeUser } from "./entrance.ts";
import { type BridgeListener, takeIn } from "./listener.ts";

const LOG = logger("bridge");

/** Where a bridge listens. */
export interface BridgeOptions {
  readonly context: BridgeContext;
  /** Writes changing calls down. */
  readonly audit: Audit;
  readonly traces: () => boolean;
  /** The socket; null without a PostgreSQL. */
  readonly socket: BridgeSocket | null;
  /** TCP; null for none. */
  readonly tcp: {
    readonly listen: HostPort;
    readonly users: ReadonlyMap<string, BridgeUser>;
  } | null;
}

/** A socket in a directory that only PostgreSQL's OS user can enter. */
export interface BridgeSocket {
  readonly directory: string;
  /** PostgreSQL's own port. */
  readonly port: number;
  /** Who must be able to connect; null for this process's own user. */
  readonly owner: { readonly uid: number; readonly gid: number } | null;
}

/**
 * Serves a node's bridge.
 *
 * @param options Where, and what it answers.
 * @returns What ends it.
 */
export async function startBridge(
  { context, audit, traces, socket, tcp }: BridgeOptions,
): Promise<BridgeListener> {
  const listeners: BridgeListener[] = [];
  const shared = { context, audit, traces };
  if (socket) {
    const listener = await listenAt(socket);
    const guard = { kind: "trusted" } as const;
    listeners.push(takeIn(listener, { ...shared, guard }));
  }
  if (tcp) {
    const { host: hostname, port } = tcp.listen;
    const listener = Deno.listen({ hostname, port });
    const guard = { kind: "scram", users: tcp.users } as const;
    listeners.push(takeIn(listener, { ...shared, guard }));
    LOG.info("The bridge listens", { address: formatHostPort(tcp.listen) });
  }
  return {
    async stop(): Promise<void> {
      await Promise.all(listeners.map((one) => one.stop()));
      if (socket) await Deno.remove(pathOf(socket)).catch(() => {});
    },
  };
}

function pathOf({ directory, port }: BridgeSocket): string {
  return join(directory, `.s.PGSQL.${bridgePort(port)}`);
}

async function listenAt(
  socket: BridgeSocket,
): Promise<Deno.Listener<Deno.UnixConn>> {
  const path = pathOf(socket);
  // What a former agent has left; its directory is ours alone.
  await Deno.remove(path).catch(() => {});
  const listener = Deno.listen({ transport: "unix", path });
  await Deno.chmod(path, 0o600);
  const { owner } = socket;
  if (owner) await Deno.chown(path, owner.uid, owner.gid);
  return listener;
}
