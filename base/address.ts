/** Where something listens or is reached. */
export interface HostPort {
  /** A name or an IP address in lower case; IPv6 in its short form, without brackets. */
  readonly host: string;
  /** 1 to 65535. */
  readonly port: number;
}

const MAX_HOST_LENGTH = 253;

function parseIpv6(host: string): string | null {
  const url = `http://[${host}]/`;
  return URL.canParse(url) ? new URL(url).hostname.slice(1, -1) : null;
}

function isIpv4(host: string): boolean {
  const parts = host.split(".");
  return parts.length === 4 &&
    parts.every((part) =>
      /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255
    );
}

/**
 * Reads a host: a name, an IPv4 address, or an IPv6 address with or without brackets.
 *
 * @param text What was written.
 * @returns The host as in {@linkcode HostPort}, or null when it is none.
 */
export function parseHost(text: string): string | null {
  if (text.startsWith("[") && text.endsWith("]")) {
    return parseIpv6(text.slice(1, -1));
  }
  if (text.includes(":")) return parseIpv6(text);
  if (/^[\d.]+$/.test(text)) return isIpv4(text) ? text : null;
  const isName = /^[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9])?$/.test(text);
  return isName && text.length <= MAX_HOST_LENGTH && !text.includes("..")
    ? text.toLowerCase()
    : null;
}

/**
 * Reads a port.
 *
 * @param text What was written.
 * @returns 1 to 65535, or null when it is none.
 */
export function parsePort(text: string): number | null {
  if (!/^\d{1,5}$/.test(text)) return null;
  const port = Number(text);
  return port >= 1 && port <= 65535 ? port : null;
}

/**
 * Reads `host:port`; an IPv6 address stands in brackets.
 *
 * @param text What was written, such as `10.0.0.1:7400` or `[::1]:7400`.
 * @returns The address, or null when it is none.
 *
 * @example Usage
 * ```ts
 * import { formatHostPort, parseHostPort } from "./address.ts";
 *
 * const address = parseHostPort("[0:0::1]:7400");
 * if (address === null) throw new Error("An address was written");
 * if (formatHostPort(address) !== "[::1]:7400") throw new Error("IPv6 is made short");
 * ```
 */
export function parseHostPort(text: string): HostPort | null {
  const colon = text.lastIndexOf(":");
  if (colon < 0) return null;
  const written = text.slice(0, colon);
  // Without brackets nobody can say where an IPv6 address ends and the port begins.
  if (written.includes(":") && !written.startsWith("[")) return null;
  const host = parseHost(written);
  const port = parsePort(text.slice(colon + 1));
  return host === null || port === null ? null : { host, port };
}

/**
 * Writes an address.
 *
 * @param address The address.
 * @returns `host:port`, with an IPv6 address in brackets.
 */
export function formatHostPort(address: HostPort): string {
  const host = address.host.includes(":") ? `[${address.host}]` : address.host;
  return `${host}:${address.port}`;
}

/**
 * Tells whether only this machine can reach a host.
 *
 * @param host A host as in {@linkcode HostPort}.
 * @returns Whether it is `localhost`, 127.0.0.0/8 or `::1`. A server on `::` sees callers from 127.0.0.1
 * as `::ffff:127.0.0.1`.
 */
export function isLoopback(host: string): boolean {
  // By far the most are this one.
  if (host === "127.0.0.1") return true;
  const plain = host.startsWith("::ffff:") ? host.slice(7) : host;
  return host === "localhost" || host === "::1" ||
    (plain.startsWith("127.") && isIpv4(plain));
}

/**
 * Tells whether a host stands for every interface, which nobody can connect to by that name.
 *
 * @param host A host as in {@linkcode HostPort}.
 * @returns Whether it is `0.0.0.0` or `::`.
 */
export function isUnspecified(host: string): boolean {
  return host === "0.0.0.0" || host === "::";
}
