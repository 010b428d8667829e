import { join } from "node:path";
import type { ProvenConfig } from "./body.ts";
import { readIfThere, writeSynced } from "./saved_file.ts";

const FILE = "proven_parameters.json";

/** Keeps the parameters that the server has started with. */
export async function writeProven(
  directory: string,
  proven: ProvenConfig,
): Promise<void> {
  await writeSynced(join(directory, FILE), `${JSON.stringify(proven)}\n`);
}

/** Reads what {@linkcode writeProven} kept; null where there is nothing. */
export async function readProven(
  directory: string,
): Promise<ProvenConfig | null> {
  const text = await readIfThere(join(directory, FILE));
  return text === null ? null : JSON.parse(text);
}
