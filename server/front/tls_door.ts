import type net from "node:net";
import tls from "node:tls";
import { messageOf } from "../../base/mod.ts";

/** What TLS rests on, as PEM. */
export interface TlsIdentity {
  /** The certificate chain. */
  readonly cert: string;
  readonly key: string;
  /** The authorities that sign callers' certificates; null where none are named. */
  readonly ca: string | null;
}

/** Where a front has its certificates from. */
export interface TlsSource {
  /** What is in use now. */
  current(): TlsIdentity;
  /** Tells of every change, until the returned function is called. */
  onChange(listener: () => void): () => void;
  /** Whether callers must show a certificate that an authority has signed. */
  readonly asksCallers: boolean;
}

/** Ends the TLS of connections that are handed to it. */
export interface TlsDoor {
  /** Begins a handshake. */
  take(raw: net.Socket): void;
  close(): void;
}

/** What is told of handshakes. */
export interface TlsDoorEvents {
  /** A caller is in. */
  readonly open: (socket: tls.TLSSocket) => void;
  /** A handshake failed; its connection ends by itself. */
  readonly failed: (why: string) => void;
}

/** Older versions are broken; Node's own lower bound is said nowhere in its types. */
const MIN_VERSION = "TLSv1.2";

/**
 * Makes what ends TLS. New connections get the certificates of the day; those that stand keep theirs.
 *
 * @param source The certificates.
 * @param events What is told.
 */
export function createTlsDoor(
  source: TlsSource,
  { open, failed }: TlsDoorEvents,
): TlsDoor {
  const { asksCallers } = source;
  const server = tls.createServer({
    ...contextOf(source),
    requestCert: asksCallers,
    rejectUnauthorized: asksCallers,
    ALPNProtocols: ["h2", "http/1.1"],
    allowHalfOpen: true,
  }, open);
  server.on("tlsClientError", (error) => failed(messageOf(error)));
  const forget = source.onChange(() =>
    server.setSecureContext(contextOf(source))
  );
  return {
    take: (raw) => void server.emit("connection", raw),
    close: forget,
  };
}

function contextOf(source: TlsSource): tls.SecureContextOptions {
  const { cert, key, ca } = source.current();
  return {
    cert,
    key,
    minVersion: MIN_VERSION,
    ...(ca === null ? {} : { ca }),
  };
}
