import { formatDuration, parseDurationMs } from "../base/mod.ts";

/** What completions offer where a value is expected. */
export type Offer = "nothing" | "files" | readonly string[];

/** How the text of an option or argument becomes a value. */
export interface TextType<T> {
  /** What stands for the value in help: `FILE`. */
  readonly placeholder: string;
  /** What is allowed, in words. */
  readonly allowed: string;
  readonly offer: Offer;
  /** Returns null for a text that is not allowed. */
  readonly parse: (text: string) => T | null;
}

/**
 * Any text.
 *
 * @param placeholder What stands for it in help.
 * @returns The type.
 */
export function textType(placeholder: string): TextType<string> {
  return {
    placeholder,
    allowed: "any text",
    offer: "nothing",
    parse: (text) => text,
  };
}

/** The name of a file. */
export const FILE_TYPE: TextType<string> = {
  placeholder: "FILE",
  allowed: "the name of a file",
  offer: "files",
  parse: (text) => text === "" ? null : text,
};

/**
 * A whole number.
 *
 * @param placeholder What stands for it in help.
 * @param min The smallest.
 * @param max The largest.
 * @returns The type.
 */
export function wholeNumberType(
  placeholder: string,
  min: number,
  max: number = Number.MAX_SAFE_INTEGER,
): TextType<number> {
  const upTo = max === Number.MAX_SAFE_INTEGER ? " or more" : ` to ${max}`;
  return {
    placeholder,
    allowed: `a whole number, ${min}${upTo}`,
    offer: "nothing",
    parse: (text) => {
      if (!/^\d{1,16}$/.test(text)) return null;
      const value = Number(text);
      return value >= min && value <= max ? value : null;
    },
  };
}

/**
 * A duration in milliseconds; a plain number counts seconds.
 *
 * @param placeholder What stands for it in help.
 * @param minMs The shortest.
 * @param maxMs The longest.
 * @returns The type.
 */
export function secondsType(
  placeholder: string,
  minMs: number,
  maxMs: number,
): TextType<number> {
  const [min, max] = [formatDuration(minMs), formatDuration(maxMs)];
  return {
    placeholder,
    allowed: `seconds, or a duration such as 500ms, ${min} to ${max}`,
    offer: "nothing",
    parse: (text) => {
      const value = parseDurationMs(text, { unit: "s" });
      return value !== null && value >= minMs && value <= maxMs ? value : null;
    },
  };
}

/**
 * One of some words.
 *
 * @param placeholder What stands for it in help.
 * @param words The words.
 * @returns The type.
 */
export function wordType<const W extends string>(
  placeholder: string,
  words: readonly W[],
): TextType<W> {
  return {
    placeholder,
    allowed: words.join(", "),
    offer: words,
    parse: (text) => words.find((word) => word === text) ?? null,
  };
}
