import { assertEquals, assertMatch } from "@std/assert";
import { withNode } from "./api_test_kit.ts";

Deno.test("entries are appended at dense positions and read one by one and in ranges", () =>
  withNode(async ({ ask }) => {
    const bytes = btoa("\xff\0");
    const first = await ask("POST", "/v1/log", { data: "büß" });
    assertEquals([first.status, first.body], [201, { index: 1 }]);
    const second = await ask("POST", "/v1/log", { data_base64: bytes });
    assertEquals(second.body, { index: 2 });
    assertEquals((await ask("POST", "/v1/log", { data: "" })).body, {
      index: 3,
    });

    const entries = [
      { index: 1, data: "büß" },
      { index: 2, data_base64: bytes },
      { index: 3, data: "" },
    ];
    for (const entry of entries) {
      for (const query of ["", "?stale=true"]) {
        const read = await ask("GET", `/v1/log/${entry.index}${query}`);
        assertEquals([read.status, read.body], [200, entry]);
      }
    }
    const bounds = { first_index: 1, last_index: 3 };
    assertEquals((await ask("GET", "/v1/log")).body, { entries, ...bounds });
    assertEquals((await ask("GET", "/v1/log?from=2&limit=1")).body, {
      entries: entries.slice(1, 2),
      ...bounds,
    });
    assertEquals((await ask("GET", "/v1/log?from=4&stale=true")).body, {
      entries: [],
      ...bounds,
    });
    const missing = await ask("GET", "/v1/log/4");
    assertEquals(missing.status, 404);
    assertEquals(
      missing.body.detail,
      "Entry 4 does not exist yet; the newest is 3",
    );
    assertEquals([missing.body.first_index, missing.body.last_index], [1, 3]);
  }));

Deno.test("an append that is repeated with its Idempotency-Key is there once", () =>
  withNode(async ({ ask }) => {
    const once = { "idempotency-key": "once" };
    for (let n = 0; n < 3; n++) {
      const answer = await ask("POST", "/v1/log", { data: "a" }, once);
      assertEquals([answer.status, answer.body], [201, { index: 1 }]);
    }
    const reused = await ask("POST", "/v1/log", { data: "b" }, once);
    assertEquals([reused.status, reused.body.code], [422, "key_reused"]);
    assertEquals((await ask("GET", "/v1/log")).body.last_index, 1);
  }));

Deno.test("a wait ends when the entry is there, or says that it did not come", () =>
  withNode(async ({ ask }) => {
    const waiting = ask("GET", "/v1/log/wait?index=1");
    await ask("POST", "/v1/log", { data: "a" });
    const arrived = await waiting;
    assertEquals([arrived.status, arrived.body], [200, {
      index: 1,
      last_index: 1,
    }]);
    assertEquals(
      (await ask("GET", "/v1/log/wait?index=1&timeout_ms=0")).status,
      200,
    );
    const late = await ask("GET", "/v1/log/wait?index=2&timeout_ms=1");
    assertEquals([late.status, late.body.code, late.body.last_index], [
      504,
      "outcome_unknown",
      1,
    ]);
  }));

Deno.test("malformed requests of the log are refused, and name their field", () =>
  withNode(async ({ ask }) => {
    const cases: [
      method: string,
      path: string,
      body: unknown,
      detail: RegExp,
    ][] = [
      ["POST", "/v1/log", {}, /^data: send data or data_base64/],
      ["POST", "/v1/log", { data: 1 }, /^data: /],
      ["POST", "/v1/log", { data: "", data_base64: "" }, /exclude each other/],
      ["POST", "/v1/log", { data: "", more: 1 }, /more/],
      ["GET", "/v1/log/0", undefined, /^index: /],
      ["GET", "/v1/log/x", undefined, /^index: /],
      ["GET", "/v1/log/99999999999999999", undefined, /^index: /],
      ["GET", "/v1/log?from=0", undefined, /^from: /],
      ["GET", "/v1/log?limit=0", undefined, /^limit: /],
      ["GET", "/v1/log?limit=1001", undefined, /^limit: /],
      ["GET", "/v1/log/wait", undefined, /^index: /],
      [
        "GET",
        "/v1/log/wait?index=1&timeout_ms=60001",
        undefined,
        /^timeout_ms: /,
      ],
    ];
    for (const [method, path, body, detail] of cases) {
      const answer = await ask(method, path, body);
      assertEquals(
        [answer.status, answer.body.code],
        [400, "bad_request"],
        path,
      );
      assertMatch(String(answer.body.detail), detail);
    }
  }));
