import { assertEquals } from "@std/assert";
import { until } from "./nodes/mod.ts";
import type { PgCluster, PgNode } from "./postgres/mod.ts";
import { rowsOf, valueOf } from "./sql_test_kit.ts";

/** How long an operation may take to be run, failovers and all. */
const RUN_TIMEOUT_MS = 60_000;

/** How long one try waits for an operation to have run. */
const TRY_TIMEOUT_MS = 5000;
/** How many hand in side by side. */
const SUBMITTERS = 4;

/** One operation that was handed in: its number, and its index in the log. */
export interface Submitted {
  readonly number: number;
  readonly index: number;
}

/** Operations that are handed in without an end, to whoever takes them. */
export interface Submitting {
  /** What was taken so far. */
  readonly submitted: readonly Submitted[];
  /** Waits until so many more were taken. */
  untilTaken(count: number): Promise<void>;
  stop(): Promise<void>;
}

interface Answer {
  readonly raft_index?: number;
}

/** Begins to hand in inserts of 1, 2, 3, …; each until some node has taken it, under one key. */
export function startSubmitting(
  cluster: PgCluster,
  prefix: string,
): Submitting {
  const submitted: Submitted[] = [];
  let isStopping = false;

  async function submit(number: number): Promise<void> {
    const body = {
      sql: `insert into run_once values (${number})`,
      kind: "wal_entry",
    };
    const idempotencyKey = `${prefix}-${number}`;
    const index = await until(async () => {
      const nodes = cluster.cluster.up();
      const node = nodes[Math.floor(Math.random() * nodes.length)];
      const answer = await node?.client.request("POST", "/v1/sql", body, {
        idempotencyKey,
        timeoutMs: TRY_TIMEOUT_MS,
      });
      if (answer?.kind !== "ok") return null;
      return (answer.value as Answer).raft_index ?? null;
    }, {
      what: `operation ${number} is taken`,
      timeoutMs: RUN_TIMEOUT_MS,
    });
    submitted.push({ number, index });
  }

  let last = 0;
  const working = Promise.all(
    Array.from({ length: SUBMITTERS }, async () => {
      while (!isStopping) await submit(++last);
    }),
  );
  working.catch(() => {});
  return {
    submitted,
    untilTaken: async (count) => {
      const goal = submitted.length + count;
      await until(() => submitted.length >= goal || null, {
        what: `${count} more operations are taken`,
        timeoutMs: RUN_TIMEOUT_MS,
      });
    },
    stop: async () => {
      isStopping = true;
      await working;
    },
  };
}

/** Makes the table that the operations fill, in which nothing keeps a number from coming twice. */
export async function makeRunTable(primary: PgNode): Promise<void> {
  await rowsOf(primary, "create table run_once (n int, at bigserial)");
}

/** Every operation that was taken has run exactly once, in order, and says so. */
export async function assertRunOnce(
  cluster: PgCluster,
  submitting: Submitting,
): Promise<void> {
  const submitted = submitting.submitted.toSorted((a, b) => a.index - b.index);
  const last = submitted.at(-1);
  if (!last) throw new Error("Nothing was handed in");
  const { primary } = await cluster.settled();
  await until(
    async () =>
      await valueOf(
          primary,
          `select state from pgraft_execute_result(${last.index})`,
        ) === "done" || null,
    { what: "the last operation has run", timeoutMs: RUN_TIMEOUT_MS },
  );
  const rows = await rowsOf(primary, "select n from run_once order by at");
  assertEquals(
    rows.map(([n]) => Number(n)),
    submitted.map(({ number }) => number),
  );
  const all = submitted.map(({ index }) => index).join(",");
  assertEquals(
    await rowsOf(
      primary,
      `select i, r.state, r.error from unnest(array[${all}]) as i, pgraft_execute_result(i) as r where r.state <> 'done'`,
      { timeoutMs: RUN_TIMEOUT_MS },
    ),
    [],
  );
  const indexes = await rowsOf(
    primary,
    "select raft_index from pgraft.applied_entries order by 1",
  );
  const recorded = new Set(indexes.map(([index]) => Number(index)));
  assertEquals(
    submitted.filter(({ index }) => !recorded.has(index)),
    [],
  );
}
