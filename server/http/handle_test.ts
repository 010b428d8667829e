import { assert, assertEquals, assertMatch } from "@std/assert";
import { createDeadlines, systemClock } from "../../base/mod.ts";
import { RaftError, type RaftErrorCode } from "../../raft/mod.ts";
import { type AuditedCall, createAudit } from "../audit/mod.ts";
import { createRequestHandler, type HandleOptions } from "./handle.ts";
import { jsonAnswer } from "./json.ts";
import { Problem } from "./problem.ts";
import { createRouteTable, type Route } from "./route.ts";

type Handle = Route["handle"];
type Handler = (request: Request) => Promise<Response>;

const INFO: Deno.ServeHandlerInfo<Deno.NetAddr> = {
  remoteAddr: { transport: "tcp", hostname: "127.0.0.1", port: 1 },
  completed: Promise.resolve(),
};

function handlerOf(
  handle: Handle,
  options: Partial<HandleOptions> = {},
): Handler {
  const route = (
    method: Route["method"],
    access: Route["access"],
  ): Route => ({ method, path: "/a", access, summary: "", handle });
  const bodies = createDeadlines(systemClock(), 30_000);
  const handler = createRequestHandler({
    table: createRouteTable([
      route("GET", "read"),
      route("POST", "change"),
      { ...route("GET", "open"), path: "/open" },
    ]),
    rules: { adminToken: null, readToken: null, hosts: new Set() },
    maxBodyBytes: 10,
    bodies,
    maxRequests: 2,
    isStopping: () => false,
    apiOf: (id) => `api-${id}`,
    begin: () => {},
    observe: () => {},
    audit: createAudit("off"),
    onError: () => {},
    nowMs: () => 0,
    ...options,
  });
  return async (request) => {
    try {
      return await handler(request, INFO);
    } finally {
      bodies.stop();
    }
  };
}

function get(path = "/a", headers: HeadersInit = {}): Request {
  return new Request(`http://a${path}`, { headers });
}

function post(body: string): Request {
  const headers = { "content-type": "application/json" };
  return new Request("http://a/a", { method: "POST", headers, body });
}

function failing(error: unknown): Handle {
  return () => Promise.reject(error);
}

const RAFT: [
  RaftErrorCode,
  read: [number, string],
  change: [number, string],
][] = [
  ["not_leader", [503, "not_leader"], [503, "not_leader"]],
  ["no_quorum", [503, "no_quorum"], [503, "no_quorum"]],
  ["busy", [429, "busy"], [429, "busy"]],
  ["too_large", [413, "too_large"], [413, "too_large"]],
  ["outcome_unknown", [504, "outcome_unknown"], [504, "outcome_unknown"]],
  ["membership", [409, "conflict"], [409, "conflict"]],
  ["bad_call", [503, "no_quorum"], [503, "no_quorum"]],
  // A change that was under way when the node ended may have happened.
  ["stopped", [503, "stopping"], [504, "outcome_unknown"]],
  ["apply_failed", [503, "stopping"], [504, "outcome_unknown"]],
  ["storage_failed", [503, "stopping"], [504, "outcome_unknown"]],
];

for (const [code, read, change] of RAFT) {
  Deno.test(`"${code}" of Raft is ${read.join(" ")} to a read and ${change.join(" ")} to a change`, async () => {
    const handler = handlerOf(failing(new RaftError(code, "In words")));
    for (
      const [request, want] of [[get(), read], [post("{}"), change]] as const
    ) {
      const response = await handler(request);
      const body = await response.json();
      assertEquals([response.status, body.code], want);
      assertEquals([body.status, body.detail], [want[0], "In words"]);
    }
  });
}

Deno.test("an answer to a problem follows RFC 9457, with the request's id and the leader", async () => {
  const leader = { id: 2, address: "b:1" };
  const error = new RaftError("not_leader", "In words", { leader });
  const response = await handlerOf(failing(error))(
    get("/a", { "x-request-id": "c0ffee" }),
  );

  assertEquals(
    response.headers.get("content-type"),
    "application/problem+json",
  );
  assertEquals(response.headers.get("x-request-id"), "c0ffee");
  assertEquals(await response.json(), {
    type: "about:blank",
    title: "Service Unavailable",
    status: 503,
    code: "not_leader",
    detail: "In words",
    request_id: "c0ffee",
    leader: { id: 2, api: "api-2" },
  });
});

Deno.test("what no handler expected is 500, and told with the request's id", async () => {
  const told: unknown[] = [];
  const error = new Error("A defect");
  const handler = handlerOf(failing(error), {
    onError: (...args) => told.push(args),
  });

  const response = await handler(get("/a", { "x-request-id": "r1" }));

  const { status, code, detail } = await response.json();
  assertEquals([status, code], [500, "internal"]);
  assertMatch(detail, /A defect/);
  assertEquals(told, [[error, "r1"]]);
});

