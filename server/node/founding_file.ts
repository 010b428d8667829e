import { join } from "node:path";
import type { Founder } from "../peers/mod.ts";

/** With whom the cluster was founded; kept beside the log for members that ask later. */
const FILE = "founding.json";

/** Reads with whom this directory was founded; null when it was not. */
export async function readFounding(
  directory: string,
): Promise<readonly Founder[] | null> {
  try {
    return JSON.parse(await Deno.readTextFile(join(directory, FILE)));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/** Writes it durably, before the first entry is. */
export async function writeFounding(
  directory: string,
  founders: readonly Founder[],
): Promise<void> {
  const path = join(directory, FILE);
  const temporary = `${path}.new`;
  const file = await Deno.open(temporary, {
    write: true,
    create: true,
    truncate: true,
    mode: 0o600,
  });
  try {
    await file.write(new TextEncoder().encode(JSON.stringify(founders)));
    await file.sync();
  } finally {
    file.close();
  }
  await Deno.rename(temporary, path);
  const folder = await Deno.open(directory);
  try {
    await folder.sync();
  } finally {
    folder.close();
  }
}
