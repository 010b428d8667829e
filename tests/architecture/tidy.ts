import { isForTests, isPure, type Violation } from "./arrows.ts";
import { IMPURE_WORDS, MAX_FILE_LINES, MAX_FUNCTION_LINES } from "./rules.ts";
import type { Source } from "./source.ts";

/**
 * Checks a file's length and that of its functions, unless it is for tests, and the words of pure
 * folders.
 *
 * @param path The file's path inside the repository.
 * @param source The file.
 * @returns What is wrong with it.
 */
export function checkTidy(path: string, source: Source): Violation[] {
  const lines = source.code.trimEnd().split("\n");
  return [
    ...isForTests(path) ? [] : tooLong(path, lines),
    ...isPure(path) ? impureWords(path, lines) : [],
  ];
}

function tooLong(path: string, lines: readonly string[]): Violation[] {
  const found = longFunctions(path, lines);
  if (lines.length <= MAX_FILE_LINES) return found;
  const message = `${lines.length} lines, more than ${MAX_FILE_LINES}`;
  return [...found, { path, line: MAX_FILE_LINES + 1, message }];
}

function impureWords(path: string, lines: readonly string[]): Violation[] {
  return lines.flatMap((text, i) =>
    [...IMPURE_WORDS].filter(([, pattern]) => pattern.test(`${text} `))
      .map(([word]) => ({
        path,
        line: i + 1,
        message: `A pure folder may not say ${word}`,
      }))
  );
}

// The sources are formatted, so that a function ends at the first brace on its first line's level.
const NAMED = /^(?:export )?(?:async )?function\b/;
const ARROW = /=> \{$/;
const METHOD = /^(?:[a-z]+ )*\*?#?[\w$]+(?:<.*>)?\(/;
const NO_METHOD = /^(?:if|for|while|switch|return|throw|await|new|else)\b/;
const SIGNATURE_END = /\)(?:: [^=]*)? \{$/;

function longFunctions(path: string, lines: readonly string[]): Violation[] {
  const found: Violation[] = [];
  for (const [i, line] of lines.entries()) {
    if (!beginsFunction(lines, i)) continue;
    const length = endOf(lines, i) - i + 1;
    if (length <= MAX_FUNCTION_LINES) continue;
    const name = line.trim().slice(0, 40);
    const message = `${length} lines, more than ${MAX_FUNCTION_LINES}: ${name}`;
    found.push({ path, line: i + 1, message });
  }
  return found;
}

function beginsFunction(lines: readonly string[], at: number): boolean {
  const text = (lines[at] ?? "").trim();
  if (NAMED.test(text) || ARROW.test(text)) return true;
  if (!METHOD.test(text) || NO_METHOD.test(text)) return false;
  if (SIGNATURE_END.test(text)) return true;
  const next = lines.findIndex((line, i) =>
    i > at && sameLevel(line, lines[at])
  );
  const end = (lines[next] ?? "").trim();
  return /[({]$/.test(text) && /^[)}]/.test(end) && SIGNATURE_END.test(end);
}

function endOf(lines: readonly string[], at: number): number {
  const end = lines.findIndex((line, i) =>
    i > at && sameLevel(line, lines[at]) &&
    line.trimStart().startsWith("}") && !line.endsWith("{")
  );
  return end === -1 ? at : end;
}

function sameLevel(line: string, other: string | undefined): boolean {
  return line.trim() !== "" && indent(line) === indent(other ?? "");
}

function indent(line: string): number {
  return line.length - line.trimStart().length;
}
