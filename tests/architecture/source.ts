/** A source file, taken apart as far as the rules need it. */
export interface Source {
  /**
   * The text with comments, strings and patterns blanked, character for character, so that positions
   * stay; quotes and line ends are kept.
   */
  readonly code: string;
  /** The content of each plain string, by the position of its opening quote. */
  readonly strings: ReadonlyMap<number, string>;
}

const TOKEN =
  /\/\/[^\n]*|\/\*[^]*?\*\/|"(?:[^"\\\n]|\\[^])*"|'(?:[^'\\\n]|\\[^])*'|[\w$]+|\s+|[^]/y;
const PATTERN = /\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/y;
const TEMPLATE_TEXT = /(?:[^`\\$]|\\[^]|\$(?!\{))*(?:`|\$\{)?/y;

/** After these a slash begins a pattern; after any other word it divides. */
const BEFORE_PATTERN =
  /^(?:return|typeof|case|in|of|do|else|void|throw|new|await|yield)$/;

/**
 * Takes a source file apart.
 *
 * @param text The file's text.
 * @returns The code without what only looks like code.
 */
export function parseSource(text: string): Source {
  const strings = new Map<number, string>();
  const braces: Array<"block" | "template"> = [];
  let code = "";
  let before = "";
  while (code.length < text.length) {
    const at = code.length;
    const token = matchAt(TOKEN, text, at);
    if (token.startsWith("//") || token.startsWith("/*")) {
      code += blank(token);
      continue;
    }
    if (/^\s/.test(token)) {
      code += token;
      continue;
    }
    if (token === "`" || token === "}" && braces.pop() === "template") {
      const rest = matchAt(TEMPLATE_TEXT, text, at + 1);
      if (rest.endsWith("${")) braces.push("template");
      code += token + blank(rest);
    } else if (token.length > 1 && /^["']/.test(token)) {
      strings.set(at, token.slice(1, -1));
      code += token.charAt(0) + blank(token.slice(1, -1)) + token.charAt(0);
    } else if (token === "/" && beginsPattern(before)) {
      code += blank(matchAt(PATTERN, text, at) || token);
    } else {
      if (token === "{") braces.push("block");
      code += token;
    }
    before = token;
  }
  return { code, strings };
}

/**
 * Counts lines.
 *
 * @param text A text.
 * @param at A position in it.
 * @returns The number of the line that the position is on, from 1.
 */
export function lineAt(text: string, at: number): number {
  return text.slice(0, at).split("\n").length;
}

function matchAt(pattern: RegExp, text: string, at: number): string {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? "";
}

function blank(text: string): string {
  return text.replaceAll(/[^\n]/g, " ");
}

function beginsPattern(before: string): boolean {
  if (before === "" || BEFORE_PATTERN.test(before)) return true;
  return !/^[\w$)\]}"'`]/.test(before);
}
