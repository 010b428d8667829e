import { messageOf } from "../base/mod.ts";
import { COMMANDS } from "./commands.ts";
import { CommandFailure, EXIT } from "./exit_codes.ts";
import { fullHelp, shortHelp, usageError } from "./help.ts";
import type { Io } from "./io.ts";
import { parseLine } from "./parse.ts";
import { oneLine } from "./style.ts";
import { growTree } from "./tree.ts";
import { versionText } from "./version.ts";

async function runLine(args: readonly string[], io: Io): Promise<number> {
  const root = growTree(COMMANDS);
  const parsed = parseLine(root, args, io.env);
  switch (parsed.kind) {
    case "help":
      await io.out(fullHelp(parsed.node, io.color));
      return EXIT.ok;
    case "bare":
      await io.out(shortHelp(parsed.node, io.color));
      return EXIT.ok;
    case "version":
      await io.out(versionText());
      return EXIT.ok;
    case "wrong":
      await io.err(usageError(parsed.node, oneLine(parsed.message)));
      return EXIT.usage;
    case "run":
      return await parsed.command.invoke(parsed.values, { io, root });
  }
}

async function report(error: unknown, io: Io): Promise<number> {
  if (error instanceof Deno.errors.BrokenPipe) return EXIT.brokenPipe;
  const failure = error instanceof CommandFailure
    ? error
    : new CommandFailure(messageOf(error), EXIT.failure);
  const lines = [`pgraft: ${failure.message}`, ...failure.hints];
  await io.err(`${lines.map(oneLine).join("\n  ")}\n`);
  return failure.exitCode;
}

/**
 * Runs a command line.
 *
 * @param args The arguments, as in `Deno.args`.
 * @param io The world.
 * @returns The exit code.
 *
 * @example Usage
 * ```ts
 * import { main, systemIo } from "./mod.ts";
 *
 * const code = await main(["--version"], systemIo());
 * if (code !== 0) throw new Error("The version can always be told");
 * ```
 */
export async function main(args: readonly string[], io: Io): Promise<number> {
  try {
    return await runLine(args, io);
  } catch (error) {
    return await report(error, io);
  }
}
