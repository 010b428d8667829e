import { Problem, type ProblemCode, problemOf } from "../http/mod.ts";
import type { ErrorFields } from "./messages.ts";

/** Codes of PostgreSQL's where there is one that says it; `RF…` are pgraft's own. */
const SQL_STATES: Readonly<Record<ProblemCode, string>> = {
  bad_request: "22023",
  unauthorized: "28000",
  forbidden: "42501",
  not_found: "P0002",
  method_not_allowed: "0A000",
  request_timeout: "57014",
  conflict: "55000",
  precondition_failed: "55000",
  compacted: "55000",
  too_large: "54000",
  unsupported_media_type: "22023",
  key_reused: "22023",
  busy: "53000",
  internal: "XX000",
  not_leader: "RF001",
  no_quorum: "RF002",
  stopping: "57P03",
  outcome_unknown: "40003",
};

const HINTS: Partial<Readonly<Record<ProblemCode, string>>> = {
  busy: "Nothing happened: try again.",
  no_quorum: "Nothing happened: try again once a leader is known.",
  outcome_unknown:
    "It may have happened, or may happen yet: look before you repeat it.",
  too_large: "Nothing happened.",
};

/** A problem with a code of PostgreSQL's own. */
export class SqlProblem extends Problem {
  /** The code. */
  readonly sqlState: string;

  /** Makes one. */
  constructor(sqlState: string, message: string, hint?: string) {
    super(
      "bad_request",
      message,
      hint === undefined ? {} : { extra: { hint } },
    );
    this.sqlState = sqlState;
  }
}

/**
 * Says an error as PostgreSQL says its own.
 *
 * @param error What was thrown.
 * @param changes Whether what failed would have changed something.
 */
export function failureOf(error: unknown, changes: boolean): ErrorFields {
  const problem = problemOf(error, changes);
  const { leader, extra } = problem.options;
  const isNotLeader = problem.code === "not_leader";
  const sqlState = problem instanceof SqlProblem
    ? problem.sqlState
    : SQL_STATES[problem.code];
  const hint = isNotLeader
    ? leaderHint(leader?.id ?? 0)
    : typeof extra?.hint === "string"
    ? extra.hint
    : HINTS[problem.code];
  const message = isNotLeader
    ? `This node is not the leader (current leader: ${leader?.id ?? 0})`
    : problem.message;
  return {
    severity: "ERROR",
    sqlState,
    message,
    ...(hint === undefined ? {} : { hint }),
  };
}

function leaderHint(id: number): string {
  return id === 0
    ? "No leader is known: try again once there is one."
    : `Call it on node ${id}, or set pgraft.forward_writes to on.`;
}
