import { join } from "node:path";
import { messageOf } from "../../base/mod.ts";
import { EXTENSION_VERSION, extensionFiles } from "../../pg/sql/mod.ts";

/** What became of the extension's files. */
export type FilesOutcome =
  /** They are there as this version has them. */
  | { readonly kind: "installed"; readonly directory: string }
  /** A later version of pgraft has put its own there. */
  | {
    readonly kind: "newer";
    readonly directory: string;
    readonly version: string;
  }
  /** They can't be written there. */
  | {
    readonly kind: "not_writable";
    readonly directory: string;
    readonly why: string;
  };

/**
 * Compares versions number by number.
 *
 * @returns Below 0 when `a` is older, above 0 when it is newer.
 *
 * @example Usage
 * ```ts
 * import { compareVersions } from "./files.ts";
 *
 * if (compareVersions("1.9", "1.10") >= 0) throw new Error("1.9 is older");
 * ```
 */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((text) => text.split(".").map(Number));
  for (let i = 0; i < Math.max(left?.length ?? 0, right?.length ?? 0); i++) {
    const difference = (left?.[i] ?? 0) - (right?.[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/**
 * Puts the extension's files where the server looks for them. Servers of several nodes may share the
 * directory: files are replaced whole, the control file last, and those of a later version stay.
 *
 * @param shareDir PostgreSQL's `SHAREDIR`.
 */
export async function installFiles(shareDir: string): Promise<FilesOutcome> {
  const directory = join(shareDir, "extension");
  const there = await readIfThere(join(directory, "pgraft.control"));
  const version = /^default_version\s*=\s*'([\d.]+)'/m.exec(there ?? "")?.[1];
  if (
    version !== undefined && compareVersions(version, EXTENSION_VERSION) > 0
  ) {
    return { kind: "newer", directory, version };
  }
  try {
    for (const { name, text } of extensionFiles().toReversed()) {
      await replace(join(directory, name), text);
    }
    return { kind: "installed", directory };
  } catch (error) {
    return { kind: "not_writable", directory, why: messageOf(error) };
  }
}

async function replace(path: string, text: string): Promise<void> {
  if (await readIfThere(path) === text) return;
  const draft = `${path}.${crypto.randomUUID()}.new`;
  try {
    await Deno.writeTextFile(draft, text, { createNew: true, mode: 0o644 });
    // Whatever the umask says: the server's user reads it.
    await Deno.chmod(draft, 0o644);
    await Deno.rename(draft, path);
  } catch (error) {
    await Deno.remove(draft).catch(() => {});
    throw error;
  }
}

async function readIfThere(path: string): Promise<string | null> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
