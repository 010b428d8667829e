import { assertEquals } from "@std/assert";
import { SQL_FUNCTIONS, SQL_VIEWS } from "../../pg/sql/mod.ts";
import { OPERATIONS } from "./operations/all.ts";

/** What functions with a body of their own call. */
const CALLED_BY_BODIES = ["pgraft_execute", "pgraft_execute_wait"];

Deno.test("the bridge has an operation for every function and view, and none beside", () => {
  const wanted = new Set([
    ...CALLED_BY_BODIES,
    ...SQL_FUNCTIONS.flatMap(({ does }) =>
      does.kind === "call" ? [does.operation] : []
    ),
    ...SQL_VIEWS.map(({ operation }) => operation),
  ]);
  assertEquals([...wanted].sort(), [...OPERATIONS.keys()].sort());
});
