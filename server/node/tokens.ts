import { type Clock, formatHostPort } from "../../base/mod.ts";
import { type NodeConfig, readSecretFile } from "../config/mod.ts";
import type { AccessRules } from "../http/mod.ts";
import { logger } from "../logging/mod.ts";
import { keepFresh, type Renewal } from "../renewal/mod.ts";

/** Who may do what by which token; null where there is none. */
export interface Tokens {
  readonly admin: string | null;
  readonly read: string | null;
}

/** A node's tokens, which follow their files. */
export interface TokenKeeper {
  current(): Tokens;
  /** Tells of every change, until the returned function is called. */
  onChange(listener: () => void): () => void;
  stop(): Promise<void>;
}

const LOG = logger("api");

/**
 * Reads a node's tokens, and follows their files.
 *
 * @param config Its configuration.
 * @param clock Where time comes from.
 * @throws {Error} When one can't be used.
 */
export async function openTokens(
  { api }: NodeConfig,
  clock: Clock,
): Promise<TokenKeeper> {
  const read = async (): Promise<Tokens> => ({
    admin: await readIfNamed(api.tokenFile),
    read: await readIfNamed(api.readTokenFile),
  });
  const listeners = new Set<() => void>();
  let tokens = await read();
  const renewal: Renewal | null = api.tokenFile === null ? null : keepFresh({
    clock,
    initial: tokens,
    read,
    isSame: (a, b) => a.admin === b.admin && a.read === b.read,
    take: (found) => {
      tokens = found;
      for (const listener of listeners) listener();
      LOG.info("New tokens are in use; the old ones are not taken any more");
    },
    failed: (why) => LOG.error(`${why}; the tokens read before stay in use`),
  });
  return {
    current: () => tokens,
    onChange: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    stop: async () => {
      await renewal?.stop();
    },
  };
}

async function readIfNamed(path: string | null): Promise<string | null> {
  return path === null ? null : await readSecretFile(path);
}

/**
 * Makes the rules by which callers of a node's API are let in.
 *
 * @param config The node's configuration.
 * @param keeper Its tokens.
 */
export function accessRules(
  { api: { listen, advertise } }: NodeConfig,
  keeper: TokenKeeper,
): AccessRules {
  const names = ["localhost", "127.0.0.1", "[::1]"];
  const hosts = new Set([
    ...names.map((name) => `${name}:${listen.port}`),
    formatHostPort(listen),
    formatHostPort(advertise),
  ]);
  return {
    get adminToken(): string | null {
      return keeper.current().admin;
    },
    get readToken(): string | null {
      return keeper.current().read;
    },
    hosts,
  };
}
