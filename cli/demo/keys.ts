import type { Io } from "../io.ts";
import { type Action, COMMANDS } from "./screen.ts";

/** The action of a key, or of a line. */
function actionOf(text: string): Action | null {
  const given = text.trim().toLowerCase();
  return COMMANDS.find(({ key, word }) => key === given || word === given)
    ?.word ?? null;
}

async function* readKeys(): AsyncGenerator<string> {
  const buffer = new Uint8Array(64);
  for (
    let count = await Deno.stdin.read(buffer);
    count !== null;
    count = await Deno.stdin.read(buffer)
  ) yield* new TextDecoder().decode(buffer.subarray(0, count));
}

/** Control keys still send signals. */
async function* readTerminal(): AsyncGenerator<Action> {
  Deno.stdin.setRaw(true, { cbreak: true });
  try {
    for await (const key of readKeys()) {
      const action = actionOf(key);
      if (action !== null) yield action;
    }
  } finally {
    Deno.stdin.setRaw(false);
  }
}

async function* readLines({ readLine, err }: Io): AsyncGenerator<Action> {
  for (let text = await readLine(); text !== null; text = await readLine()) {
    for (const line of text.split("\n").filter((each) => each.trim() !== "")) {
      const action = actionOf(line);
      if (action !== null) yield action;
      else {
        const words = COMMANDS.map(({ word }) => word).join(", ");
        await err(`pgraft: commands are ${words}\n`);
      }
    }
  }
}

/**
 * Reads what a person wants: keys of a terminal, else words by the line.
 *
 * @param io The world.
 * @param signal Gives the terminal back.
 * @returns The actions, to the end of the input.
 */
export async function* readActions(
  io: Io,
  signal: AbortSignal,
): AsyncGenerator<Action> {
  const isTerminal = io.inIsTerminal;
  // A key that is waited for is waited for even when all is over.
  signal.addEventListener("abort", () => {
    if (isTerminal) Deno.stdin.setRaw(false);
  });
  yield* isTerminal ? readTerminal() : readLines(io);
}
