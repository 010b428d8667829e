import { assert, assertEquals, assertMatch } from "@std/assert";
import { type Json, type TestNode, withNode } from "./api_test_kit.ts";

/**
 * A request and etcd 3.4's answer to it, without the header and on an empty store. Revisions are one
 * lower here, for etcd counts an empty store as revision 1.
 */
type Exchange = readonly [route: string, request: Json, answer: Json];

const A = {
  key: "YQ==",
  create_revision: "1",
  mod_revision: "2",
  version: "2",
};
const B = {
  key: "Yg==",
  create_revision: "3",
  mod_revision: "3",
  version: "1",
};
const BB = {
  key: "YmI=",
  create_revision: "4",
  mod_revision: "4",
  version: "1",
};
const [ONE, TWO] = ["MQ==", "Mg=="];
const EVERYTHING = { key: "AA==", range_end: "AA==" };

const EXCHANGES: readonly Exchange[] = [
  ["put", { key: "YQ==", value: ONE }, {}],
  ["put", { key: "YQ==", value: TWO, prev_kv: true }, {
    prev_kv: { ...A, mod_revision: "1", version: "1", value: ONE },
  }],
  ["put", { key: "Yg==" }, {}],
  ["put", { key: "YmI=", value: ONE, prev_kv: true }, {}],
  ["range", { key: "YQ==" }, { kvs: [{ ...A, value: TWO }], count: "1" }],
  ["range", { key: "Yg==" }, { kvs: [B], count: "1" }],
  ["range", { key: "eg==" }, {}],
  ["range", { key: "YQ==", range_end: "Yw==", limit: "1" }, {
    kvs: [{ ...A, value: TWO }],
    more: true,
    count: "3",
  }],
  ["range", { ...EVERYTHING, keys_only: true }, {
    kvs: [A, B, BB],
    count: "3",
  }],
  ["range", { ...EVERYTHING, count_only: true }, { count: "3" }],
  ["range", { ...EVERYTHING, limit: -1, serializable: true }, {
    kvs: [{ ...A, value: TWO }, B, { ...BB, value: ONE }],
    count: "3",
  }],
  ["range", { key: "Yg==", range_end: "AA==" }, {
    kvs: [B, { ...BB, value: ONE }],
    count: "2",
  }],
  ["range", { key: "eg==", count_only: true }, {}],
  ["range", { key: "YQ==", nonsense: 1 }, {
    kvs: [{ ...A, value: TWO }],
    count: "1",
  }],
  ["deleterange", { key: "eg==" }, {}],
  ["deleterange", { key: "YQ==", prev_kv: true }, {
    deleted: "1",
    prev_kvs: [{ ...A, value: TWO }],
  }],
  ["deleterange", EVERYTHING, { deleted: "2" }],
  ["range", EVERYTHING, {}],
];

Deno.test("etcd's routes answer field by field as etcd does", () =>
  withNode(async ({ ask }) => {
    const revisions: unknown[] = [];
    for (const [route, request, want] of EXCHANGES) {
      const { status, body } = await ask("POST", `/v3/kv/${route}`, request);
      const { header, ...rest } = body;
      assertEquals([status, rest], [200, want], JSON.stringify(request));
      revisions.push(checkHeader(header));
    }
    assertEquals(
      revisions,
      "1 2 3 4 4 4 4 4 4 4 4 4 4 4 4 5 6 6".split(" "),
    );
  }));

function checkHeader(header: unknown): unknown {
  const { cluster_id, member_id, revision, raft_term, ...more } =
    header as Record<
      string,
      string
    >;
  assertMatch(cluster_id ?? "", /^[1-9]\d{0,19}$/);
  assertMatch(raft_term ?? "", /^[1-9]\d*$/);
  assertEquals([member_id, more], ["1", {}]);
  return revision;
}

Deno.test("etcd's status has etcd's fields", () =>
  withNode(async ({ ask }) => {
    const { status, body } = await ask("POST", "/v3/maintenance/status", {});
    assertEquals(status, 200);
    assertEquals(Object.keys(body), [
      "header",
      "version",
      "dbSize",
      "leader",
      "raftIndex",
      "raftTerm",
      "raftAppliedIndex",
      "dbSizeInUse",
    ]);
    assertEquals([body.version, body.leader], ["1.2.3", "1"]);
  }));

