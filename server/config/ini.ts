/** One `key = value` line. */
export interface IniEntry {
  /** The section it stands in, empty before the first. */
  readonly section: string;
  readonly key: string;
  /** The value without its comment and without quotes around the whole of it. */
  readonly value: string;
  /** Counted from 1. */
  readonly line: number;
}

/** A line that could not be read. */
export interface IniError {
  /** Counted from 1. */
  readonly line: number;
  /** What is wrong with it and what would be right. */
  readonly message: string;
}

/** What a file holds: everything that could be read, and every error. */
export interface IniFile {
  /** In the order of the file; sections of one name follow each other as if they were one. */
  readonly entries: readonly IniEntry[];
  readonly errors: readonly IniError[];
}

type Read<T> = { readonly ok: true; readonly value: T } | {
  readonly ok: false;
  readonly message: string;
};

function isSpace(character: string | undefined): boolean {
  return character === " " || character === "\t";
}

/** A quote inside a word (`it's`) is an ordinary character. */
function opensQuote(text: string, at: number): boolean {
  const character = text[at];
  if (character !== '"' && character !== "'") return false;
  return at === 0 || !/[\p{L}\p{N}_]/u.test(text[at - 1] ?? "");
}

/** Returns where the quote that opens at `start` closes, or -1. */
function closingQuote(text: string, start: number): number {
  const quote = text[start];
  for (let at = start + 1; at < text.length; at++) {
    if (quote === '"' && text[at] === "\\") at++;
    else if (text[at] === quote && quote === "'" && text[at + 1] === quote) {
      at++;
    } else if (text[at] === quote) return at;
  }
  return -1;
}

function unescapeDouble(inner: string): Read<string> {
  const wrong = /\\(?![\\"])/.exec(inner.replaceAll("\\\\", ""));
  if (wrong !== null) {
    return {
      ok: false,
      message:
        'Only \\" and \\\\ are escapes between double quotes; write \\\\ for a backslash, or use single quotes',
    };
  }
  return { ok: true, value: inner.replaceAll(/\\([\\"])/g, "$1") };
}

function unquote(text: string): Read<string> {
  const isQuoted = opensQuote(text, 0) &&
    closingQuote(text, 0) === text.length - 1;
  if (!isQuoted) return { ok: true, value: text };
  const inner = text.slice(1, -1);
  if (text.startsWith('"')) return unescapeDouble(inner);
  return { ok: true, value: inner.replaceAll("''", "'") };
}

/** Cuts the comment off; what stands before it is trimmed but keeps its quotes. */
function withoutComment(text: string): Read<string> {
  for (let at = 0; at < text.length; at++) {
    if (opensQuote(text, at)) {
      const end = closingQuote(text, at);
      if (end < 0) {
        return { ok: false, message: `The quote ${text[at]} is never closed` };
      }
      at = end;
      continue;
    }
    const isMark = text[at] === ";" || text[at] === "#";
    if (isMark && (at === 0 || isSpace(text[at - 1]))) {
      return { ok: true, value: text.slice(0, at).trim() };
    }
  }
  return { ok: true, value: text.trim() };
}

function readSection(line: string): Read<string> {
  const match = /^\[\s*([A-Za-z0-9_.-]+)\s*\]\s*(?:[;#].*)?$/.exec(line);
  if (match === null) {
    return {
      ok: false,
      message: "A section is written as [name] on a line of its own",
    };
  }
  return { ok: true, value: match[1] ?? "" };
}

function readPair(line: string): Read<{ key: string; value: string }> {
  const equals = line.indexOf("=");
  if (equals < 0) {
    return {
      ok: false,
      message: "A line is a [section], a key = value or a comment",
    };
  }
  const key = line.slice(0, equals).trim();
  if (!/^[^\s"';#[\]]+$/.test(key)) {
    return {
      ok: false,
      message: "A key is one word without quotes, brackets, ; and #",
    };
  }
  const rest = withoutComment(line.slice(equals + 1).trimStart());
  if (!rest.ok) return rest;
  const value = unquote(rest.value);
  return value.ok ? { ok: true, value: { key, value: value.value } } : value;
}

/** Reads one line into the file; returns the section that is in force after it. */
function readLine(
  text: string,
  line: number,
  section: string,
  file: { entries: IniEntry[]; errors: IniError[] },
): string {
  const trimmed = text.trim();
  if (trimmed === "" || trimmed.startsWith(";") || trimmed.startsWith("#")) {
    return section;
  }
  if (trimmed.startsWith("[")) {
    const name = readSection(trimmed);
    if (name.ok) return name.value;
    file.errors.push({ line, message: name.message });
    return section;
  }
  const pair = readPair(trimmed);
  if (pair.ok) file.entries.push({ section, ...pair.value, line });
  else file.errors.push({ line, message: pair.message });
  return section;
}

function withoutRepeated(
  entries: readonly IniEntry[],
  errors: IniError[],
): IniEntry[] {
  const first = new Map<string, IniEntry>();
  for (const entry of entries) {
    const id = `${entry.section}\n${entry.key}`;
    const earlier = first.get(id);
    if (earlier === undefined) {
      first.set(id, entry);
      continue;
    }
    const place = entry.section === "" ? "" : ` in [${entry.section}]`;
    errors.push({
      line: entry.line,
      message:
        `${entry.key}${place} is already set in line ${earlier.line}; keep one of them`,
    });
  }
  return [...first.values()];
}

/**
 * Reads an INI file: sections, `key = value` lines, comments.
 *
 * - `;` and `#` begin a comment at the start of a line or after a space, but not between quotes.
 * - A quote opens at the start of a value, or where no letter or digit stands before it.
 * - Quotes around a whole value are taken off. Between double quotes `\"` and `\\` stand for `"` and
 *   `\`, any other backslash is an error; between single quotes `''` stands for `'` and nothing else
 *   is special. Quotes around a part of a value stay as they are.
 * - Sections of one name are one section. A key twice in it is an error, and the first one counts.
 *
 * @param text The file's content.
 * @returns Its entries and errors, both in the order of the file.
 *
 * @example Usage
 * ```ts
 * import { parseIni } from "./ini.ts";
 *
 * const file = parseIni('[node]\nname = "a ; b" ; a comment');
 * if (file.entries[0]?.value !== "a ; b") throw new Error("Quotes protect");
 * ```
 */
export function parseIni(text: string): IniFile {
  const file: { entries: IniEntry[]; errors: IniError[] } = {
    entries: [],
    errors: [],
  };
  const lines = text.replace(/^\uFEFF/, "").split(/\r?\n/);
  let section = "";
  for (const [index, line] of lines.entries()) {
    section = readLine(line, index + 1, section, file);
  }
  const entries = withoutRepeated(file.entries, file.errors);
  return { entries, errors: file.errors.sort((a, b) => a.line - b.line) };
}

/**
 * Writes a value so that {@linkcode parseIni} reads it back.
 *
 * @param value Text of one line.
 * @returns The value, in double quotes where it needs them.
 */
export function quoteIniValue(value: string): string {
  const read = readPair(`key = ${value}`);
  if (read.ok && read.value.value === value) return value;
  return `"${value.replaceAll(/[\\"]/g, "\\$&")}"`;
}
