import { messageOf } from "../../base/mod.ts";

/** Where a node listens. */
export interface HostAndPort {
  readonly hostname: string;
  readonly port: number;
}

/**
 * Reads `host:port`; an IPv6 address stands in brackets.
 *
 * @param address The text.
 * @returns Its parts, the host without brackets.
 * @throws {TypeError} When it is no such text.
 *
 * @example Usage
 * ```ts
 * import { parseAddress } from "./address.ts";
 *
 * if (parseAddress("[::1]:7400").hostname !== "::1") throw new Error("No host");
 * ```
 */
export function parseAddress(address: string): HostAndPort {
  const match = /^(?:\[([0-9a-f:.%]+)\]|([^\s:/[\]]+)):(\d{1,5})$/i.exec(
    address,
  );
  const hostname = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (hostname === undefined || !(port >= 1 && port <= 65535)) {
    throw new TypeError(`Address "${address}" is not host:port`);
  }
  return { hostname, port };
}

/**
 * Writes an address as `host:port`.
 *
 * @param address Its parts.
 * @returns The text, an IPv6 address in brackets.
 */
export function formatAddress({ hostname, port }: HostAndPort): string {
  return hostname.includes(":")
    ? `[${hostname}]:${port}`
    : `${hostname}:${port}`;
}

/** What a bare connection showed about a port. */
export type Reach =
  /** Something listens. */
  | { readonly kind: "listening" }
  /** The machine answered that nothing listens there. */
  | { readonly kind: "refused" }
  /** Nothing is proven. */
  | { readonly kind: "unknown"; readonly why: string };

/**
 * Connects and hangs up, to tell a process that is gone from one that does not answer.
 *
 * @param address Where.
 * @param signal Ends the attempt, which then shows nothing.
 * @returns What was seen.
 */
export async function reach(
  address: HostAndPort,
  signal: AbortSignal,
): Promise<Reach> {
  const ending = new AbortController();
  // A turn later: Deno loses a connection, and never closes it, that comes about in the very turn in which
  // its signal is aborted. By then it is here, or has not come.
  const end = (): void => void setImmediate(() => ending.abort(signal.reason));
  if (signal.aborted) return { kind: "unknown", why: messageOf(signal.reason) };
  signal.addEventListener("abort", end, { once: true });
  try {
    const connection = await Deno.connect({
      ...address,
      signal: ending.signal,
    });
    connection.close();
    return { kind: "listening" };
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused) {
      return { kind: "refused" };
    }
    return { kind: "unknown", why: messageOf(error) };
  } finally {
    signal.removeEventListener("abort", end);
  }
}
