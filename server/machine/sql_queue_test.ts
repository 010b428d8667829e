import { assertEquals } from "@std/assert";
import {
  applySql,
  EMPTY_SQL_QUEUE,
  encodeSqlCommand,
  MAX_SQL_RESULTS,
  MAX_SQL_WAITING,
  nextOperation,
  type SqlQueue,
  type SqlResult,
} from "./sql_queue.ts";

function submitted(queue: SqlQueue, index: number): {
  readonly queue: SqlQueue;
  readonly result: SqlResult;
} {
  const data = encodeSqlCommand({
    type: "submit",
    kind: "custom",
    sql: `select ${index}`,
    database: "postgres",
    role: "app",
    atMs: 1,
  });
  return applySql(queue, data, { index, term: 3, openEpoch: 2 });
}

function finished(
  queue: SqlQueue,
  index: number,
  { epoch = 2, openEpoch = 2 } = {},
): { readonly queue: SqlQueue; readonly result: SqlResult } {
  const outcome = {
    state: "done",
    sqlState: "",
    message: "",
    epoch,
    atMs: 2,
  } as const;
  const data = encodeSqlCommand({ type: "finish", index, outcome });
  return applySql(queue, data, { index: 99, term: 3, openEpoch });
}

Deno.test("operations are queued in the order of the log, under its index", () => {
  const first = submitted(EMPTY_SQL_QUEUE, 5);
  const second = submitted(first.queue, 9);
  assertEquals([first.result, second.result], [
    { kind: "queued", index: 5 },
    { kind: "queued", index: 9 },
  ]);
  assertEquals(nextOperation(second.queue)?.index, 5);
});

Deno.test("only the operation whose turn it is is finished, once, by the reigning primary", () => {
  const { queue } = submitted(submitted(EMPTY_SQL_QUEUE, 5).queue, 9);
  assertEquals(finished(queue, 9).result.kind, "refused");
  assertEquals(finished(queue, 5, { epoch: 1 }).result.kind, "refused");
  assertEquals(finished(queue, 5, { openEpoch: 0 }).result.kind, "refused");
  const done = finished(queue, 5);
  assertEquals(done.result, { kind: "done" });
  assertEquals(nextOperation(done.queue)?.index, 9);
  assertEquals(finished(done.queue, 5).result.kind, "refused");
});

Deno.test("a queue that is full refuses, and takes again once one has run", () => {
  let queue = EMPTY_SQL_QUEUE;
  for (let i = 1; i <= MAX_SQL_WAITING; i++) queue = submitted(queue, i).queue;
  assertEquals(submitted(queue, 5000).result.kind, "refused");
  queue = finished(queue, 1).queue;
  assertEquals(submitted(queue, 5001).result.kind, "queued");
});

Deno.test("the oldest results go first, and nothing that waits does", () => {
  let queue = EMPTY_SQL_QUEUE;
  for (let i = 1; i <= MAX_SQL_RESULTS + 5; i++) {
    queue = finished(submitted(queue, i).queue, i).queue;
  }
  queue = submitted(queue, 9999).queue;
  assertEquals(queue.operations.length, MAX_SQL_RESULTS + 1);
  assertEquals(queue.operations[0]?.index, 6);
  assertEquals(nextOperation(queue)?.index, 9999);
});
