import { statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { exists } from "./files.ts";
import type { Place } from "./place.ts";
import { within } from "./wait.ts";

/** A hung disk does not answer. */
const STATFS_TIMEOUT_MS = 2_000;

async function ask(place: Place): Promise<number | null> {
  const { dataDir } = place;
  const path = await exists(dataDir) ? dataDir : dirname(dataDir);
  const { bavail, bsize } = await statfs(path);
  return bavail * bsize;
}

/** What is free for the data directory; null when the disk does not say in time. */
export async function diskFreeBytes(place: Place): Promise<number | null> {
  return await within(place.clock, STATFS_TIMEOUT_MS, ask(place), () => null);
}
