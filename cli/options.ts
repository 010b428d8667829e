import type { Offer, TextType } from "./text_types.ts";

/** A value, or what is wrong with the text. */
export type Read<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly message: string };

/** What an option has in common with all others. */
interface OptionWords {
  /** One line for the help, without a period. */
  readonly help: string;
  /** One letter. */
  readonly short?: string;
}

/** An option of a command; its long name is its key in the {@linkcode OptionTable}. */
export interface OptionSpec<T> extends OptionWords {
  /** Whether a value follows; `maybe` takes the next word only when that can be one. */
  readonly takes: "nothing" | "value" | "maybe";
  /** What stands for the value in help. */
  readonly placeholder: string | null;
  readonly offer: Offer;
  /** The environment variable that counts when the option is not given. */
  readonly env?: string;
  /** The default in words. */
  readonly fallback?: string;
  /** Reads what was given: a text for each time, null where no value followed. */
  readonly read: (given: readonly (string | null)[]) => Read<T>;
}

/** Options by their names in the program: `ifRevision` is `--if-revision`. */
export type OptionTable = Readonly<Record<string, OptionSpec<unknown>>>;

/** An argument of a command. */
export interface ArgumentSpec<T> {
  /** What stands for it in help. */
  readonly placeholder: string;
  readonly help: string;
  readonly offer: Offer;
  readonly count: "one" | "optional" | "many";
  /** Reads the words that belong to it: none to many, as `count` says. */
  readonly read: (given: readonly string[]) => Read<T>;
}

/** Arguments by their names in the program, in their order. */
export type ArgumentTable = Readonly<Record<string, ArgumentSpec<unknown>>>;

/** The values of a table of options. */
export type OptionValues<O extends OptionTable> = {
  readonly [K in keyof O]: O[K] extends OptionSpec<infer T> ? T : never;
};

/** The values of a table of arguments. */
export type ArgumentValues<A extends ArgumentTable> = {
  readonly [K in keyof A]: A[K] extends ArgumentSpec<infer T> ? T : never;
};

function parseOne<T>(type: TextType<T>, text: string | null): Read<T> {
  if (text === null) return { ok: false, message: "needs a value" };
  const value = type.parse(text);
  return value === null
    ? { ok: false, message: `is ${quote(text)}; allowed: ${type.allowed}` }
    : { ok: true, value };
}

/**
 * Quotes what somebody wrote, so that it cannot upset a terminal.
 *
 * @param text What was written.
 * @returns It in double quotes, control characters escaped.
 */
export function quote(text: string): string {
  return JSON.stringify(text);
}

/**
 * An option that takes no value.
 *
 * @param words Its words.
 * @returns The option, false when it is not given.
 */
export function flag(words: OptionWords): OptionSpec<boolean> {
  return {
    ...words,
    takes: "nothing",
    placeholder: null,
    offer: "nothing",
    read: (given) => ({ ok: true, value: given.length > 0 }),
  };
}

/** The words of an option with a value. */
interface ValueWords extends OptionWords {
  readonly env?: string;
}

/**
 * An option with a value.
 *
 * @param type What the value is.
 * @param words Its words.
 * @returns The option, null when it is not given.
 */
export function value<T>(
  type: TextType<T>,
  words: ValueWords,
): OptionSpec<T | null> {
  return {
    ...words,
    takes: "value",
    placeholder: type.placeholder,
    offer: type.offer,
    read: (given) => {
      if (given.length > 1) return { ok: false, message: "is given twice" };
      const [text] = given;
      return text === undefined
        ? { ok: true, value: null }
        : parseOne(type, text);
    },
  };
}

/**
 * An option with a value and a default.
 *
 * @param type What the value is.
 * @param fallback The default.
 * @param words Its words; `fallback` writes the default.
 * @returns The option.
 */
export function valueOr<T>(
  type: TextType<T>,
  fallback: T,
  words: ValueWords & { readonly fallback: string },
): OptionSpec<T> {
  const plain = value(type, words);
  return {
    ...words,
    ...plain,
    read: (given) => {
      const read = plain.read(given);
      return read.ok ? { ok: true, value: read.value ?? fallback } : read;
    },
  };
}

/**
 * An option that must be given.
 *
 * @param type What the value is.
 * @param words Its words.
 * @returns The option.
 */
export function requiredValue<T>(
  type: TextType<T>,
  words: ValueWords,
): OptionSpec<T> {
  const plain = value(type, words);
  return {
    ...plain,
    fallback: "required",
    read: (given) => {
      const read = plain.read(given);
      if (!read.ok) return read;
      return read.value === null
        ? { ok: false, message: "is missing" }
        : { ok: true, value: read.value };
    },
  };
}

/**
 * An option that can be given many times, or once with commas.
 *
 * @param type What one value is.
 * @param words Its words.
 * @returns The option, empty when it is not given.
 */
export function list<T>(
  type: TextType<T>,
  words: ValueWords & { readonly fallback: string },
): OptionSpec<readonly T[]> {
  return {
    ...words,
    takes: "value",
    placeholder: type.placeholder,
    offer: type.offer,
    read: (given) => {
      const values: T[] = [];
      for (const text of given.flatMap((text) => text?.split(",") ?? [null])) {
        const read = parseOne(type, text === null ? null : text.trim());
        if (!read.ok) return read;
        values.push(read.value);
      }
      return { ok: true, value: values };
    },
  };
}

/**
 * An option whose value may be left out.
 *
 * @param type What the value is.
 * @param alone The value when it is left out.
 * @param words Its words.
 * @returns The option, null when it is not given.
 */
export function maybeValue<T>(
  type: TextType<T>,
  alone: T,
  words: OptionWords,
): OptionSpec<T | null> {
  const plain = value(type, words);
  return {
    ...plain,
    takes: "maybe",
    read: (given) =>
      given.length === 1 && given[0] === null
        ? { ok: true, value: alone }
        : plain.read(given),
  };
}

/**
 * An argument that must be there.
 *
 * @param type What it is.
 * @param help One line.
 * @returns The argument.
 */
export function required<T>(
  type: TextType<T>,
  help: string,
): ArgumentSpec<T> {
  return {
    placeholder: type.placeholder,
    help,
    offer: type.offer,
    count: "one",
    read: ([text]) =>
      text === undefined
        ? { ok: false, message: "is missing" }
        : parseOne(type, text),
  };
}

/**
 * An argument that may be left out.
 *
 * @param type What it is.
 * @param help One line.
 * @returns The argument, null when it is left out.
 */
export function optional<T>(
  type: TextType<T>,
  help: string,
): ArgumentSpec<T | null> {
  return {
    placeholder: type.placeholder,
    help,
    offer: type.offer,
    count: "optional",
    read: ([text]) =>
      text === undefined ? { ok: true, value: null } : parseOne(type, text),
  };
}

/**
 * All arguments that are left.
 *
 * @param placeholder What stands for them in help.
 * @param help One line.
 * @returns The argument.
 */
export function rest(
  placeholder: string,
  help: string,
): ArgumentSpec<readonly string[]> {
  return {
    placeholder,
    help,
    offer: "nothing",
    count: "many",
    read: (given) => ({ ok: true, value: given }),
  };
}

/**
 * Writes an option's long name.
 *
 * @param key Its name in the program.
 * @returns `--if-revision` for `ifRevision`.
 */
export function longName(key: string): string {
  return `--${
    key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
  }`;
}
