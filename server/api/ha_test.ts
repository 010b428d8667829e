import { assertEquals, assertMatch } from "@std/assert";
import { withNode } from "./api_test_kit.ts";

Deno.test("a node explains itself while there is no database, and has no history", () =>
  withNode(async ({ ask }) => {
    const explain = await ask("GET", "/v1/explain");
    assertEquals([explain.status, explain.body], [200, {
      phase: "unformed",
      epoch: 0,
      paused: false,
      mode: "quorum",
      rules: [],
      next: null,
      findings: [{
        member: null,
        code: "founding",
        text: "No data member with an empty directory has registered yet",
      }],
      members: [],
    }]);
    const history = await ask("GET", "/v1/failover/history");
    assertEquals([history.status, history.body], [200, { history: [] }]);
  }));

Deno.test("failover is paused and taken up again, and the cluster shows it", () =>
  withNode(async ({ ask }) => {
    const steps = [
      ["/v1/pause", true],
      // Twice is as once.
      ["/v1/pause", true],
      ["/v1/resume", false],
    ] as const;
    for (const [path, paused] of steps) {
      const answer = await ask("POST", path, {});
      assertEquals([answer.status, answer.body], [200, { paused }], path);
      assertEquals((await ask("GET", "/v1/cluster")).body.paused, paused);
      assertEquals((await ask("GET", "/v1/explain")).body.paused, paused);
    }
  }));

Deno.test("the synchronous mode is set, and explained", () =>
  withNode(async ({ ask }) => {
    for (const mode of ["strict", "off", "quorum"]) {
      const answer = await ask("PUT", "/v1/synchronous-mode", { mode });
      assertEquals([answer.status, answer.body], [200, { mode }]);
      assertEquals((await ask("GET", "/v1/explain")).body.mode, mode);
    }
  }));

Deno.test("nothing is switched over where no primary serves, and the answer says where to look", () =>
  withNode(async ({ ask }) => {
    for (const body of [{}, { target: 1 }]) {
      const switched = await ask("POST", "/v1/switchover", body);
      assertEquals([switched.status, switched.body.code], [409, "conflict"]);
      assertMatch(
        String(switched.body.detail),
        /no open primary.*\/v1\/explain/,
      );
    }
  }));

Deno.test("nothing fails over where there is no database, also when loss is allowed", () =>
  withNode(async ({ ask }) => {
    for (const body of [{}, { target: 1, allow_data_loss: true }]) {
      const failed = await ask("POST", "/v1/failover", body);
      assertEquals([failed.status, failed.body.code], [409, "conflict"]);
      assertMatch(String(failed.body.detail), /no database yet/);
    }
    assertEquals((await ask("GET", "/v1/failover/history")).body, {
      history: [],
    });
  }));

Deno.test("a member without PostgreSQL has no tags", () =>
  withNode(async ({ ask }) => {
    const tagged = await ask("PUT", "/v1/nodes/1/tags", { nofailover: true });
    assertEquals([tagged.status, tagged.body.code], [404, "not_found"]);
    assertMatch(String(tagged.body.detail), /Node 1 is no data member/);
  }));

Deno.test("malformed wishes are refused, and name their field", () =>
  withNode(async ({ ask }) => {
    const cases: [
      method: string,
      path: string,
      body: unknown,
      detail: RegExp,
    ][] = [
      ["POST", "/v1/switchover", { target: "2" }, /^target: /],
      ["POST", "/v1/switchover", { target: 0 }, /^target: /],
      ["POST", "/v1/switchover", { to: 2 }, /to/],
      [
        "POST",
        "/v1/failover",
        { allow_data_loss: "yes" },
        /^allow_data_loss: /,
      ],
      ["POST", "/v1/failover", { force: true }, /force/],
      ["POST", "/v1/pause", { paused: true }, /paused/],
      ["POST", "/v1/resume", { now: true }, /now/],
      ["PUT", "/v1/synchronous-mode", {}, /^mode: /],
      ["PUT", "/v1/synchronous-mode", { mode: "on" }, /^mode: /],
      ["PUT", "/v1/nodes/x/tags", {}, /^id: /],
      ["PUT", "/v1/nodes/1/tags", { nosync: 1 }, /^nosync: /],
      ["PUT", "/v1/nodes/1/tags", { nosinc: true }, /nosinc/],
      [
        "PUT",
        "/v1/nodes/1/tags",
        { failover_priority: 1001 },
        /^failover_priority: /,
      ],
    ];
    for (const [method, path, body, detail] of cases) {
      const answer = await ask(method, path, body);
      assertEquals(
        [answer.status, answer.body.code],
        [400, "bad_request"],
        `${path} ${JSON.stringify(body)}`,
      );
      assertMatch(String(answer.body.detail), detail);
    }
  }));

Deno.test("wishes need the right method, and JSON", () =>
  withNode(async ({ ask }) => {
    for (
      const path of [
        "/v1/switchover",
        "/v1/failover",
        "/v1/pause",
        "/v1/resume",
        "/v1/synchronous-mode",
      ]
    ) {
      const got = await ask("GET", path);
      assertEquals([got.status, got.body.code], [405, "method_not_allowed"]);
    }
    const plain = await ask("POST", "/v1/pause", "{}", {
      "content-type": "text/plain",
    });
    assertEquals([plain.status, plain.body.code], [
      415,
      "unsupported_media_type",
    ]);
    assertEquals((await ask("GET", "/v1/cluster")).body.paused, false);
  }));
