import {
  decodeLogResult,
  encodeLogOperation,
} from "../../../raft/machines/mod.ts";
import {
  proposePart,
  raftStatus,
  readAs,
  requireMember,
} from "../../api/mod.ts";
import { Problem } from "../../http/mod.ts";
import { whenApplied } from "../../machine/mod.ts";
import { numberAt, textAt } from "../arguments.ts";
import { requireText } from "../bytes.ts";
import type { BridgeContext, Operation } from "../context.ts";
import { SqlProblem } from "../failure.ts";
import { writing } from "../leading.ts";

/** How long an entry is waited for. */
const COMMIT_WAIT_MS = 5000;
const INTEGER_MAX = 2 ** 31 - 1;

interface Entry {
  readonly index: number;
  readonly term: number;
  readonly data: string;
}

async function append(context: BridgeContext, text: string): Promise<true> {
  const { node } = context;
  const data = encodeLogOperation({
    type: "append",
    data: new TextEncoder().encode(text),
  });
  try {
    requireMember(node);
    const options = writing(context);
    const operation = { part: "log", once: null, data } as const;
    const result = decodeLogResult(
      await proposePart(node, operation, options),
    );
    if (result.type === "refused") {
      throw new SqlProblem("22023", result.message);
    }
  } catch (error) {
    context.failedAppends.count += 1;
    throw error;
  }
  return true;
}

async function readEntry(
  { node }: BridgeContext,
  index: number,
): Promise<Entry> {
  const { log } = node.machine;
  const read = await readAs(node, false, () => ({
    data: log.read(index),
    term: node.machine.logTerm(index),
    first: log.firstPosition(),
    last: log.lastPosition(),
  }));
  if (!read.data) {
    throw new SqlProblem(
      "P0002",
      `invalid log index ${index}: entries ${read.first} to ${read.last} are there`,
    );
  }
  return {
    index,
    term: read.term,
    data: requireText(read.data, `Entry ${index}`),
  };
}

async function committed(
  { node }: BridgeContext,
  index: number,
): Promise<true> {
  requireMember(node);
  const { log } = node.machine;
  const never = new AbortController().signal;
  const isThere = await whenApplied(
    node,
    () => log.lastPosition() >= index,
    COMMIT_WAIT_MS,
    never,
  );
  if (isThere) return true;
  throw new SqlProblem(
    "P0002",
    `invalid log index ${index}: the newest entry here is ${log.lastPosition()}`,
  );
}

function logStats({ node, failedAppends }: BridgeContext): unknown {
  raftStatus(node);
  const { log } = node.machine;
  const last = log.lastPosition();
  return [{
    log_size: last - log.firstPosition() + 1,
    last_index: last,
    commit_index: last,
    last_applied: last,
    replicated: last,
    committed: last,
    applied: last,
    errors: failedAppends.count,
  }];
}

function logStatus({ node, failedAppends }: BridgeContext): unknown {
  const { commitIndex, lastIndex, appliedIndex } = raftStatus(node);
  const { log } = node.machine;
  const last = Math.min(log.lastPosition(), INTEGER_MAX);
  return [{
    node_id: node.id,
    log_size: last - log.firstPosition() + 1,
    last_index: last,
    commit_index: last,
    last_applied: last,
    replicated: commitIndex === lastIndex,
    committed: commitIndex === lastIndex,
    applied: appliedIndex === commitIndex,
    errors: failedAppends.count,
  }];
}

async function appendInTerm(
  context: BridgeContext,
  term: number,
  data: string,
): Promise<true> {
  const now = raftStatus(context.node).term;
  if (term !== now) {
    throw new Problem(
      "conflict",
      `invalid term ${term}: the present one is ${now}`,
    );
  }
  return await append(context, data);
}

function positionOf(value: readonly unknown[]): number {
  return numberAt(value as (number | null)[], 0, "index", { min: 1 });
}

/** What the bridge does with the log. */
export const LOG_OPERATIONS: Readonly<Record<string, Operation>> = {
  pgraft_append_log: (context, args) =>
    append(context, textAt(args, 0, "data")),
  pgraft_log_append: (context, args) =>
    appendInTerm(context, numberAt(args, 0, "term"), textAt(args, 1, "data")),
  pgraft_read_log: async (context, args) =>
    JSON.stringify(await readEntry(context, positionOf(args))),
  pgraft_log_get_entry: async (context, args) => {
    const { index, term, data } = await readEntry(context, positionOf(args));
    return `Index: ${index}, Term: ${term}, Timestamp: none, Data: ${data}, Committed: true, Applied: true`;
  },
  pgraft_commit_log: (context, args) => committed(context, positionOf(args)),
  pgraft_get_log: ({ node }) => {
    raftStatus(node);
    const last = node.machine.log.lastPosition();
    return JSON.stringify({
      last_log_index: last,
      last_log_term: last === 0 ? 0 : node.machine.logTerm(last),
      commit_index: last,
    });
  },
  pgraft_log_get_stats: logStats,
  pgraft_log_status: logStatus,
  pgraft_log_sync_with_leader: async ({ node }) => {
    requireMember(node);
    await node.raft.read(() => {});
    return true;
  },
};
