import type { Aliases, Args, ParseOptions } from "./types.ts";

export type { Aliases, Args, ParseOptions } from "./types.ts";

type Value = string | number | boolean;

/** What the options say, every name resolved to all of its names. */
interface Rules {
  readonly aliases: ReadonlyMap<string, readonly string[]>;
  readonly booleans: ReadonlySet<string>;
  readonly strings: ReadonlySet<string>;
  readonly collected: ReadonlySet<string>;
  readonly negatable: ReadonlySet<string>;
  readonly allBooleans: boolean;
  readonly unknown: (arg: string, key?: string, value?: unknown) => unknown;
}

/** The arguments, and what was read from them so far. */
interface Parse {
  readonly rules: Rules;
  readonly args: readonly string[];
  readonly values: Map<string, unknown>;
  readonly positional: Value[];
  at: number;
}

/**
 * Reads a command line.
 *
 * `--name value`, `--name=value`, `-n value`, `-n=value`, `-n5` and clusters (`-vq`) are understood;
 * nothing after `--` is a flag. What is declared neither a string nor a boolean and looks like a
 * number becomes one.
 *
 * @typeParam TBooleans The names of boolean flags.
 * @typeParam TStrings The names of string flags.
 * @typeParam TCollected The names of flags that are collected.
 * @typeParam TNegatable The names of flags that can be negated.
 * @typeParam TDefaults The defaults.
 * @typeParam TAliases The aliases.
 * @typeParam TDoubleDash Whether the result has a `--`.
 * @param args The arguments, as in `Deno.args`.
 * @param options The flags.
 * @returns A value for each flag, and the rest in `_`.
 *
 * @example Usage
 * ```ts
 * import { parseArgs } from "@std/cli/parse-args";
 * import { assertEquals } from "@std/assert";
 *
 * const args = parseArgs(["-c", "node.conf", "serve"], {
 *   string: ["config"],
 *   boolean: ["help"],
 *   alias: { config: "c" },
 * });
 * assertEquals(args.config, "node.conf");
 * assertEquals(args.help, false);
 * assertEquals(args._, ["serve"]);
 * ```
 */
export function parseArgs<
  TBooleans extends string = never,
  TStrings extends string = never,
  TCollected extends string = never,
  TNegatable extends string = never,
  TDefaults extends object = Record<never, never>,
  const TAliases extends Aliases = Record<never, never>,
  TDoubleDash extends boolean = false,
>(
  args: string[],
  options?: ParseOptions<
    TBooleans,
    TStrings,
    TCollected,
    TNegatable,
    TDefaults,
    TAliases,
    TDoubleDash
  >,
): Args<
  TBooleans,
  TStrings,
  TCollected,
  TNegatable,
  TDefaults,
  TAliases,
  TDoubleDash
>;
// The types of the result follow from the options' types only; inside, a flag's value is unknown.
export function parseArgs(
  args: string[],
  options: ParseOptions = {},
): { [flag: string]: unknown } {
  const dashes = args.indexOf("--");
  const parse: Parse = {
    rules: rulesOf(options),
    args: dashes === -1 ? args : args.slice(0, dashes),
    values: new Map(),
    positional: [],
    at: 0,
  };
  readAll(parse, options.stopEarly ?? false);
  fillIn(parse, options.default ?? {});

  const rest = dashes === -1 ? [] : args.slice(dashes + 1);
  const separate = options["--"] === true;
  return {
    ...Object.fromEntries(parse.values),
    ...(separate ? { "--": rest } : {}),
    _: separate ? parse.positional : [...parse.positional, ...rest],
  };
}

function listOf(names: string | readonly string[] | undefined): string[] {
  if (names === undefined) return [];
  return typeof names === "string" ? [names] : [...names];
}

function rulesOf(options: ParseOptions): Rules {
  const aliases = new Map<string, readonly string[]>();
  for (const [name, others] of Object.entries(options.alias ?? {})) {
    const names = [name, ...listOf(others)];
    for (const each of names) {
      aliases.set(each, names.filter((other) => other !== each));
    }
  }
  const withAliases = (names: string | readonly string[] | undefined) =>
    new Set(
      listOf(names).flatMap((name) => [
        name,
        ...(aliases.get(name) ?? []),
      ]),
    );
  const { boolean } = options;
  return {
    aliases,
    booleans: withAliases(typeof boolean === "boolean" ? [] : boolean),
    strings: withAliases(options.string),
    collected: withAliases(options.collect),
    negatable: withAliases(options.negatable),
    allBooleans: boolean === true,
    unknown: options.unknown ?? (() => true),
  };
}

