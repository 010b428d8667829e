import tls from "node:tls";
import { messageOf } from "../../base/mod.ts";
import { TlsError, type TlsFiles, type TlsMaterial } from "./files.ts";

/** How long a handshake with oneself may take. */
const TRIAL_TIMEOUT_MS = 5000;

/**
 * Shakes hands with itself, as a peer will: what the checks by hand do not know, such as a signature that
 * is too weak, shows here.
 *
 * @param files Where the certificates stand.
 * @param material What they are; with authorities.
 * @param isCaller Whether the node also shows its certificate when it calls.
 * @throws {TlsError} When it would not be accepted.
 */
export async function tryTls(
  { section, cert, ca }: TlsFiles,
  material: TlsMaterial & { readonly ca: string },
  isCaller: boolean,
): Promise<void> {
  const server = tls.createServer({
    cert: material.cert,
    key: material.key,
    ca: material.ca,
    requestCert: isCaller,
    rejectUnauthorized: isCaller,
  });
  try {
    await shakeHands(server, material, isCaller);
  } catch (error) {
    throw new TlsError(
      `${section}.tls_cert: the certificate in ${cert} would not be accepted by who trusts ${ca} (${
        messageOf(error)
      }); issue one anew, with a key and a signature that TLS 1.2 takes`,
      { cause: error },
    );
  } finally {
    server.close();
  }
}

async function shakeHands(
  server: tls.Server,
  { cert, key, ca }: TlsMaterial & { readonly ca: string },
  isCaller: boolean,
): Promise<void> {
  const listening = Promise.withResolvers<void>();
  const greeted = Promise.withResolvers<void>();
  server.on("secureConnection", (socket) => {
    socket.on("error", () => {});
    socket.end();
    greeted.resolve();
  });
  server.on("tlsClientError", greeted.reject);
  server.on("error", listening.reject);
  server.listen(0, "127.0.0.1", listening.resolve);
  await listening.promise;
  const address = server.address();
  const port = typeof address === "object" ? address?.port ?? 0 : 0;
  const timer = setTimeout(
    () => greeted.reject(new Error("no answer came")),
    TRIAL_TIMEOUT_MS,
  );
  try {
    const [conn] = await Promise.all([
      call(port, ca, isCaller ? { cert, key } : null),
      greeted.promise,
    ]);
    conn.close();
  } finally {
    clearTimeout(timer);
  }
}

async function call(
  port: number,
  ca: string,
  shown: { readonly cert: string; readonly key: string } | null,
): Promise<Deno.TlsConn> {
  const conn = await Deno.connectTls({
    hostname: "127.0.0.1",
    port,
    caCerts: [ca],
    // The name has been checked, and a trial can only be made on loopback.
    unsafelyDisableHostnameVerification: true,
    ...(shown ?? {}),
  });
  try {
    await conn.handshake();
    return conn;
  } catch (error) {
    conn.close();
    throw error;
  }
}
