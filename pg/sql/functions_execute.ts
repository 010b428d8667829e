import { bareFunction, functionsOf } from "./rows.ts";
import type { SqlFunction } from "./types.ts";

/** SQL that all nodes agree on before the primary runs it. */
export const EXECUTE_FUNCTIONS: readonly SqlFunction[] = [
  {
    ...bareFunction("Replicated SQL", "1.1", {
      name: "pgraft_execute",
      takes: "sql text, kind text = 'custom'",
      returns: "bigint",
      access: "admin",
      doc:
        "Puts statements into the Raft log; the primary runs them once, in order, in this database and with the caller's rights. Returns the operation's index once they have run, or raises how they failed; within a transaction block at once.",
    }),
    does: {
      kind: "body",
      body:
        'RETURN pgraft._execute("sql", "kind", c.role, c.proof, statement_timestamp() = transaction_timestamp()) FROM pgraft._caller c;',
    },
  },
  ...functionsOf("Replicated SQL", "1.1", [
    {
      name: "pgraft_execute_result",
      takes: "operation bigint",
      returns: {
        rows:
          "raft_index bigint, kind text, state text, sqlstate text, error text, database text, role text, sql text, " +
          "submitted_at timestamptz, finished_at timestamptz, epoch bigint",
      },
      access: "admin",
      doc:
        "What became of an operation: `state` is `waiting`, `done` or `failed`. The last 1000 are kept.",
    },
  ]),
];