function readAll(parse: Parse, stopEarly: boolean): void {
  const { args, rules } = parse;
  while (parse.at < args.length) {
    const arg = args[parse.at] ?? "";
    parse.at += 1;
    if (arg.startsWith("--")) {
      readLong(parse, arg);
      continue;
    }
    if (arg.startsWith("-") && arg !== "-") {
      readShort(parse, arg);
      continue;
    }
    if (rules.unknown(arg) !== false) {
      parse.positional.push(rules.strings.has("_") ? arg : numberIf(arg));
    }
    if (!stopEarly) continue;
    parse.positional.push(...args.slice(parse.at));
    return;
  }
}

function readLong(parse: Parse, arg: string): void {
  const { rules } = parse;
  const equals = arg.indexOf("=", 3);
  const name = arg.slice(2, equals === -1 ? undefined : equals);
  if (equals !== -1) {
    const text = arg.slice(equals + 1);
    set(parse, name, rules.booleans.has(name) ? text !== "false" : text, arg);
    return;
  }
  if (name.startsWith("no-") && rules.negatable.has(name.slice(3))) {
    setPlain(parse, name.slice(3), false);
    return;
  }
  const alone = rules.allBooleans || rules.booleans.has(name);
  set(parse, name, following(parse, name, alone), arg);
}

/** Reads a cluster of letters; the last, or the one before a value, may take one. */
function readShort(parse: Parse, arg: string): void {
  const { rules } = parse;
  for (let i = 1; i < arg.length; i++) {
    const name = arg.charAt(i);
    const rest = arg.slice(i + 1);
    if (rest === "") {
      set(parse, name, afterLetter(parse, name), arg);
    } else if (rest.startsWith("=")) {
      set(parse, name, rest.slice(1), arg);
      return;
    } else if (/^\W/.test(rest) || looksLikeNumber(rest)) {
      set(parse, name, rest, arg);
      return;
    } else {
      set(parse, name, rules.strings.has(name) ? "" : true, arg);
    }
  }
}

/** A letter also takes a lone hyphen, which stands for standard input. */
function afterLetter(parse: Parse, name: string): Value {
  const alone = parse.rules.booleans.has(name);
  if (alone || parse.args[parse.at] !== "-") {
    return following(parse, name, alone);
  }
  parse.at += 1;
  return "-";
}

/** Takes the next argument as the flag's value, if it can be one. */
function following(parse: Parse, name: string, alone: boolean): Value {
  const next = parse.args[parse.at];
  const takes = alone
    ? next === "true" || next === "false"
    : next !== undefined && next !== "" && !next.startsWith("-");
  if (!takes || next === undefined) {
    return parse.rules.strings.has(name) ? "" : true;
  }
  parse.at += 1;
  return alone ? next === "true" : next;
}

function set(parse: Parse, name: string, value: Value, arg: string): void {
  const { rules } = parse;
  const declared = rules.booleans.has(name) || rules.strings.has(name) ||
    rules.collected.has(name) || rules.aliases.has(name) ||
    rules.allBooleans && arg.startsWith("--") && !arg.includes("=");
  if (!declared && rules.unknown(arg, name, value) === false) return;

  const kept = typeof value === "string" && !rules.strings.has(name)
    ? numberIf(value)
    : value;
  if (!rules.collected.has(name)) {
    setPlain(parse, name, kept);
    return;
  }
  const before = parse.values.get(name);
  setPlain(parse, name, Array.isArray(before) ? [...before, kept] : [kept]);
}

function setPlain(parse: Parse, name: string, value: unknown): void {
  for (const each of [name, ...(parse.rules.aliases.get(name) ?? [])]) {
    parse.values.set(each, value);
  }
}

function fillIn(parse: Parse, defaults: object): void {
  const { rules, values } = parse;
  for (const [name, value] of Object.entries(defaults)) {
    if (!values.has(name)) setPlain(parse, name, value);
  }
  for (const name of rules.booleans) {
    if (values.has(name)) continue;
    values.set(name, rules.collected.has(name) ? [] : false);
  }
  for (const name of rules.collected) {
    if (!values.has(name)) values.set(name, []);
  }
}

function looksLikeNumber(text: string): boolean {
  return /^0x[0-9a-f]+$/i.test(text) ||
    /^[-+]?(\d+(\.\d*)?|\.\d+)(e[-+]?\d+)?$/.test(text);
}

function numberIf(text: string): string | number {
  return looksLikeNumber(text) ? Number(text) : text;
}