Deno.test("X-Request-Id is taken over when it is sound, else made, each another", async () => {
  const handler = handlerOf(() => jsonAnswer({}));
  const idOf = async (given: string | null): Promise<string> => {
    const headers = given === null ? {} : { "x-request-id": given };
    return (await handler(get("/a", headers))).headers.get("x-request-id") ??
      "";
  };

  assertEquals(await idOf("aZ09._-"), "aZ09._-");
  assertEquals(await idOf("a".repeat(64)), "a".repeat(64));
  const made = [];
  for (const given of [null, "a".repeat(65), "a b", "<script>", ""]) {
    made.push(await idOf(given));
  }
  for (const id of made) assertMatch(id, /^[0-9a-f]{8}-[0-9a-z]+$/);
  assertEquals(new Set(made).size, made.length);
});

Deno.test("a route that does not know the method names those it knows", async () => {
  const response = await handlerOf(() => jsonAnswer({}))(
    new Request("http://a/a", { method: "DELETE" }),
  );
  assertEquals(response.status, 405);
  assertEquals(response.headers.get("allow"), "GET, HEAD, POST");
  assertEquals((await response.json()).code, "method_not_allowed");
});

Deno.test("a path that leads nowhere is 404", async () => {
  const response = await handlerOf(() => jsonAnswer({}))(get("/b"));
  assertEquals([response.status, (await response.json()).code], [
    404,
    "not_found",
  ]);
});

Deno.test("HEAD is answered as GET, without the body", async () => {
  const handler = handlerOf(() => jsonAnswer({ a: 1 }));
  const response = await handler(new Request("http://a/a", { method: "HEAD" }));
  assertEquals([response.status, response.body], [200, null]);
  assertEquals(response.headers.get("content-type"), "application/json");
});

Deno.test("a handler is given the path's query and body", async () => {
  const handler = handlerOf(({ query, body }) =>
    jsonAnswer({ q: query.get("q"), body })
  );
  const read = await handler(get("/a?q=%C3%BC&q=2"));
  assertEquals(await read.json(), { q: "ü", body: "" });
  const change = await handler(post("{}"));
  assertEquals(await change.json(), { q: null, body: "{}" });
});

Deno.test("a body over the limit never reaches its handler", async () => {
  const handler = handlerOf(() => {
    throw new Problem("conflict", "The handler was called");
  });
  const response = await handler(post("x".repeat(11)));
  assertEquals((await response.json()).code, "too_large");
});

Deno.test("more requests at once than allowed are refused as busy, and later ones served", async () => {
  const held = Promise.withResolvers<void>();
  const handler = handlerOf(async () => {
    await held.promise;
    return jsonAnswer({});
  });
  const first = [handler(get()), handler(get())];

  const third = await handler(get());
  held.resolve();

  assertEquals([third.status, third.headers.get("retry-after")], [429, "1"]);
  assertEquals((await Promise.all(first)).map(({ status }) => status), [
    200,
    200,
  ]);
  assertEquals((await handler(get())).status, 200);
});

Deno.test("a node that stops answers health only", async () => {
  const handler = handlerOf(() => jsonAnswer({}), { isStopping: () => true });
  const refused = await handler(post("{}"));
  assertEquals([refused.status, (await refused.json()).code], [
    503,
    "stopping",
  ]);
  assertEquals((await handler(get("/open"))).status, 200);
});

Deno.test("every request is observed once, with its route, status and time", async () => {
  const seen: unknown[] = [];
  let begun = 0;
  let nowMs = 0;
  const handler = handlerOf(() => jsonAnswer({}, 201), {
    nowMs: () => nowMs += 5,
    begin: () => begun += 1,
    observe: (route, request, status, tookMs) =>
      seen.push([route?.path ?? null, request.method, status, tookMs]),
  });

  await handler(get());
  await handler(get("/b"));
  await handler(post("x".repeat(11)));

  assertEquals(seen, [
    ["/a", "GET", 201, 5],
    [null, "GET", 404, 5],
    ["/a", "POST", 413, 5],
  ]);
  assert(begun === seen.length);
});

Deno.test("every changing call is written down with who, what and what came of it, and no other one", async () => {
  const told: AuditedCall[] = [];
  const rules = { adminToken: "t".repeat(20), readToken: "r".repeat(20) };
  const handler = handlerOf(({ body }) => {
    if (body === "{}") return jsonAnswer({});
    throw new Problem("conflict", "Not now");
  }, {
    rules: { ...rules, hosts: new Set() },
    audit: { wants: () => true, tell: (one) => told.push(one) },
  });
  const by = (token: string, body = "{}"): Request =>
    new Request("http://a/a?x=1", {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "x-request-id": "id" },
      body,
    });
  await handler(get());
  await handler(get("/open"));
  await handler(get("/nowhere"));
  await handler(post("{}"));
  await handler(post("[]"));
  await handler(by(rules.adminToken));
  await handler(by(rules.readToken));
  await handler(by("x".repeat(20)));

  assertEquals(
    told.map(({ caller, from, call, request, outcome }) =>
      [caller, from, call, request, outcome].join("|")
    ),
    [
      "loopback|127.0.0.1|POST /a|{}|done",
      "loopback|127.0.0.1|POST /a|[]|conflict",
      "admin token|127.0.0.1|POST /a|{}|done",
      "nobody|127.0.0.1|POST /a||forbidden",
      "nobody|127.0.0.1|POST /a||unauthorized",
    ],
  );
  assertEquals(told[2]?.requestId, "id");
});