Deno.test("etcd's routes refuse what etcd does, and what they can't do", () =>
  withNode(async ({ ask }) => {
    const cases: [route: string, request: unknown, detail: RegExp][] = [
      ["put", { value: ONE }, /^key: a key is not empty/],
      ["range", {}, /^key: a key is not empty/],
      ["range", "", /^key: a key is not empty/],
      ["deleterange", {}, /^key: a key is not empty/],
      ["range", { key: "*" }, /^key: this is not base64/],
      ["range", { key: 1 }, /^key: send base64/],
      ["range", "{", /not JSON/],
      ["range", { key: "YQ==", limit: "x" }, /^limit: /],
      ["range", { key: "YQ==", keys_only: "yes" }, /^keys_only: /],
      ["range", { key: "YQ==", revision: "x" }, /^revision: /],
      ["range", { ...EVERYTHING, sort_order: "DESCEND" }, /^sort_order: /],
      [
        "range",
        { ...EVERYTHING, min_mod_revision: "3" },
        /^min_mod_revision: /,
      ],
      ["put", { key: "YQ==", lease: "-1" }, /^lease: /],
      ["put", { key: "YQ==", ignore_value: true }, /^ignore_value: /],
    ];
    for (const [route, request, detail] of cases) {
      const answer = await ask("POST", `/v3/kv/${route}`, request);
      assertEquals([answer.status, answer.body.code], [400, "bad_request"]);
      assertMatch(String(answer.body.detail), detail);
    }
    const plain = { ...EVERYTHING, sort_order: "NONE", sort_target: "KEY" };
    assertEquals((await ask("POST", "/v3/kv/range", plain)).status, 200);
    await assertUntyped({ ask });
  }));

/** Programs for etcd's gateway name no content type, or a form's, as curl does. */
async function assertUntyped({ ask }: Pick<TestNode, "ask">): Promise<void> {
  const body = JSON.stringify({ key: "YQ==" });
  const form = { "content-type": "application/x-www-form-urlencoded" };
  assertEquals((await ask("POST", "/v3/kv/put", body, form)).status, 200);
  const page = { ...form, "sec-fetch-site": "cross-site" };
  assertEquals((await ask("POST", "/v3/kv/put", body, page)).status, 415);
}

Deno.test("a put of etcd's with an Idempotency-Key happens once", () =>
  withNode(async ({ ask }) => {
    const once = { "idempotency-key": "once" };
    const put = { key: "YQ==", value: ONE };
    const first = await ask("POST", "/v3/kv/put", put, once);
    const again = await ask("POST", "/v3/kv/put", put, once);
    assertEquals(again.body, first.body);
    const { body } = await ask("POST", "/v3/kv/range", { key: "YQ==" });
    assertEquals(
      JSON.stringify(body.kvs),
      '[{"key":"YQ==","create_revision":"1","mod_revision":"1","version":"1","value":"MQ=="}]',
    );
  }));

/** Etcd's own example of a transaction, on keys that exist. */
const COMPARES: readonly (readonly [Json, boolean])[] = [
  [{ target: "VERSION", version: "2" }, true],
  [{ target: "VERSION", result: "LESS", version: 3 }, true],
  [{ target: "CREATE", createRevision: "1" }, true],
  [{ target: "CREATE", result: "GREATER", create_revision: "1" }, false],
  [{ target: "MOD", mod_revision: "2" }, true],
  [{ target: "MOD", result: "NOT_EQUAL", mod_revision: "2" }, false],
  [{ target: "VALUE", value: TWO }, true],
  [{ target: 3, result: 2, value: TWO }, false],
  [{ target: "VALUE", value: ONE }, false],
  [{ key: "eg==", target: "VERSION", version: "0" }, true],
  [{ key: "eg==", target: "VALUE", value: ONE }, false],
  [{ key: "eg==", target: "VALUE", result: "NOT_EQUAL", value: ONE }, false],
  [{ range_end: "Yw==", target: "VERSION", result: "GREATER" }, true],
];

Deno.test("a transaction of etcd's takes one list or the other by what it compares", () =>
  withNode(async ({ ask }) => {
    await ask("POST", "/v3/kv/put", { key: "YQ==", value: ONE });
    await ask("POST", "/v3/kv/put", { key: "YQ==", value: TWO });
    for (const [compare, want] of COMPARES) {
      const { status, body } = await ask("POST", "/v3/kv/txn", {
        compare: [{ key: "YQ==", ...compare }],
      });
      const { header, ...rest } = body;
      const text = JSON.stringify(compare);
      assertEquals(
        [status, rest],
        [200, want ? { succeeded: true } : {}],
        text,
      );
      assertEquals(checkHeader(header), "2");
    }
  }));

