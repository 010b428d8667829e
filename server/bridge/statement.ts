import { Problem } from "../http/mod.ts";

/** A value of a call, as the functions' arguments may be. */
export type Argument = string | number | boolean | null;

/** What a client asks. */
export type Statement =
  /** The extension's own call; its answer is one row of JSON. */
  | {
    readonly kind: "call";
    readonly operation: string;
    readonly arguments: readonly Argument[];
  }
  /** A person's, of a function or a view; its answer has columns. */
  | {
    readonly kind: "select";
    readonly name: string;
    readonly arguments: readonly Argument[] | null;
  }
  /** What has become of the call that the extension brought along. */
  | { readonly kind: "answer" }
  /** What libpq sends where its server's encoding is not the bridge's. */
  | { readonly kind: "set_encoding"; readonly encoding: string }
  | { readonly kind: "empty" };

const CALL = /^CALL ([0-9a-f]*)$/;
const SET_ENCODING = /^set\s+client_encoding\s+to\s+'([A-Za-z0-9_-]{1,32})'$/i;
const SELECT =
  /^select\s+(?:\*\s+from\s+)?(?:(?:pgraft|public)\s*\.\s*)?([a-z_][a-z0-9_]{0,62})\s*(?:\(([^]*)\))?$/i;
const VALUE =
  /\s*(?:(null|true|false)\b|(-?\d{1,15})(?![\w.])|'((?:[^']|'')*)')\s*/iy;

/** How many values a call may have. */
const MAX_ARGUMENTS = 8;

/**
 * Reads a statement. This is no SQL: one call of one function with values, or one view, and nothing else.
 *
 * @param text What came, without the ending zero.
 * @returns What is asked.
 * @throws {Problem} When it is anything else.
 *
 * @example Usage
 * ```ts
 * import { parseStatement } from "./statement.ts";
 *
 * const asked = parseStatement("SELECT pgraft_kv_get('a''b');");
 * if (asked.kind !== "select" || asked.arguments?.[0] !== "a'b") throw new Error("A key was asked for");
 * ```
 */
export function parseStatement(text: string): Statement {
  const call = CALL.exec(text);
  if (call) return parseCall(call[1] ?? "");
  if (text === "ANSWER") return { kind: "answer" };
  const line = text.trim().replace(/;\s*$/, "").trim();
  if (line === "") return { kind: "empty" };
  const encoding = SET_ENCODING.exec(line)?.[1];
  if (encoding !== undefined) return { kind: "set_encoding", encoding };
  const select = SELECT.exec(line);
  if (!select) throw notUnderstood();
  const [, name = "", values] = select;
  return {
    kind: "select",
    name: name.toLowerCase(),
    arguments: values === undefined ? null : parseValues(values),
  };
}

function notUnderstood(): Problem {
  return new Problem(
    "bad_request",
    "This is pgraft's bridge, not PostgreSQL: it takes SELECT pgraft_function(values) and SELECT * FROM pgraft.view only",
  );
}

function parseCall(hex: string): Statement {
  try {
    const json = new TextDecoder("utf-8", { fatal: true }).decode(
      Uint8Array.fromHex(hex),
    );
    const { operation, arguments: values }: Record<string, unknown> = JSON
      .parse(json);
    if (typeof operation === "string" && Array.isArray(values)) {
      const checked = values.map(asArgument);
      if (checked.length <= MAX_ARGUMENTS) {
        return { kind: "call", operation, arguments: checked };
      }
    }
  } catch (error) {
    if (error instanceof Problem) throw error;
  }
  throw new Problem("bad_request", "The call can't be read");
}

function asArgument(value: unknown): Argument {
  if (
    value === null || typeof value === "string" || typeof value === "boolean"
  ) return value;
  if (typeof value === "number" && Number.isSafeInteger(value)) return value;
  throw new Problem("bad_request", "A value of the call is out of range");
}

function parseValues(text: string): Argument[] {
  if (text.trim() === "") return [];
  const values: Argument[] = [];
  let at = 0;
  while (values.length < MAX_ARGUMENTS) {
    VALUE.lastIndex = at;
    const match = VALUE.exec(text);
    if (!match) throw notUnderstood();
    values.push(valueOf(match));
    at = VALUE.lastIndex;
    if (at === text.length) return values;
    if (text[at] !== ",") throw notUnderstood();
    at += 1;
  }
  throw notUnderstood();
}

function valueOf([, word, number, quoted]: RegExpExecArray): Argument {
  if (quoted !== undefined) return quoted.replaceAll("''", "'");
  if (number !== undefined) return Number(number);
  const lower = (word ?? "").toLowerCase();
  return lower === "null" ? null : lower === "true";
}
