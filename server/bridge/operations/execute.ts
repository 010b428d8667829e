import {
  proposePart,
  readAs,
  requireMember,
  requirePart,
} from "../../api/mod.ts";
import {
  operationAt,
  operationToJson,
  submissionCommand,
  submissionIndex,
  targetTableOf,
  whenRun,
} from "../../execute/mod.ts";
import { numberAt, textAt } from "../arguments.ts";
import type { BridgeContext, Operation } from "../context.ts";
import { SqlProblem } from "../failure.ts";
import type { Argument } from "../statement.ts";
import { isoTime } from "../times.ts";

/** How long an operation is waited for; its statements may take half of it. */
const RUN_WAIT_MS = 55_000;

async function submit(
  { node }: BridgeContext,
  args: readonly Argument[],
): Promise<number> {
  requireMember(node);
  const data = submissionCommand({
    sql: textAt(args, 0, "sql"),
    kind: textAt(args, 1, "kind"),
    database: textAt(args, 2, "database"),
    role: textAt(args, 3, "role"),
  });
  return submissionIndex(
    await proposePart(node, { part: "sql", once: null, data }),
  );
}

function indexOf(args: readonly Argument[]): number {
  return numberAt(args, 0, "operation", { min: 1 });
}

function unknown(index: number): SqlProblem {
  return new SqlProblem(
    "P0002",
    `There is no operation ${index}, or it is too long ago`,
  );
}

function mapping({ node }: BridgeContext): unknown {
  requirePart(node);
  return node.machine.sql().operations.flatMap((operation) => {
    const { index, kind, sql, database, role, outcome } = operation;
    if (outcome?.state !== "done") return [];
    return [{
      raft_index: index,
      operation_type: kind,
      target_table: targetTableOf(sql),
      operation_data: { sql, database, role, epoch: outcome.epoch },
      applied_at: isoTime(outcome.atMs),
    }];
  });
}

/** What the bridge does with replicated SQL. */
export const EXECUTE_OPERATIONS: Readonly<Record<string, Operation>> = {
  pgraft_execute: submit,
  log_index_mapping: mapping,
  pgraft_execute_wait: async ({ node }, args) => {
    const index = indexOf(args);
    const never = new AbortController().signal;
    const operation = await whenRun(node, index, RUN_WAIT_MS, never);
    if (!operation) throw unknown(index);
    return [operationToJson(operation)];
  },
  pgraft_execute_result: async ({ node }, args) => {
    const index = indexOf(args);
    const operation = await readAs(node, false, () => operationAt(node, index));
    if (!operation) throw unknown(index);
    return [operationToJson(operation)];
  },
};
