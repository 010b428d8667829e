import {
  SQL_FUNCTIONS,
  SQL_VIEWS,
  type SqlField,
  type SqlFunction,
  type SqlType,
} from "../../pg/sql/mod.ts";
import type { BridgeContext, PendingChange } from "./context.ts";
import { SqlProblem } from "./failure.ts";
import { OPERATIONS } from "./operations/all.ts";
import type { Argument, Statement } from "./statement.ts";

/** What a client is shown: columns, and rows as text. */
export interface Answer {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | null)[])[];
}

/** Who asks: the extension, which has checked its caller's rights, or somebody by a role. */
export type Asker = "extension" | "monitor" | "admin";

/** An operation that is known, and whether it changes something. */
interface Known {
  readonly operation: string;
  readonly changes: boolean;
}

const CHANGING: ReadonlySet<string> = new Set([
  // Called by a function with a body of its own.
  "pgraft_execute",
  ...SQL_FUNCTIONS.flatMap(({ does }) =>
    does.kind === "call" && does.changes ? [does.operation] : []
  ),
]);

/** Whether a statement would change something, so that its failure may leave that open. */
export function changesSomething(statement: Statement): boolean {
  if (statement.kind === "call") return CHANGING.has(statement.operation);
  if (statement.kind !== "select") return false;
  return SQL_FUNCTIONS.some(({ name, does }) =>
    name === statement.name && does.kind === "call" && does.changes
  );
}

/**
 * Carries a statement out.
 *
 * @param context The node.
 * @param statement What is asked.
 * @param asker By whom.
 * @returns What it came to.
 * @throws {Error} When it failed; see `failureOf`.
 */
export async function answer(
  context: BridgeContext,
  statement: Extract<Statement, { kind: "call" | "select" }>,
  asker: Asker,
): Promise<Answer> {
  if (statement.kind === "select") {
    return await answerSelect(context, statement, asker);
  }
  if (asker !== "extension") {
    throw new SqlProblem("42501", "Only the extension calls so");
  }
  const { operation } = statement;
  const known = { operation, changes: CHANGING.has(operation) };
  const result = await run(context, known, statement.arguments);
  const json = Array.isArray(result) ? { rows: result } : { value: result };
  return { columns: ["answer"], rows: [[asciiJson(json)]] };
}

async function run(
  context: BridgeContext,
  { operation, changes }: Known,
  args: readonly Argument[],
): Promise<unknown> {
  const perform = OPERATIONS.get(operation);
  if (!perform) {
    throw new SqlProblem(
      "42883",
      `The agent does not know "${operation}"`,
      "Run the same version of pgraft as that of the extension, or a later one.",
    );
  }
  if (!changes) return await perform(context, args);
  const change: PendingChange = { operation, arguments: args };
  context.pending.add(change);
  try {
    return await perform(context, args);
  } finally {
    context.pending.delete(change);
  }
}

/** Only ASCII, which every encoding of a database holds. */
function asciiJson(value: unknown): string {
  return JSON.stringify(value).replaceAll(
    /[\u0080-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

async function answerSelect(
  context: BridgeContext,
  { name, arguments: args }: Extract<Statement, { kind: "select" }>,
  asker: Asker,
): Promise<Answer> {
  if (args === null) {
    const view = SQL_VIEWS.find((one) => one.name === name);
    if (!view) {
      throw new SqlProblem("42P01", `There is no view "${name}" here`);
    }
    if (asker === "monitor" && view.access === "admin") {
      throw new SqlProblem("42501", `Only pgraft_admin may read ${name}`);
    }
    const known = { operation: view.operation, changes: false };
    return shown(view.columns, await run(context, known, []));
  }
  const row = SQL_FUNCTIONS.find((one) => one.name === name && fits(one, args));
  if (!row) {
    throw new SqlProblem(
      "42883",
      `There is no function ${name} that takes these values`,
    );
  }
  if (asker === "monitor" && row.access === "admin") {
    throw new SqlProblem("42501", `Only pgraft_admin may call ${name}`);
  }
  return await answerFunction(context, row, args);
}

async function answerFunction(
  context: BridgeContext,
  row: SqlFunction,
  args: readonly Argument[],
): Promise<Answer> {
  const { does, returns } = row;
  if (does.kind === "refuse") {
    throw new SqlProblem("0A000", does.why, does.instead);
  }
  if (does.kind === "body") {
    throw new SqlProblem(
      "0A000",
      `${row.name} needs a database: call it in PostgreSQL`,
    );
  }
  const result = await run(context, does, args);
  return returns.kind === "rows"
    ? shown(returns.columns, result)
    : { columns: [row.name], rows: [[asText(result)]] };
}

function fits(row: SqlFunction, args: readonly Argument[]): boolean {
  const { arguments: fields } = row;
  if (args.length > fields.length) return false;
  return fields.every(({ type, default: fallback }, i) => {
    const value = args[i];
    return value === undefined
      ? fallback !== undefined
      : value === null || isOf(value, type);
  });
}

function isOf(value: Exclude<Argument, null>, type: SqlType): boolean {
  switch (type) {
    case "boolean":
      return typeof value === "boolean";
    case "integer":
    case "bigint":
    case "double precision":
      return typeof value === "number";
    case "text":
    case "jsonb":
    case "timestamptz":
      return typeof value === "string";
  }
}

function shown(columns: readonly SqlField[], result: unknown): Answer {
  const rows = Array.isArray(result) ? result : [];
  return {
    columns: columns.map(({ name }) => name),
    rows: rows.map((row: Record<string, unknown>) =>
      columns.map(({ name }) => asText(row[name]))
    ),
  };
}

function asText(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  if (typeof value === "boolean") return value ? "t" : "f";
  if (typeof value === "object") return JSON.stringify(value);
  return String(value);
}
