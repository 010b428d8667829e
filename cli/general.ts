import { nearest } from "../base/mod.ts";
import { type Command, command, type Context } from "./command.ts";
import { completionScript, SHELLS } from "./completions.ts";
import { EXIT } from "./exit_codes.ts";
import { fullHelp, usageError } from "./help.ts";
import { quote, required, rest } from "./options.ts";
import { wordType } from "./text_types.ts";
import { findNode, listNodes } from "./tree.ts";
import { versionText } from "./version.ts";

async function help(
  words: readonly string[],
  { io, root }: Context,
): Promise<number> {
  const node = findNode(root, words);
  if (node !== null) {
    await io.out(fullHelp(node, io.color));
    return EXIT.ok;
  }
  const path = words.join(" ");
  const meant = nearest(path, listNodes(root).map(({ row }) => row.path));
  const hint = meant === null ? "" : `; did you mean ${meant}`;
  await io.err(usageError(root, `There is no command ${quote(path)}${hint}`));
  return EXIT.usage;
}

/** Commands about the program itself. */
export const GENERAL_COMMANDS: readonly Command[] = [
  command({
    path: "completions",
    summary:
      "Print a script that teaches a shell to complete pgraft's commands",
    examples: [
      {
        line: "source <(pgraft completions bash)",
        does: "Complete in this bash; put the line into ~/.bashrc to keep it",
      },
      {
        line: "pgraft completions zsh > ~/.zfunc/_pgraft",
        does: "Complete in zsh, when ~/.zfunc is in fpath before compinit",
      },
      {
        line:
          "pgraft completions fish > ~/.config/fish/completions/pgraft.fish",
        does: "Complete in fish",
      },
    ],
    options: {},
    args: {
      shell: required(
        wordType("SHELL", SHELLS),
        "The shell: bash, zsh or fish",
      ),
    },
    run: async ({ args }, { io, root }) => {
      await io.out(completionScript(args.shell, root));
      return EXIT.ok;
    },
  }),
  command({
    path: "help",
    summary: "Print the help of a command",
    examples: [{
      line: "pgraft help ctl kv put",
      does: "The same as pgraft ctl kv put --help",
    }],
    options: {},
    args: { words: rest("COMMAND", "The words of the command") },
    run: ({ args }, context) => help(args.words, context),
  }),
  command({
    path: "version",
    summary: "Print the version",
    examples: [{
      line: "pgraft version",
      does: "The same as pgraft --version",
    }],
    options: {},
    args: {},
    run: async (_call, { io }) => {
      await io.out(versionText());
      return EXIT.ok;
    },
  }),
];
