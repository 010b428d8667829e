import {
  RAFT_OPERATION_KINDS,
  type RaftOperationKind,
  type RaftServer,
} from "../../raft/mod.ts";
import { Problem } from "../http/mod.ts";
import {
  encodeSqlCommand,
  type NodeMachine,
  type SqlOperation,
  type SqlResult,
  whenApplied,
} from "../machine/mod.ts";
import { refusalOf } from "./statements.ts";

/** The kinds that replicated SQL may be of. */
export const SQL_KINDS: readonly RaftOperationKind[] = RAFT_OPERATION_KINDS
  .filter((kind) => kind !== "config_change" && kind !== "snapshot");

/** Where operations are known. */
export interface OperationSource {
  readonly machine: Pick<NodeMachine, "sql">;
  readonly raft: Pick<RaftServer, "onChange">;
}

/** What is to be run, where, and with whose rights. */
export interface Submission {
  readonly sql: string;
  readonly kind: string;
  readonly database: string;
  readonly role: string;
}

function isKind(kind: string): kind is RaftOperationKind {
  return SQL_KINDS.some((one) => one === kind);
}

/**
 * Checks what is to be run, and encodes it for the log.
 *
 * @param submission What.
 * @returns The command.
 * @throws {Problem} When it can't be run so; nothing was logged.
 */
export function submissionCommand(
  { sql, kind, database, role }: Submission,
): Uint8Array {
  if (!isKind(kind)) {
    throw new Problem(
      "bad_request",
      `invalid kind "${kind}": it is one of ${SQL_KINDS.join(", ")}`,
    );
  }
  if (database === "" || role === "") {
    throw new Problem("bad_request", "Name the database and the role");
  }
  const why = refusalOf(sql);
  if (why !== null) throw new Problem("bad_request", why);
  const atMs = Date.now();
  return encodeSqlCommand({ type: "submit", kind, sql, database, role, atMs });
}

/**
 * Reads what became of a submission.
 *
 * @returns The operation's index.
 * @throws {Problem} When it was refused.
 */
export function submissionIndex(result: Uint8Array): number {
  const answer: SqlResult = JSON.parse(new TextDecoder().decode(result));
  if (answer.kind === "queued") return answer.index;
  const why = answer.kind === "refused" ? answer.why : "It was not taken";
  throw new Problem("busy", why);
}

/** An operation as this node knows it; null when it knows none of that index. */
export function operationAt(
  { machine }: Pick<OperationSource, "machine">,
  index: number,
): SqlOperation | null {
  return machine.sql().operations.find((one) => one.index === index) ?? null;
}

/** Waits until an operation has run, or a time has passed. */
export async function whenRun(
  context: OperationSource,
  index: number,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<SqlOperation | null> {
  await whenApplied(
    context,
    () => (operationAt(context, index)?.outcome ?? null) !== null,
    timeoutMs,
    signal,
  );
  return operationAt(context, index);
}

/** What is told of an operation, by HTTP and by SQL. */
export function operationToJson(
  operation: SqlOperation,
): Record<string, unknown> {
  const { outcome } = operation;
  return {
    raft_index: operation.index,
    kind: operation.kind,
    state: outcome?.state ?? "waiting",
    sqlstate: outcome?.sqlState || null,
    error: outcome?.message || null,
    database: operation.database,
    role: operation.role,
    sql: operation.sql,
    submitted_at: new Date(operation.submittedAtMs).toISOString(),
    finished_at: outcome ? new Date(outcome.atMs).toISOString() : null,
    epoch: outcome?.epoch ?? null,
  };
}
