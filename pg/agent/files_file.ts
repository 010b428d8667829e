import { join } from "node:path";
import type { Files } from "./body.ts";

const FILE = "files.json";

/**
 * Keeps what the server's files say, for an agent that takes a running server over. Nothing rests on it
 * after a crash of the machine, when the server has ended too and is started with files made anew.
 */
export async function keepFiles(
  directory: string,
  files: Files,
): Promise<void> {
  await Deno.writeTextFile(join(directory, FILE), JSON.stringify(files), {
    mode: 0o600,
  });
}

/** Reads what {@linkcode keepFiles} kept; null where there is nothing that can be read. */
export async function readFiles(directory: string): Promise<Files | null> {
  try {
    return JSON.parse(await Deno.readTextFile(join(directory, FILE)));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
