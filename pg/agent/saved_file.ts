import { join } from "node:path";
import { NOTHING_SAVED, type Saved } from "../policy/mod.ts";

const FILE = "agent.json";
const PASSWORD_FILE = "replication_password";

/** Reads what an agent kept in a directory. */
export async function readSaved(directory: string): Promise<Saved> {
  const text = await readIfThere(join(directory, FILE));
  if (text === null) return NOTHING_SAVED;
  const saved: Partial<Saved> = JSON.parse(text);
  // Earlier versions did not tell the two apart.
  const { epoch = 0, followed = epoch } = saved;
  return { ...NOTHING_SAVED, ...saved, followed };
}

/**
 * Whether an agent has had to do with the data directory beside it: then what is in there is its own, or
 * what is left of it.
 *
 * @param directory Where the agent keeps what it must not forget.
 */
export async function isManaged(directory: string): Promise<boolean> {
  const { incarnation, founding, pledge, adopted } = await readSaved(directory);
  return incarnation !== null || founding > 0 || pledge > 0 || adopted !== "";
}

/** Keeps it, synced before it returns: whatever is done next rests on it (R12, R15). */
export async function writeSaved(
  directory: string,
  saved: Saved,
): Promise<void> {
  await writeSynced(join(directory, FILE), `${JSON.stringify(saved)}\n`);
}

/** The password that this node proposes for the replication role; the same one until it is needed no more. */
export async function ownPassword(directory: string): Promise<string> {
  const path = join(directory, PASSWORD_FILE);
  const known = await readIfThere(path);
  if (known !== null && known.trim() !== "") return known.trim();
  const bytes = crypto.getRandomValues(new Uint8Array(24));
  const password = bytes.toHex();
  await writeSynced(path, `${password}\n`);
  return password;
}

/** Reads a file; null where there is none. */
export async function readIfThere(path: string): Promise<string | null> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/** Writes a file whole or not at all, synced before it returns. */
export async function writeSynced(path: string, text: string): Promise<void> {
  const temporary = `${path}.new`;
  const options = { write: true, create: true, truncate: true, mode: 0o600 };
  {
    using file = await Deno.open(temporary, options);
    await file.write(new TextEncoder().encode(text));
    await file.sync();
  }
  await Deno.rename(temporary, path);
  using directory = await Deno.open(join(path, ".."));
  await directory.sync();
}
