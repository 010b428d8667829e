import { basename, dirname, join } from "node:path";
import { messageOf } from "../../base/mod.ts";
import { exists, makePrivate, readIfThere, removeIfThere } from "./files.ts";
import type { Owner } from "./files.ts";
import type { Place } from "./place.ts";

/** How a copy's own directory is called where the tablespace's place holds something already. */
const OWN_NAME = /^pgraft-[0-9a-f]{8}$/;
/** Marks a directory that a copy has not filled to its end, and says for which directory of data that was. */
export const UNFINISHED = "pgraft_unfinished_copy";

/** Where a tablespace is meant to be, whichever copy of it is spoken of. */
function placeOf(location: string): string {
  return OWN_NAME.test(basename(location)) ? dirname(location) : location;
}

async function namesIn(path: string): Promise<string[]> {
  try {
    return (await Array.fromAsync(Deno.readDir(path))).map(({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/**
 * Finds a directory for a tablespace: that of the source where it is free here, else one within. So a member can
 * be cloned again while its former copy is kept, and a copy never writes into what it has not made.
 *
 * @param location Where the source has it.
 * @param staging The directory of data that is being filled.
 * @param owner Who runs PostgreSQL.
 * @returns An empty directory.
 */
export async function makeLocation(
  location: string,
  staging: string,
  owner: Owner,
): Promise<string> {
  const place = placeOf(location);
  await removeUnfinished(place, staging);
  await makePrivate(place, owner);
  for (const name of await namesIn(place)) {
    if (OWN_NAME.test(name)) await removeUnfinished(join(place, name), staging);
  }
  if ((await namesIn(place)).length === 0) return place;
  const own = join(place, `pgraft-${crypto.randomUUID().slice(0, 8)}`);
  await makePrivate(own, owner);
  return own;
}

/** What another node's copy has not finished is that node's. */
async function removeUnfinished(path: string, staging: string): Promise<void> {
  if (await readIfThere(join(path, UNFINISHED)) !== staging) return;
  await removeIfThere(path);
}

/** Where a directory of data has its tablespaces. */
export async function locationsOf(dataDir: string): Promise<string[]> {
  const links = join(dataDir, "pg_tblspc");
  const found: string[] = [];
  for (const name of await namesIn(links)) {
    const { isSymlink } = await Deno.lstat(join(links, name));
    if (isSymlink) found.push(await Deno.readLink(join(links, name)));
  }
  return found;
}

/**
 * Removes a copy of the data with the directories that were made for its tablespaces alone. One that is the
 * tablespace's own place may hold what others put there, so it stays, and that is said.
 *
 * @param place The instance.
 * @param dataDir The copy; not the one that is used.
 */
export async function removeCopy(place: Place, dataDir: string): Promise<void> {
  if (!await exists(dataDir)) return;
  const kept = new Set(
    place.dataDir === dataDir ? [] : await locationsOf(place.dataDir),
  );
  for (const location of await locationsOf(dataDir)) {
    if (kept.has(location) || !await exists(location)) continue;
    if (OWN_NAME.test(basename(location))) {
      await remove(place, location);
      continue;
    }
    place.options.log(
      "warning",
      `What the former copy had of a tablespace stays in "${location}", as pgraft did not make that directory: remove its PG_… directory if nobody else needs it`,
    );
  }
  await removeIfThere(dataDir);
}

async function remove(place: Place, location: string): Promise<void> {
  try {
    await removeIfThere(location);
  } catch (error) {
    place.options.log(
      "warning",
      `"${location}" of a former copy could not be removed: ${
        messageOf(error)
      }`,
    );
  }
}

/**
 * Writes the map by which a recovery makes the links of tablespaces, to where this copy has them.
 *
 * @param text The source's map.
 * @param links Where each is here, by its number.
 */
export function mapTablespaces(
  text: string,
  links: ReadonlyMap<string, string>,
): string {
  const lines = text.split(/(?<!\\)\n/).filter((line) => line !== "");
  return lines.map((line) => {
    const [, oid = ""] = /^(\d+) /.exec(line) ?? [];
    const location = links.get(oid);
    return location === undefined
      ? `${line}\n`
      : `${oid} ${location.replaceAll(/[\n\r\\]/g, "\\$&")}\n`;
  }).join("");
}
