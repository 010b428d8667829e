import type { RaftOperationKind } from "../../raft/mod.ts";

/** Statements that all nodes agreed on, for the primary to run. */
export interface SqlOperation {
  /** Its place in the Raft log, by which its result is read back. */
  readonly index: number;
  readonly term: number;
  readonly kind: RaftOperationKind;
  readonly sql: string;
  readonly database: string;
  /** Whose rights it runs with. */
  readonly role: string;
  readonly submittedAtMs: number;
  readonly outcome: SqlOutcome | null;
}

/** What became of them. */
export interface SqlOutcome {
  readonly state: "done" | "failed";
  /** PostgreSQL's code of what failed; empty for none. */
  readonly sqlState: string;
  readonly message: string;
  /** The reign of the primary that ran it. */
  readonly epoch: number;
  readonly atMs: number;
}

/** What changes the queue. */
export type SqlCommand =
  | {
    readonly type: "submit";
    readonly kind: RaftOperationKind;
    readonly sql: string;
    readonly database: string;
    readonly role: string;
    readonly atMs: number;
  }
  | {
    readonly type: "finish";
    readonly index: number;
    readonly outcome: SqlOutcome;
  };

/** What became of a command. */
export type SqlResult =
  | { readonly kind: "queued"; readonly index: number }
  | { readonly kind: "done" }
  | { readonly kind: "refused"; readonly why: string };

/** Operations in the order of the log. Part of the replicated state. */
export interface SqlQueue {
  readonly operations: readonly SqlOperation[];
}

/** A queue without operations. */
export const EMPTY_SQL_QUEUE: SqlQueue = { operations: [] };

/** How many operations may wait. */
export const MAX_SQL_WAITING = 1000;
/** How many characters of SQL may wait. */
export const MAX_SQL_WAITING_CHARS = 8 << 20;
/** How many results are kept; the oldest go first. */
export const MAX_SQL_RESULTS = 1000;
/** How much SQL of operations that are over is kept. */
export const MAX_SQL_RESULT_CHARS = 2 << 20;

/** The operation whose turn it is; null for none. */
export function nextOperation({ operations }: SqlQueue): SqlOperation | null {
  return operations.find(({ outcome }) => outcome === null) ?? null;
}

/** Encodes a command. */
export function encodeSqlCommand(command: SqlCommand): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(command));
}

/**
 * Applies a command.
 *
 * @param queue The queue before.
 * @param data The command.
 * @param at Where it stands in the log, and the epoch of the open primary, 0 for none.
 * @returns The queue after it, and what became of it.
 */
export function applySql(
  queue: SqlQueue,
  data: Uint8Array,
  at: {
    readonly index: number;
    readonly term: number;
    readonly openEpoch: number;
  },
): { readonly queue: SqlQueue; readonly result: SqlResult } {
  const command: SqlCommand = JSON.parse(new TextDecoder().decode(data));
  return command.type === "submit"
    ? submit(queue, command, at)
    : finish(queue, command, at.openEpoch);
}

function submit(
  queue: SqlQueue,
  { kind, sql, database, role, atMs }: Extract<SqlCommand, { type: "submit" }>,
  { index, term }: { readonly index: number; readonly term: number },
): { readonly queue: SqlQueue; readonly result: SqlResult } {
  const waiting = queue.operations.filter(({ outcome }) => outcome === null);
  const chars = charsOf(waiting) + sql.length;
  if (waiting.length >= MAX_SQL_WAITING || chars > MAX_SQL_WAITING_CHARS) {
    const why =
      `${waiting.length} operations wait for a primary already; try again when there are fewer`;
    return { queue, result: { kind: "refused", why } };
  }
  const operation: SqlOperation = {
    index,
    term,
    kind,
    sql,
    database,
    role,
    submittedAtMs: atMs,
    outcome: null,
  };
  return {
    queue: { operations: [...queue.operations, operation] },
    result: { kind: "queued", index },
  };
}

/** Only the reigning primary tells, and only of the operation whose turn it is. */
function finish(
  queue: SqlQueue,
  { index, outcome }: Extract<SqlCommand, { type: "finish" }>,
  openEpoch: number,
): { readonly queue: SqlQueue; readonly result: SqlResult } {
  const isNext = nextOperation(queue)?.index === index;
  if (!isNext || outcome.epoch !== openEpoch) {
    const why = isNext
      ? `Epoch ${outcome.epoch} is over`
      : `It is not operation ${index}'s turn`;
    return { queue, result: { kind: "refused", why } };
  }
  const operations = queue.operations.map((one) =>
    one.index === index ? { ...one, outcome } : one
  );
  return {
    queue: { operations: withoutOldest(operations) },
    result: { kind: "done" },
  };
}

function charsOf(operations: readonly SqlOperation[]): number {
  return operations.reduce((sum, { sql }) => sum + sql.length, 0);
}

function withoutOldest(operations: readonly SqlOperation[]): SqlOperation[] {
  const over = operations.filter(({ outcome }) => outcome !== null);
  const waiting = operations.filter(({ outcome }) => outcome === null);
  while (
    over.length > MAX_SQL_RESULTS ||
    (over.length > 1 && charsOf(over) > MAX_SQL_RESULT_CHARS)
  ) over.shift();
  return [...over, ...waiting];
}
