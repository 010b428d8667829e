import type {
  ExtensionVersion,
  SqlAccess,
  SqlField,
  SqlFunction,
  SqlReturns,
  SqlTopic,
  SqlType,
} from "./types.ts";

/** How long most answers are waited for: a leader may have to be elected first. */
const WAIT_MS = 10_000;

/** What differs from function to function. */
export interface FunctionRow {
  readonly name: string;
  /** `name type`, or `name type = default`, with commas. */
  readonly takes?: string;
  /** A type, `nothing`, or columns in the form of `takes`. */
  readonly returns: SqlType | "nothing" | { readonly rows: string };
  /** @default {"monitor"} */
  readonly access?: SqlAccess;
  /** @default {the name} */
  readonly operation?: string;
  /** @default {10 s} */
  readonly waitMs?: number;
  readonly doc: string;
}

const TYPES: ReadonlySet<string> = new Set<SqlType>([
  "boolean",
  "integer",
  "bigint",
  "double precision",
  "text",
  "jsonb",
  "timestamptz",
]);

function isType(text: string): text is SqlType {
  return TYPES.has(text);
}

/**
 * Reads fields from a line.
 *
 * @param text Such as `id integer, port integer = 5432`.
 * @returns The fields.
 * @throws {TypeError} When a type is none.
 *
 * @example Usage
 * ```ts
 * import { fields } from "./rows.ts";
 *
 * const [id] = fields("id integer");
 * if (id?.type !== "integer") throw new Error("It is a number");
 * ```
 */
export function fields(text: string): SqlField[] {
  return text.split(",").map((part) => part.trim()).filter((part) =>
    part !== ""
  ).map((part) => {
    const [declared = "", fallback] = part.split("=").map((one) => one.trim());
    const at = declared.indexOf(" ");
    const name = declared.slice(0, at);
    const type = declared.slice(at + 1).trim();
    if (!isType(type)) throw new TypeError(`"${part}" has no known type`);
    return fallback === undefined
      ? { name, type }
      : { name, type, default: fallback };
  });
}

function returnsOf(returns: FunctionRow["returns"]): SqlReturns {
  if (typeof returns === "object") {
    return { kind: "rows", columns: fields(returns.rows) };
  }
  return returns === "nothing"
    ? { kind: "nothing" }
    : { kind: "value", type: returns };
}

/** Makes functions of one topic and version from what differs between them. */
export function functionsOf(
  topic: SqlTopic,
  since: ExtensionVersion,
  rows: readonly FunctionRow[],
): SqlFunction[] {
  return rows.map((row) => {
    const access = row.access ?? "monitor";
    return {
      ...bareFunction(topic, since, row),
      does: {
        kind: "call",
        operation: row.operation ?? row.name,
        waitMs: row.waitMs ?? WAIT_MS,
        changes: access === "admin",
      },
    };
  });
}

/** All of a function but what it does. */
export function bareFunction(
  topic: SqlTopic,
  since: ExtensionVersion,
  row: FunctionRow,
): Omit<SqlFunction, "does"> {
  return {
    name: row.name,
    topic,
    arguments: fields(row.takes ?? ""),
    returns: returnsOf(row.returns),
    volatility: "volatile",
    access: row.access ?? "monitor",
    since,
    doc: row.doc,
  };
}
