import { assertEquals, assertMatch } from "@std/assert";
import { type TestNode, withNode } from "./api_test_kit.ts";

const BYTES = btoa("\xff\0\x80");

Deno.test("keys are written, read, listed and deleted", () =>
  withNode(async ({ ask }) => {
    const written = await ask("PUT", "/v1/kv/a%2Fb", { value: "büß" });
    assertEquals([written.status, written.body], [200, { revision: 1 }]);
    const again = await ask("PUT", "/v1/kv/a/b", { value: "2" });
    assertEquals(again.body, { revision: 2 });
    await ask("PUT", "/v1/kv/a/c", { value_base64: BYTES });

    const record = {
      key: "a/b",
      value: "2",
      create_revision: 1,
      mod_revision: 2,
      version: 2,
    };
    const bytes = {
      key: "a/c",
      value_base64: BYTES,
      create_revision: 3,
      mod_revision: 3,
      version: 1,
    };
    for (const query of ["", "?stale=true", "?stale=false", "?stale"]) {
      const read = await ask("GET", `/v1/kv/a/b${query}`);
      assertEquals([read.status, read.body], [200, { ...record, revision: 3 }]);
      assertEquals((await ask("GET", `/v1/kv/a/c${query}`)).body, {
        ...bytes,
        revision: 3,
      });
    }
    const all = { kvs: [record, bytes], count: 2, more: false, revision: 3 };
    assertEquals((await ask("GET", "/v1/kv")).body, all);
    assertEquals((await ask("GET", "/v1/kv?prefix=a/&stale=true")).body, all);
    assertEquals((await ask("GET", "/v1/kv?prefix=a/&limit=1")).body, {
      kvs: [record],
      count: 2,
      more: true,
      revision: 3,
    });
    assertEquals((await ask("GET", "/v1/kv?prefix=b")).body, {
      kvs: [],
      count: 0,
      more: false,
      revision: 3,
    });

    const deleted = await ask("DELETE", "/v1/kv/a/b");
    assertEquals([deleted.status, deleted.body], [200, {
      revision: 4,
      deleted: 1,
    }]);
    assertEquals((await ask("DELETE", "/v1/kv/a/b")).body, {
      revision: 4,
      deleted: 0,
    });
    const gone = await ask("GET", "/v1/kv/a/b");
    assertEquals([gone.status, gone.body.code, gone.body.revision], [
      404,
      "not_found",
      4,
    ]);
    const head = await ask("HEAD", "/v1/kv/a/c");
    assertEquals([head.status, head.body], [200, { text: "" }]);
  }));

Deno.test("a compare-and-set happens only when the key is as expected, and says what it is", () =>
  withNode(async ({ ask }) => {
    const put = async (body: unknown): Promise<unknown[]> => {
      const answer = await ask("PUT", "/v1/kv/k", body);
      return [answer.status, answer.body.revision, answer.body.current];
    };
    assertEquals(await put({ value: "1", if_revision: 3 }), [412, 0, null]);
    assertEquals(await put({ value: "1", if_value: "0" }), [412, 0, null]);
    assertEquals(await put({ value: "1", if_revision: 0 }), [
      200,
      1,
      undefined,
    ]);
    const current = {
      key: "k",
      value: "1",
      create_revision: 1,
      mod_revision: 1,
      version: 1,
    };
    assertEquals(await put({ value: "2", if_revision: 0 }), [412, 1, current]);
    assertEquals(await put({ value: "2", if_value: "1" }), [200, 2, undefined]);
    assertEquals(await put({ value: "3", if_value_base64: btoa("2") }), [
      200,
      3,
      undefined,
    ]);
    assertEquals(await put({ value: "4", if_revision: 3 }), [
      200,
      4,
      undefined,
    ]);

    const kept = await ask("DELETE", "/v1/kv/k?if_revision=3");
    assertEquals([kept.status, kept.body.code], [412, "precondition_failed"]);
    const deleted = await ask("DELETE", "/v1/kv/k?if_revision=4");
    assertEquals([deleted.status, deleted.body], [200, {
      revision: 5,
      deleted: 1,
    }]);
  }));

Deno.test("a repetition with its Idempotency-Key returns the first answer", () =>
  withNode(async ({ ask }) => {
    const put = (
      { ask }: Pick<TestNode, "ask">,
      value: string,
      key: string,
    ): Promise<unknown> =>
      ask("PUT", "/v1/kv/k", { value }, { "idempotency-key": key })
        .then(({ status, body }) => [status, body.code ?? body.revision]);

    assertEquals(await put({ ask }, "1", "first"), [200, 1]);
    assertEquals(await put({ ask }, "2", "second"), [200, 2]);
    assertEquals(await put({ ask }, "1", "first"), [200, 1]);
    assertEquals((await ask("GET", "/v1/kv/k")).body.value, "2");
    assertEquals(await put({ ask }, "3", "first"), [422, "key_reused"]);
    assertEquals(await put({ ask }, "3", "x".repeat(128)), [200, 3]);
    assertEquals(await put({ ask }, "3", "x".repeat(129)), [
      400,
      "bad_request",
    ]);
    assertEquals(await put({ ask }, "3", "a b"), [400, "bad_request"]);

    // A compare-and-set that failed is repeated as failed, although it would fit by now.
    const early = { "idempotency-key": "early" };
    const body = { value: "5", if_value: "4" };
    assertEquals((await ask("PUT", "/v1/kv/k", body, early)).status, 412);
    await ask("PUT", "/v1/kv/k", { value: "4" });
    assertEquals((await ask("PUT", "/v1/kv/k", body, early)).status, 412);
    assertEquals((await ask("GET", "/v1/kv/k")).body.value, "4");
  }));

Deno.test("malformed requests of the store are refused, and name their field", () =>
  withNode(async ({ ask }) => {
    const puts: [body: unknown, detail: RegExp][] = [
      ["", /value/],
      ["{", /not JSON/],
      ["[]", /no JSON object/],
      [{}, /^value: send value or value_base64/],
      [{ value: 1 }, /^value: /],
      [{ value: "1", value_base64: "MQ==" }, /^value and value_base64 exclude/],
      [
        { value_base64: "*" },
        /^value_base64: this is not base64|^value: this is not base64/,
      ],
      [{ value: "1", if_revision: -1 }, /^if_revision: /],
      [{ value: "1", if_revision: 1.5 }, /^if_revision: /],
      [{ value: "1", if_revision: "1" }, /^if_revision: /],
      [{ value: "1", if_revision: 1, if_value: "1" }, /exclude each other/],
      [{ value: "1", ifRevision: 1 }, /ifRevision/],
    ];
    for (const [body, detail] of puts) {
      const answer = await ask("PUT", "/v1/kv/k", body);
      assertEquals([answer.status, answer.body.code], [400, "bad_request"]);
      assertMatch(String(answer.body.detail), detail);
    }
    const others: [method: string, path: string, detail: RegExp][] = [
      ["GET", "/v1/kv?limit=x", /^limit: /],
      ["GET", "/v1/kv?limit=10001", /^limit: .* to 10000/],
      ["GET", "/v1/kv?stale=yes", /^stale: /],
      ["GET", "/v1/kv/k?stale=1", /^stale: /],
      ["DELETE", "/v1/kv/k?if_revision=0", /^if_revision: /],
    ];
    for (const [method, path, detail] of others) {
      const answer = await ask(method, path);
      assertEquals([answer.status, answer.body.code], [400, "bad_request"]);
      assertMatch(String(answer.body.detail), detail);
    }
    assertEquals((await ask("GET", "/v1/kv/k")).status, 404);
  }));
