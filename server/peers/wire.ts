import type { Clock, RawHandler } from "../../base/mod.ts";
import {
  createClearWire,
  createLine,
  createStreamLine,
  type HostAndPort,
  isStreamPath,
  type Listener,
  type PeerLine,
  type PeerWire,
} from "../../raft/http/mod.ts";
import {
  FRONT_LIMITS,
  type FrontLimits,
  type FrontStats,
  openFront,
} from "../front/mod.ts";
import { type TlsStore, whyUntrusted } from "../tls/mod.ts";

/** How nodes get through to each other. */
export interface WireOptions {
  readonly clock: Clock;
  /** The certificates; null for a wire in clear. */
  readonly tls: TlsStore | null;
  /** Whether peers without TLS are taken in and reached too. */
  readonly isOptional: boolean;
  /** Is told why a caller's TLS failed. */
  readonly onTlsFailure: (why: string) => void;
  /** Is told how to look at the connections, once there is a server. */
  readonly onListening: (stats: () => FrontStats) => void;
}

/** A peer holds a stream or two, and asks now and then. */
const LIMITS: FrontLimits = { ...FRONT_LIMITS, maxConnections: 1024 };
/** How long a peer may take to show whether it speaks TLS. */
const GREETING_TIMEOUT_MS = 500;

/**
 * Makes how nodes get through to each other: over TLS where there are certificates, and always through a front,
 * which holds callers to bounds and lets streams go straight onto their connections.
 *
 * @param options The certificates.
 */
export function createPeerWire(options: WireOptions): PeerWire {
  const { tls } = options;
  const clear = createClearWire();
  const listen: PeerWire["listen"] = (where, handler) =>
    listenBounded(options, where, handler);
  if (tls === null) return { ...clear, listen };
  return {
    listen,
    dial: async (address, version, signal) =>
      await isClear(options, tls, address, signal)
        ? await clear.dial(address, version, signal)
        : dialSecure(tls, address),
    connect: async (address, signal) =>
      await isClear(options, tls, address, signal)
        ? await clear.connect(address, signal)
        : createStreamLine(await connectSecure(tls, address, signal), address),
    whyUntrusted,
  };
}

async function listenBounded(
  { clock, tls, isOptional, onTlsFailure, onListening }: WireOptions,
  where: HostAndPort,
  handler: RawHandler,
): Promise<Listener> {
  const server = await openFront({
    where,
    handler,
    limits: LIMITS,
    clock,
    tls,
    clearToo: isOptional,
    onTlsFailure,
    isDirect: isStreamPath,
  });
  onListening(server.stats);
  return { address: server.address, close: server.close };
}

/**
 * With the certificates of the day: a connection lives no longer than what it was made for. Always by
 * HTTP/1.1: over TLS the platform's HTTP/2 takes half as much again (bench:peers).
 */
function dialSecure(tls: TlsStore, address: HostAndPort): PeerLine {
  const { cert, key, ca } = tls.current();
  const client = Deno.createHttpClient({
    http1: true,
    http2: false,
    cert,
    key,
    ...(ca === null ? {} : { caCerts: [ca] }),
  });
  return createLine("https", address, client);
}

/** Connects, and waits until both ends have shown their certificates. */
async function connectSecure(
  tls: TlsStore,
  { hostname, port }: HostAndPort,
  signal: AbortSignal,
): Promise<Deno.TlsConn> {
  signal.throwIfAborted();
  const { cert, key, ca } = tls.current();
  const caCerts = ca === null ? [] : [ca];
  const connecting = Deno.connectTls({ hostname, port, caCerts, cert, key });
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const end = (): void => reject(signal.reason);
  signal.addEventListener("abort", end, { once: true });
  try {
    const conn = await Promise.race([connecting, aborted]);
    await Promise.race([conn.handshake(), aborted]);
    return conn;
  } catch (error) {
    // To connect can't be ended: what comes about later is closed too.
    connecting.then((conn) => conn.close(), () => {});
    throw error;
  } finally {
    signal.removeEventListener("abort", end);
  }
}

async function isClear(
  { isOptional }: WireOptions,
  tls: TlsStore,
  address: HostAndPort,
  signal: AbortSignal,
): Promise<boolean> {
  return isOptional && !await speaksTls(tls, address, signal);
}

/** A server in clear answers the greeting of TLS with something else at once. */
async function speaksTls(
  tls: TlsStore,
  { hostname, port }: HostAndPort,
  signal: AbortSignal,
): Promise<boolean> {
  const { cert, key, ca } = tls.current();
  const caCerts = ca === null ? [] : [ca];
  const greeting = greet({ hostname, port, caCerts, cert, key });
  const { promise: end, resolve } = Promise.withResolvers<false>();
  const give = (): void => resolve(false);
  // The greeting itself can't be ended: an address that answers nothing keeps it until TCP gives up.
  const timer = setTimeout(give, GREETING_TIMEOUT_MS);
  signal.addEventListener("abort", give, { once: true });
  try {
    return await Promise.race([greeting, end]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", give);
  }
}

async function greet(
  options: Parameters<typeof Deno.connectTls>[0],
): Promise<boolean> {
  try {
    using conn = await Deno.connectTls(options);
    await conn.handshake();
    return true;
  } catch {
    return false;
  }
}
