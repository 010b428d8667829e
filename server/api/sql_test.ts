import { assertEquals, assertMatch } from "@std/assert";
import { withNode } from "./api_test_kit.ts";

Deno.test("replicated SQL waits in the log where there is no primary, and is read back by its index", () =>
  withNode(async ({ ask }) => {
    const body = { sql: "select 1", role: "app", wait: false };
    const headers = { "idempotency-key": "once" };
    const first = await ask("POST", "/v1/sql", body, headers);
    assertEquals([first.status, first.body.state], [201, "waiting"]);
    const again = await ask("POST", "/v1/sql", body, headers);
    assertEquals(again.body.raft_index, first.body.raft_index);
    const read = await ask("GET", `/v1/sql/${first.body.raft_index}`);
    assertEquals(
      [read.body.sql, read.body.role, read.body.database, read.body.kind],
      ["select 1", "app", "postgres", "custom"],
    );
    assertEquals((await ask("GET", "/v1/sql/99999")).status, 404);
  }));

const REFUSED: readonly (readonly [unknown, RegExp])[] = [
  [{ sql: "vacuum" }, /VACUUM can't run in a transaction/],
  [{ sql: "select 1; commit" }, /COMMIT can't run/],
  [{ sql: "-- nothing" }, /no statement/],
  [{ sql: "" }, /sql/],
  [{ sql: "select 1", kind: "snapshot" }, /invalid kind "snapshot"/],
  [{ sql: "select 1", database: "" }, /database/],
  [{ sql: "select 1", more: true }, /more/],
  [{}, /sql/],
];

Deno.test("what can't be replicated is refused before it is logged", () =>
  withNode(async ({ ask }) => {
    for (const [body, why] of REFUSED) {
      const answer = await ask("POST", "/v1/sql", body);
      assertEquals([answer.status, body], [400, body]);
      assertMatch(String(answer.body.detail), why);
    }
  }));

Deno.test("a witness has no server to install the extension for", () =>
  withNode(async ({ ask }) => {
    const answer = await ask("POST", "/v1/extension", {});
    assertEquals(answer.status, 409);
    assertMatch(String(answer.body.detail), /no PostgreSQL/);
  }));