Deno.test("a transaction of etcd's answers step by step, in one revision", () =>
  withNode(async ({ ask }) => {
    await ask("POST", "/v3/kv/put", { key: "YQ==", value: ONE });
    const { body } = await ask("POST", "/v3/kv/txn", {
      compare: [{ key: "YQ==", target: "VALUE", value: ONE }],
      success: [
        { requestRange: { key: "YQ==" } },
        { requestPut: { key: "Yg==", value: TWO } },
        { requestDeleteRange: { key: "YQ==", prevKv: true } },
        { request_range: { ...EVERYTHING, keys_only: true } },
      ],
      failure: [{ requestPut: { key: "YQ==", value: TWO } }],
    });
    const { header, ...rest } = body;
    assertEquals(checkHeader(header), "2");
    const old = { ...A, mod_revision: "1", version: "1", value: ONE };
    const made = { ...B, create_revision: "2", mod_revision: "2" };
    assertEquals(rest, {
      succeeded: true,
      responses: [
        {
          response_range: {
            header: { revision: "1" },
            kvs: [old],
            count: "1",
          },
        },
        { response_put: { header: { revision: "2" } } },
        {
          response_delete_range: {
            header: { revision: "2" },
            deleted: "1",
            prev_kvs: [old],
          },
        },
        {
          response_range: {
            header: { revision: "2" },
            kvs: [made],
            count: "1",
          },
        },
      ],
    });
  }));

Deno.test("a transaction that etcd refuses is refused with its error", () =>
  withNode(async ({ ask }) => {
    const put = { request_put: { key: "YQ==" } };
    const cases: [Json, RegExp][] = [
      [{ success: [put, put] }, /^etcdserver: duplicate key given/],
      [
        { failure: Array(129).fill({ request_range: { key: "YQ==" } }) },
        /^etcdserver: too many operations/,
      ],
    ];
    for (const [request, error] of cases) {
      const { status, body } = await ask("POST", "/v3/kv/txn", request);
      assertEquals([status, body.code, body.message], [400, 3, body.error]);
      assertMatch(String(body.error), error);
    }
    const ours: [Json, RegExp][] = [
      [{ success: [{}] }, /^success\[0\]: send request_put/],
      [{ success: [{ ...put, request_range: { key: "YQ==" } }] }, /send one/],
      [{ success: [{ request_txn: {} }] }, /^success\[0\].request_txn: /],
      [{ success: [{ request_put: {} }] }, /request_put.key: a key is not/],
      [{ compare: [{ key: "YQ==", target: "LEASE" }] }, /^compare\[0\].target/],
    ];
    for (const [request, detail] of ours) {
      const { status, body } = await ask("POST", "/v3/kv/txn", request);
      assertEquals([status, body.code], [400, "bad_request"]);
      assertMatch(String(body.detail), detail);
    }
  }));

Deno.test("etcd's list of members names peers and clients", () =>
  withNode(async ({ ask, api }) => {
    const { body } = await ask("POST", "/v3/cluster/member/list", {});
    const [member, ...more] = body.members as Json[];
    const { peerURLs, ...rest } = member ?? {};
    assertMatch(String(peerURLs), /^http:\/\/127\.0\.0\.1:\d+$/);
    assertEquals([rest, more], [{
      ID: "1",
      name: "node1",
      clientURLs: [`http://${api}`],
    }, []]);
  }));

Deno.test("a range of etcd's at a revision is what was there", () =>
  withNode(async ({ ask }) => {
    await ask("POST", "/v3/kv/put", { key: "YQ==", value: ONE });
    await ask("POST", "/v3/kv/put", { key: "YQ==", value: TWO });
    await ask("POST", "/v3/kv/put", { key: "Yg==" });
    await ask("POST", "/v3/kv/deleterange", { key: "YQ==" });
    const first = { ...A, mod_revision: "1", version: "1", value: ONE };
    const cases: [number, unknown[]][] = [
      [1, [first]],
      [2, [{ ...A, value: TWO }]],
      [3, [{ ...A, value: TWO }, B]],
      [4, [B]],
    ];
    for (const [revision, kvs] of cases) {
      const request = { ...EVERYTHING, revision };
      const { header, ...rest } =
        (await ask("POST", "/v3/kv/range", request)).body;
      assertEquals(rest, { kvs, count: String(kvs.length) });
      assertEquals(checkHeader(header), "4");
    }
  }));

const LEASE = { ID: "77" };

