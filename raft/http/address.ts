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
