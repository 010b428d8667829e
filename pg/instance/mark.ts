import { join } from "node:path";
import { readIfThere, writeDurably } from "./files.ts";
import type { Place } from "./place.ts";

/** In the data directory, so that it goes wherever the data goes: to a clone, and with a rewind. */
const FILE = "pgraft_copy";

/** Writes which copy the data directory is (R3, R4). */
export async function writeMark(place: Place, mark: string): Promise<void> {
  const path = join(place.dataDir, FILE);
  await writeDurably(path, `${mark}\n`, place.options.osUser);
}

/** Reads it; null where there is none. */
export async function readMark(place: Place): Promise<string | null> {
  const text = await readIfThere(join(place.dataDir, FILE));
  return text === null ? null : text.trim();
}
