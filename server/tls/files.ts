import { createPrivateKey, X509Certificate } from "node:crypto";
import { messageOf } from "../../base/mod.ts";

/** Where certificates stand, and what settings name the places. */
export interface TlsFiles {
  /** The section of the settings, such as `raft`. */
  readonly section: string;
  readonly cert: string;
  readonly key: string;
  /** Null where the system's authorities count. */
  readonly ca: string | null;
}

/** What the files hold, as PEM, each of it readable. */
export interface TlsMaterial {
  readonly cert: string;
  readonly key: string;
  readonly ca: string | null;
}

/** Certificates that can't be used, with what to do about it. */
export class TlsError extends Error {
  override readonly name = "TlsError";
}

/** A chain of certificates is some KB; a larger file is another one by mistake. */
const MAX_FILE_BYTES = 1024 * 1024;
const WORLD_MODE = 0o007;
const CERTIFICATE =
  /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;
const PRIVATE_KEY = /-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----/;
const LOCKED_KEY =
  /-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type:.*ENCRYPTED/m;

/**
 * Reads the files that settings name.
 *
 * @param files Where they are.
 * @returns What they hold.
 * @throws {TlsError} When one can't be read or holds something else, with the way out.
 */
export async function readTlsFiles(files: TlsFiles): Promise<TlsMaterial> {
  const { section, cert, key, ca } = files;
  return {
    cert: await readCertificates(`${section}.tls_cert`, cert),
    key: await readKey(`${section}.tls_key`, key),
    ca: ca === null ? null : await readCertificates(`${section}.tls_ca`, ca),
  };
}

/**
 * Takes the certificates out of a PEM text that holds some.
 *
 * @param text The text.
 */
export function certificatesIn(text: string): X509Certificate[] {
  return (text.match(CERTIFICATE) ?? []).map((pem) => new X509Certificate(pem));
}

async function readCertificates(name: string, path: string): Promise<string> {
  const text = await readText(name, path);
  try {
    if (certificatesIn(text).length > 0) return text;
  } catch (error) {
    throw new TlsError(
      `${name}: the certificate in ${path} can't be read (${
        messageOf(error)
      }); put a whole PEM certificate there`,
      { cause: error },
    );
  }
  throw new TlsError(
    `${name}: the file ${path} holds no PEM certificate; name one that begins with -----BEGIN CERTIFICATE-----`,
  );
}

async function readKey(name: string, path: string): Promise<string> {
  const text = await readText(name, path);
  await checkMode(name, path);
  if (LOCKED_KEY.test(text)) {
    throw new TlsError(
      `${name}: the key in ${path} is under a passphrase, which nobody can type when the node starts; write it without one: openssl pkey -in ${path} -out NEW`,
    );
  }
  if (!PRIVATE_KEY.test(text)) {
    throw new TlsError(
      `${name}: the file ${path} holds no PEM private key; name the one that belongs to tls_cert`,
    );
  }
  try {
    createPrivateKey(text);
    return text;
  } catch (error) {
    throw new TlsError(
      `${name}: the key in ${path} can't be read; put a whole PEM key there`,
      { cause: error },
    );
  }
}

async function readText(name: string, path: string): Promise<string> {
  try {
    const { size } = await Deno.stat(path);
    if (size <= MAX_FILE_BYTES) return await Deno.readTextFile(path);
  } catch (error) {
    throw new TlsError(
      `${name}: the file ${path} can't be read (${
        messageOf(error)
      }); correct the path, or let the user that runs pgraft read it`,
      { cause: error },
    );
  }
  throw new TlsError(
    `${name}: the file ${path} is larger than ${MAX_FILE_BYTES} bytes; name a PEM file`,
  );
}

async function checkMode(name: string, path: string): Promise<void> {
  const { mode } = await Deno.stat(path);
  if (mode === null || (mode & WORLD_MODE) === 0) return;
  const shown = (mode & 0o777).toString(8).padStart(3, "0");
  throw new TlsError(
    `${name}: the key ${path} has mode ${shown}, so everybody on this machine can use it; run chmod 640 ${path}`,
  );
}
