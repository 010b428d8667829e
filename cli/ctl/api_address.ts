import {
  formatHostPort,
  type HostPort,
  parseHost,
  parseHostPort,
} from "../../base/mod.ts";
import type { TextType } from "../text_types.ts";

/** Where a node's API is. */
export interface ApiAddress {
  /** `host:port`. */
  readonly hostPort: string;
  /** Null where the address does not say it. */
  readonly scheme: "http" | "https" | null;
}

/** The port of `[api] listen` by default. */
const DEFAULT_PORT = 8008;

/** The node on this machine, by default. */
export const DEFAULT_API: ApiAddress = {
  hostPort: `127.0.0.1:${DEFAULT_PORT}`,
  scheme: null,
};

function parsePlace(text: string): HostPort | null {
  const host = parseHost(text);
  return host === null ? parseHostPort(text) : { host, port: DEFAULT_PORT };
}

function parseApi(text: string): ApiAddress | null {
  const match = /^(?:(https?):\/\/)?([^/]+)\/?$/.exec(text);
  const place = parsePlace(match?.[2] ?? "");
  if (match === null || place === null) return null;
  const [, scheme] = match;
  return {
    hostPort: formatHostPort(place),
    scheme: scheme === "http" || scheme === "https" ? scheme : null,
  };
}

/** An address of a node's API; without a port it is 8008. */
export const API_TYPE: TextType<ApiAddress> = {
  placeholder: "HOST:PORT",
  allowed:
    "host:port or a URL, such as 10.0.0.1:8008 or https://[fd00::1]:8008",
  offer: "nothing",
  parse: parseApi,
};
