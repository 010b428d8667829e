import { CommandFailure, EXIT } from "../exit_codes.ts";
import { flag, type OptionSpec } from "../options.ts";
import { manyLines } from "../style.ts";
import type { Session } from "./session.ts";

/** `--yes`. */
export const YES: OptionSpec<boolean> = flag({
  short: "y",
  help: "Ask nothing; needed where standard input is no terminal",
});

/** What is to be done, for {@linkcode askFirst}. */
export interface Question {
  /** What will happen, a sentence a line. */
  readonly lines: readonly string[];
  /** Whether `--yes` was given. */
  readonly yes: boolean;
}

/** Rejects at Ctrl-C, for which a read of the terminal does not wait. */
function interruption(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  const fail = (): void =>
    reject(new CommandFailure("Interrupted", EXIT.interrupted));
  if (signal.aborted) fail();
  else signal.addEventListener("abort", fail, { once: true });
  return promise;
}

/**
 * Asks a person before something that can't be taken back.
 *
 * @param session The session.
 * @param question What will happen.
 * @throws {CommandFailure} When the answer is not yes, or nobody is there to ask.
 */
export async function askFirst(
  { io, signal }: Session,
  { lines, yes }: Question,
): Promise<void> {
  if (yes) return;
  if (!io.inIsTerminal) {
    throw new CommandFailure(
      "Standard input is no terminal, so nobody can be asked; give --yes",
      EXIT.usage,
      lines,
    );
  }
  await io.err(`${manyLines(lines.join("\n"))}\nGo on? [y/N] `);
  const answer = await Promise.race([io.readLine(), interruption(signal)]);
  if (/^y(es)?$/i.test((answer ?? "").trim())) return;
  throw new CommandFailure("Nothing was done", EXIT.failure);
}
