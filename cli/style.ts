import { styleText } from "node:util";

/** How a word stands out. */
export type Style = Parameters<typeof styleText>[0];

/**
 * Makes a function that colours text, or one that leaves it.
 *
 * @param color Whether to colour.
 * @returns The function.
 */
export function painter(
  color: boolean,
): (style: Style, text: string) => string {
  return (style, text) =>
    // Whether the stream is a terminal has been decided by the caller.
    color ? styleText(style, text, { validateStream: false }) : text;
}

/** What a terminal acts on instead of showing it, and what changes the direction of writing. */
const CONTROLS = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;

function escaped(character: string): string {
  const code = (character.codePointAt(0) ?? 0).toString(16).padStart(4, "0");
  return `\\u${code}`;
}

/**
 * Makes text from elsewhere safe to show on a terminal.
 *
 * @param text The text.
 * @returns It with control characters escaped, line feeds and tabs too.
 */
export function oneLine(text: string): string {
  return text.replaceAll(CONTROLS, escaped);
}

/**
 * As {@linkcode oneLine} for text of many lines.
 *
 * @param text The text.
 * @returns It with control characters escaped, but for line feeds and tabs.
 */
export function manyLines(text: string): string {
  return text.replaceAll(
    CONTROLS,
    (character) => /[\n\t]/.test(character) ? character : escaped(character),
  );
}

/**
 * Breaks text into lines at spaces.
 *
 * @param text The text; its own indentation stands before each line.
 * @param width The most characters of a line.
 * @returns The lines.
 */
export function wrap(text: string, width: number): string[] {
  if (text.length <= width) return [text.trimEnd()];
  const indent = /^ */.exec(text)?.[0] ?? "";
  const lines: string[] = [];
  let line = "";
  for (const word of text.trim().split(/ +/)) {
    const longer = line === "" ? indent + word : `${line} ${word}`;
    if (longer.length <= width || line === "") {
      line = longer;
      continue;
    }
    lines.push(line);
    line = indent + word;
  }
  return [...lines, line.trimEnd()];
}
