import { SQL_FUNCTIONS } from "../../pg/sql/mod.ts";
import type { AuditKind, Caller } from "../audit/mod.ts";
import { type Asker, changesSomething } from "./answering.ts";
import type { Argument, Statement } from "./statement.ts";

/** What the audit log says of a call. */
export interface AuditedStatement {
  readonly kind: AuditKind;
  readonly caller: Caller;
  readonly call: string;
  readonly request: Readonly<Record<string, Argument>>;
}

const CALLERS: Readonly<Record<Asker, Caller>> = {
  extension: "sql function",
  monitor: "sql monitor",
  admin: "sql admin",
};

const DATA: ReadonlySet<string> = new Set([
  "pgraft_append_log",
  "pgraft_kv_put",
  "pgraft_kv_delete",
]);

/** Only who may change may call these, but they change nothing. */
const READING: ReadonlySet<string> = new Set([
  "pgraft_get_queue_status",
  "pgraft_get_logs",
  "pgraft_execute_result",
]);

/** The arguments of what a function with a body of its own calls. */
const EXECUTE_ARGUMENTS = ["sql", "kind", "database", "role"] as const;

/**
 * Says what the audit log has of a statement; null for one that changes nothing.
 *
 * @param statement What was asked.
 * @param asker By whom.
 */
export function auditedOf(
  statement: Statement,
  asker: Asker,
): AuditedStatement | null {
  if (statement.kind !== "call" && statement.kind !== "select") return null;
  const name = statement.kind === "call" ? statement.operation : statement.name;
  if (READING.has(name) || !changesSomething(statement)) return null;
  const operation = operationOf(name);
  const values = statement.arguments ?? [];
  const names = argumentsOf(name, operation, values.length);
  return {
    kind: DATA.has(operation) ? "data" : "control",
    caller: CALLERS[asker],
    call: name,
    request: Object.fromEntries(
      values.map((value, at) => [names[at] ?? `argument ${at + 1}`, value]),
    ),
  };
}

function operationOf(name: string): string {
  const does = SQL_FUNCTIONS.find((one) => one.name === name)?.does;
  return does?.kind === "call" ? does.operation : name;
}

function argumentsOf(
  name: string,
  operation: string,
  count: number,
): readonly string[] {
  if (name === "pgraft_execute") return EXECUTE_ARGUMENTS;
  const row = SQL_FUNCTIONS.find((one) =>
    one.does.kind === "call" && one.does.operation === operation &&
    one.arguments.length === count
  );
  return row?.arguments.map((one) => one.name) ?? [];
}
