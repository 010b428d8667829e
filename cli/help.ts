import type { Command, Group, TreeNode } from "./command.ts";
import { longName, type OptionSpec } from "./options.ts";
import { painter, wrap } from "./style.ts";
import { optionsAt } from "./tree.ts";

/** The most characters of a line of help. */
export const HELP_WIDTH = 100;
const INDENT = "  ";
/** Where what is explained ends and what explains it begins. */
const WORDS_WIDTH = 30;

type Paint = ReturnType<typeof painter>;
/** What is explained, and by what. */
type Pair = readonly [words: string, help: string];

function fullName(row: Command | Group): string {
  return row.path === "" ? "pgraft" : `pgraft ${row.path}`;
}

function wrapLines(text: string): string[] {
  return text.split("\n").flatMap((line) => wrap(line, HELP_WIDTH));
}

function pairLines([words, help]: Pair): string[] {
  const left = INDENT + words;
  const column = " ".repeat(WORDS_WIDTH);
  const explained = wrap(column + help, HELP_WIDTH);
  const [first = "", ...others] = explained;
  return left.length + 2 > WORDS_WIDTH
    ? [left, ...explained]
    : [left.padEnd(WORDS_WIDTH) + first.trimStart(), ...others];
}

function section(
  title: string,
  lines: readonly string[],
  paint: Paint,
): string[] {
  return lines.length === 0 ? [] : [paint("bold", `${title}:`), ...lines, ""];
}

function optionPair(key: string, spec: OptionSpec<unknown>): Pair {
  const short = spec.short === undefined ? "    " : `-${spec.short}, `;
  const { takes, placeholder } = spec;
  const shown = takes === "maybe" ? `[${placeholder}]` : placeholder;
  const notes = [
    spec.fallback,
    spec.env === undefined ? undefined : `env ${spec.env}`,
  ].filter((note) => note !== undefined);
  const words = short + longName(key) + (shown === null ? "" : ` ${shown}`);
  return [
    words,
    spec.help + (notes.length === 0 ? "" : ` (${notes.join("; ")})`),
  ];
}

const HELP_PAIR: Pair = ["-h, --help", "Print this help"];
const VERSION_PAIR: Pair = ["-V, --version", "Print the version"];

/** The options of groups above stand apart from the row's own. */
function optionSections(node: TreeNode, paint: Paint): string[] {
  const all = optionsAt(node);
  const above = node.parent === null ? new Map() : optionsAt(node.parent);
  const own = Object.entries(node.row.options)
    .filter(([key, spec]) => above.get(key) !== spec)
    .map(([key, spec]) => optionPair(key, spec));
  const common = [...above]
    .filter(([key, spec]) => all.get(key) === spec)
    .map(([key, spec]) => optionPair(key, spec));
  return [
    ...section(
      "Options",
      [...own, HELP_PAIR, ...versionPair(node)].flatMap(pairLines),
      paint,
    ),
    ...section("Common options", common.flatMap(pairLines), paint),
  ];
}

function versionPair(node: TreeNode): Pair[] {
  return node.parent === null ? [VERSION_PAIR] : [];
}

function argumentWords(row: Command): string {
  return Object.values(row.args).map(({ placeholder, count }) => {
    if (count === "one") return ` ${placeholder}`;
    return count === "many" ? ` [${placeholder}...]` : ` [${placeholder}]`;
  }).join("");
}

function usage(row: Command | Group): string {
  const name = fullName(row);
  if (row.kind === "group") return `${name} COMMAND [options]`;
  return `${name} [options]${argumentWords(row)}`;
}

function commandPairs(node: TreeNode): Pair[] {
  return [...node.children].flatMap(([word, child]) => {
    const { row } = child;
    const isHidden = row.kind === "group" && row.hidden === true;
    return isHidden ? [] : [[word, row.summary] as const];
  });
}

/** A group of other names lists those; all else lists what is below. */
function commandLines(node: TreeNode): string[] {
  const pairs = commandPairs(node);
  const others = [...node.aliases].map(([word, { row }]): Pair => [
    word,
    `The same as ${fullName(row)}`,
  ]);
  const isHidden = node.row.kind === "group" && node.row.hidden === true;
  return (isHidden ? others : pairs).flatMap(pairLines);
}

function exampleLines({ row }: TreeNode): string[] {
  return row.examples.flatMap(({ line, does }) => [
    ...wrap(`${INDENT}${does}`, HELP_WIDTH),
    `${INDENT}${INDENT}$ ${line}`,
  ]);
}

function aliasLine({ row }: TreeNode): string[] {
  if (row.aliases === undefined || row.aliases.length === 0) return [];
  const names = row.aliases.map((alias) => `pgraft ${alias}`).join(", ");
  return [...wrap(`Other names: ${names}`, HELP_WIDTH), ""];
}

function ownHelp({ row }: TreeNode): string[] {
  if (row.kind === "group" || row.ownFlags === undefined) return [];
  return wrapLines(row.ownFlags.help());
}

/**
 * Writes the help of a command or group, examples first.
 *
 * @param node Which.
 * @param color Whether to colour it.
 * @returns The text, with a line feed at its end.
 */
export function fullHelp(node: TreeNode, color: boolean): string {
  const { row } = node;
  const paint = painter(color);
  const args = row.kind === "command" ? Object.values(row.args) : [];
  const lines = [
    ...wrap(row.summary, HELP_WIDTH),
    "",
    ...section("Examples", exampleLines(node), paint),
    ...section("Usage", [INDENT + usage(row)], paint),
    ...(row.about ?? []).flatMap((text) => [...wrapLines(text), ""]),
    ...aliasLine(node),
    ...section("Commands", commandLines(node), paint),
    ...section(
      "Arguments",
      args.flatMap(({ placeholder, help }) => pairLines([placeholder, help])),
      paint,
    ),
    ...optionSections(node, paint),
    ...ownHelp(node),
  ];
  return `${lines.join("\n").trimEnd()}\n`;
}

/**
 * Writes what a group says when no command of it is named.
 *
 * @param node The group.
 * @param color Whether to colour it.
 * @returns The text, with a line feed at its end.
 */
export function shortHelp(node: TreeNode, color: boolean): string {
  const paint = painter(color);
  const lines = [
    ...wrap(node.row.summary, HELP_WIDTH),
    "",
    ...section("Usage", [INDENT + usage(node.row)], paint),
    ...section("Commands", commandLines(node), paint),
    `More: ${fullName(node.row)} --help`,
  ];
  return `${lines.join("\n")}\n`;
}

/**
 * Writes what is wrong with a command line.
 *
 * @param node The command or group that was named.
 * @param message What is wrong.
 * @returns The text, with a line feed at its end.
 */
export function usageError(node: TreeNode, message: string): string {
  return `pgraft: ${message}\n  Help: ${fullName(node.row)} --help\n`;
}
