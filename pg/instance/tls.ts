import { join } from "node:path";
import { messageOf } from "../../base/mod.ts";
import { InstanceError } from "./errors.ts";
import { makePrivate, writeIfChanged } from "./files.ts";
import type { InstanceOptions } from "./types.ts";

/** Where the server reads them: copies that belong to its user, as it demands of the key. */
export function tlsPaths(
  { runDir }: InstanceOptions,
): { readonly cert: string; readonly key: string; readonly ca: string } {
  const directory = join(runDir, "tls");
  return {
    cert: join(directory, "server.crt"),
    key: join(directory, "server.key"),
    ca: join(directory, "ca.crt"),
  };
}

/** What the server is told; it reads the files again at a reload. */
export function tlsSettings(options: InstanceOptions): Map<string, string> {
  if (!options.tls) return new Map();
  const { cert, key, ca } = tlsPaths(options);
  return new Map([
    ["ssl", "on"],
    ["ssl_cert_file", cert],
    ["ssl_key_file", key],
    ["ssl_ca_file", ca],
    ["ssl_crl_file", ""],
    ["ssl_passphrase_command", ""],
  ]);
}

/** Copies the certificates to where the server reads them; returns whether any has changed. */
export async function writeTlsFiles(
  options: InstanceOptions,
): Promise<boolean> {
  const { tls, osUser, runDir } = options;
  if (!tls) return false;
  const paths = tlsPaths(options);
  const texts = await Promise.all(
    (["cert", "key", "ca"] as const).map(async (kind) => ({
      path: paths[kind],
      text: await readPem(`tls_${kind}`, tls[kind]),
    })),
  );
  await makePrivate(join(runDir, "tls"), osUser);
  let hasChanged = false;
  for (const { path, text } of texts) {
    if (await writeIfChanged(path, text, osUser)) hasChanged = true;
  }
  return hasChanged;
}

async function readPem(key: string, path: string): Promise<string> {
  let why = "it is no PEM file";
  try {
    const text = await Deno.readTextFile(path);
    if (/^-----BEGIN /m.test(text)) return text;
  } catch (error) {
    why = messageOf(error);
  }
  throw new InstanceError(
    "bad_setting",
    `${key} in [postgresql] is ${path}, which cannot be used: ${why}; correct the path or the file`,
  );
}
