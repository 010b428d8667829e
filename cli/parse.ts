import type { Command, RawValues, TreeNode } from "./command.ts";
import {
  type ArgumentSpec,
  longName,
  type OptionSpec,
  quote,
  type Read,
} from "./options.ts";
import { scanLine, type Scanned, type Stopped } from "./scan.ts";
import { optionsAt } from "./tree.ts";

/** What a command line asks for. */
export type Parsed =
  | {
    readonly kind: "run";
    readonly command: Command;
    readonly values: RawValues;
  }
  /** A group without a command. */
  | { readonly kind: "bare"; readonly node: TreeNode }
  | Stopped;

type Environment = Readonly<Record<string, string | undefined>>;

type Values = Record<string, unknown>;

interface Reading {
  readonly scanned: Scanned;
  readonly env: Environment;
}

/** A variable that is set but empty counts as not set, as in a compose file that passes it on. */
function readOption(
  { scanned, env }: Reading,
  key: string,
  spec: OptionSpec<unknown>,
): Read<unknown> {
  const given = scanned.given.get(key) ?? [];
  const text = spec.env === undefined ? "" : env[spec.env] ?? "";
  const fromEnv = given.length === 0 && text !== "";
  const read = spec.read(fromEnv ? [text] : given);
  const name = fromEnv ? spec.env : longName(key);
  return read.ok ? read : { ok: false, message: `${name} ${read.message}` };
}

function readOptions(reading: Reading): Read<Values> {
  const values: Values = {};
  for (const [key, spec] of optionsAt(reading.scanned.node)) {
    const read = readOption(reading, key, spec);
    if (!read.ok) return read;
    values[key] = read.value;
  }
  return { ok: true, value: values };
}

function takeWords(
  { count }: ArgumentSpec<unknown>,
  words: string[],
): readonly string[] {
  return words.splice(0, count === "many" ? words.length : 1);
}

function readArguments(reading: Reading, command: Command): Read<Values> {
  const words = [...reading.scanned.words];
  const values: Values = {};
  for (const [key, spec] of Object.entries(command.args)) {
    const read = spec.read(takeWords(spec, words));
    if (!read.ok) {
      return { ok: false, message: `${spec.placeholder} ${read.message}` };
    }
    values[key] = read.value;
  }
  const [more] = words;
  return more === undefined
    ? { ok: true, value: values }
    : { ok: false, message: `Nothing more is expected, got ${quote(more)}` };
}

/**
 * Reads a command line.
 *
 * @param root All commands.
 * @param args The arguments.
 * @param env The environment variables.
 * @returns What it asks for.
 */
export function parseLine(
  root: TreeNode,
  args: readonly string[],
  env: Environment,
): Parsed {
  const scanned = scanLine(root, args);
  if (scanned.kind !== "scanned") return scanned;
  const { node } = scanned;
  const { row } = node;
  if (row.kind === "group") return { kind: "bare", node };
  const reading = { scanned, env };
  const given = readArguments(reading, row);
  if (!given.ok) return { kind: "wrong", node, message: given.message };
  const options = readOptions(reading);
  if (!options.ok) return { kind: "wrong", node, message: options.message };
  return {
    kind: "run",
    command: row,
    values: { options: options.value, args: given.value },
  };
}