Deno.test("a lease of etcd's is granted, kept alive, told of and revoked, with its keys", () =>
  withNode(async ({ ask }) => {
    const grant = await ask("POST", "/v3/lease/grant", { ...LEASE, TTL: 600 });
    const { header: _header, ...granted } = grant.body;
    assertEquals(granted, { ID: "77", TTL: "600" });
    const drawn = (await ask("POST", "/v3/lease/grant", { TTL: "0" })).body;
    assertMatch(String(drawn.ID), /^[1-9]\d*$/);
    assertEquals(drawn.TTL, "1");

    const put = { key: "YQ==", value: ONE, lease: "77" };
    await ask("POST", "/v3/kv/put", put);
    await ask("POST", "/v3/kv/txn", {
      success: [{ requestPut: { ...put, key: "Yg==" } }],
    });
    await ask("POST", "/v3/kv/put", { key: "Yw==" });
    const range = (await ask("POST", "/v3/kv/range", { key: "YQ==" })).body;
    const [record] = range.kvs as Json[];
    assertEquals(record?.lease, "77");

    const alive = await ask("POST", "/v3/lease/keepalive", LEASE);
    const result = alive.body.result as Json;
    assertEquals([result.ID, result.TTL], ["77", "600"]);
    const told = (await ask("POST", "/v3/lease/timetolive", {
      ...LEASE,
      keys: true,
    })).body;
    const { TTL, header: _told, ...rest } = told;
    assertMatch(String(TTL), /^(600|5\d\d)$/);
    assertEquals(rest, {
      ID: "77",
      grantedTTL: "600",
      keys: ["YQ==", "Yg=="],
    });
    const all = (await ask("POST", "/v3/lease/leases", {})).body.leases;
    assert((all as Json[]).some(({ ID }) => ID === "77"));

    assertEquals((await ask("POST", "/v3/lease/revoke", LEASE)).status, 200);
    const left = (await ask("POST", "/v3/kv/range", EVERYTHING)).body;
    assertEquals((left.kvs as Json[]).map(({ key }) => key), ["Yw=="]);
    const gone = (await ask("POST", "/v3/lease/timetolive", LEASE)).body;
    assertEquals(gone.TTL, "-1");
    const dead = (await ask("POST", "/v3/lease/keepalive", LEASE)).body;
    assertEquals("TTL" in (dead.result as Json), false);
  }));

Deno.test("a lease that nobody keeps alive ends with its keys, and watchers are told", () =>
  withNode(async ({ ask, api }) => {
    await ask("POST", "/v3/lease/grant", { ...LEASE, TTL: 1 });
    await ask("POST", "/v3/kv/put", { key: "YQ==", lease: 77 });
    const response = await fetch(`http://${api}/v1/watch?from=2`);
    assert(response.body);
    let text = "";
    for await (
      const part of response.body.pipeThrough(new TextDecoderStream())
    ) {
      text += part;
      if (text.includes("event:change")) break;
    }
    assertMatch(text, /"revision":2,"changes":\[\{"type":"delete","key":"a"/);
    assertEquals((await ask("GET", "/v1/kv/a")).status, 404);
  }));

Deno.test("leases and compactions that etcd refuses are refused with its error", () =>
  withNode(async ({ ask }) => {
    await ask("POST", "/v3/lease/grant", { ...LEASE, TTL: 600 });
    for (const value of [ONE, TWO, ONE]) {
      await ask("POST", "/v3/kv/put", { key: "YQ==", value });
    }
    const compacted = await ask("POST", "/v3/kv/compaction", { revision: "2" });
    assertEquals(compacted.status, 200);
    const gone = "etcdserver: requested lease not found";
    const past = "etcdserver: mvcc: required revision has been compacted";
    const future = "etcdserver: mvcc: required revision is a future revision";
    const cases: [string, Json, number, number, string][] = [
      ["kv/put", { key: "YQ==", lease: "5" }, 404, 5, gone],
      ["lease/revoke", { ID: "5" }, 404, 5, gone],
      ["lease/grant", LEASE, 400, 9, "etcdserver: lease already exists"],
      [
        "lease/grant",
        { TTL: "9007199254740991" },
        400,
        11,
        "etcdserver: too large lease TTL",
      ],
      ["kv/range", { key: "YQ==", revision: "1" }, 400, 11, past],
      ["kv/range", { key: "YQ==", revision: "4" }, 400, 11, future],
      ["kv/compaction", { revision: "2" }, 400, 11, past],
      ["kv/compaction", { revision: "99" }, 400, 11, future],
    ];
    for (const [route, request, status, code, error] of cases) {
      const answer = await ask("POST", `/v3/${route}`, request);
      assertEquals(
        [answer.status, answer.body.code, answer.body.error],
        [status, code, error],
      );
    }
    const watch = await ask("GET", "/v1/watch?from=2");
    assertEquals([watch.status, watch.body.oldest_revision], [410, 3]);
  }));
