/**
 * Certificates for tests and benchmarks, made by the command line of OpenSSL.
 *
 * @module
 */
import { join } from "node:path";

/** A certificate and its key, as files. */
export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

/** What a certificate is to be. */
export interface CertificateOptions {
  /** As in `subjectAltName`. @default {"IP:127.0.0.1,DNS:localhost"} */
  readonly names?: string;
  /** How long it is valid, from now; negative for one that has expired. @default {86_400_000} */
  readonly lifeMs?: number;
  /** From when on it is valid, counted from now. @default {-60_000} */
  readonly fromMs?: number;
  /** As in `extendedKeyUsage`. @default {none} */
  readonly purposes?: string;
}

/** An authority. */
export interface Authority {
  /** Its own certificate, PEM. */
  readonly ca: string;
  /** Makes a certificate that it has signed, under a name for its files and its subject. */
  issue(name: string, options?: CertificateOptions): Promise<CertificateFiles>;
}

const CURVE = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];
const DAY_MS = 86_400_000;

async function openssl(words: readonly string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("openssl", {
    args: [...words],
    stdin: "null",
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}

/** As `openssl ca` reads dates: to the second, which `-days` is not. */
function stamp(atMs: number): string {
  return new Date(atMs).toISOString().replace(/[-:T]|\.\d+/g, "");
}

/**
 * Makes an authority.
 *
 * @param directory Where its files go; there must be one.
 * @param name Its name.
 */
export async function makeAuthority(
  directory: string,
  name = "authority",
): Promise<Authority> {
  const at = (file: string): string => join(directory, file);
  const ca = at(`${name}.ca.pem`);
  const key = at(`${name}.ca.key`);
  await openssl([
    ...["req", "-x509", ...CURVE, "-nodes", "-days", "2"],
    ...["-subj", `/CN=${name}`, "-keyout", key, "-out", ca],
  ]);
  await Deno.writeTextFile(at(`${name}.index`), "");
  await Deno.writeTextFile(at(`${name}.cnf`), configurationOf(directory, name));
  return {
    ca,
    issue: async (subject, options = {}) => {
      const { names = "IP:127.0.0.1,DNS:localhost", purposes } = options;
      const { lifeMs = DAY_MS, fromMs = -60_000 } = options;
      const files = { cert: at(`${subject}.pem`), key: at(`${subject}.key`) };
      const request = at(`${subject}.csr`);
      await openssl([
        ...["req", ...CURVE, "-nodes", "-subj", `/CN=${subject}`],
        ...["-keyout", files.key, "-out", request],
        ...(names === "" ? [] : ["-addext", `subjectAltName=${names}`]),
        ...(purposes ? ["-addext", `extendedKeyUsage=${purposes}`] : []),
      ]);
      const nowMs = Date.now();
      await openssl([
        ...["ca", "-batch", "-notext", "-config", at(`${name}.cnf`)],
        ...["-startdate", stamp(Math.min(nowMs + fromMs, nowMs + lifeMs))],
        ...["-enddate", stamp(nowMs + lifeMs)],
        ...["-in", request, "-out", files.cert],
      ]);
      await Deno.chmod(files.key, 0o600);
      return files;
    },
  };
}

function configurationOf(directory: string, name: string): string {
  const at = (file: string): string => join(directory, `${name}.${file}`);
  return `[ca]
default_ca = this
[this]
database = ${at("index")}
new_certs_dir = ${directory}
certificate = ${at("ca.pem")}
private_key = ${at("ca.key")}
rand_serial = yes
default_md = sha256
unique_subject = no
copy_extensions = copy
policy = any
[any]
commonName = supplied
`;
}

/**
 * Runs something with a directory for certificates, which goes afterwards.
 *
 * @param run What to run.
 */
export async function withCertificates<T>(
  run: (directory: string) => Promise<T>,
): Promise<T> {
  const directory = await Deno.makeTempDir({ prefix: "pgraft-tls-" });
  try {
    return await run(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/**
 * Puts certificates in the place of others, as a renewal does.
 *
 * @param from The new ones.
 * @param to Where they go.
 */
export async function replaceFiles(
  from: CertificateFiles,
  to: CertificateFiles,
): Promise<void> {
  for (const file of ["cert", "key"] as const) {
    await Deno.copyFile(from[file], `${to[file]}.new`);
    await Deno.rename(`${to[file]}.new`, to[file]);
  }
}
