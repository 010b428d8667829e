import { type Answer, createNodeClient, type NodeClient } from "./client.ts";
import { freePorts } from "./ports.ts";
import { assertEquals } from "@std/assert";

type Respond = (request: Request) => Response | Promise<Response>;

interface Seen {
  line: string;
  body: string;
  idempotencyKey: string | null;
}

/** Answers every request the same, and keeps what it was asked. */
async function withServer(
  respond: Respond,
  run: (client: NodeClient, seen: Seen[]) => Promise<void>,
): Promise<void> {
  const seen: Seen[] = [];
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      const { pathname, search } = new URL(request.url);
      seen.push({
        line: `${request.method} ${pathname}${search}`,
        body: await request.text(),
        idempotencyKey: request.headers.get("idempotency-key"),
      });
      return await respond(request);
    },
  );
  using client = createNodeClient({ api: `127.0.0.1:${server.addr.port}` });
  await run(client, seen);
}

const problem = (status: number, code: string) => (): Response =>
  Response.json({ status, code, detail: "In words" }, { status });

/** No answer for as long as the client waits. */
function silence(request: Request): Promise<Response> {
  return new Promise((resolve) => {
    request.signal.addEventListener("abort", () => resolve(new Response()));
  });
}

/** Compares what `want` names. */
function assertIncludes(answer: Answer<unknown>, want: object): void {
  assertEquals({ ...answer, ...want }, { ...answer });
}

Deno.test("put() sends its conditions and its idempotency key", () =>
  withServer(() => Response.json({ revision: 7 }), async (client, seen) => {
    const answer = await client.put("a/b", "1", {
      ifRevision: 0,
      idempotencyKey: "once",
    });

    assertEquals(answer, { kind: "ok", status: 200, value: { revision: 7 } });
    assertEquals(seen, [{
      line: "PUT /v1/kv/a%2Fb",
      body: '{"value":"1","if_revision":0}',
      idempotencyKey: "once",
    }]);
  }));

Deno.test("get() takes 404 for an absent key", () =>
  withServer(problem(404, "not_found"), async (client) => {
    assertEquals(await client.get("a"), {
      kind: "ok",
      status: 404,
      value: null,
    });
  }));

const grades: Array<[
  name: string,
  respond: Respond,
  run: (client: NodeClient) => Promise<Answer<unknown>>,
  want: object,
]> = [
  [
    "a put that lost its compare-and-set is refused",
    problem(412, "precondition_failed"),
    (client) => client.put("a", "1", { ifValue: "0" }),
    { kind: "refused", status: 412, code: "precondition_failed" },
  ],
  [
    "a put without quorum is refused",
    problem(503, "no_quorum"),
    (client) => client.put("a", "1"),
    { kind: "refused", code: "no_quorum", detail: "In words" },
  ],
  [
    "a put whose outcome the node does not know is unknown",
    problem(504, "outcome_unknown"),
    (client) => client.put("a", "1"),
    { kind: "unknown", code: "outcome_unknown" },
  ],
  [
    "an append that breaks the node is unknown",
    problem(500, "internal"),
    (client) => client.append("a"),
    { kind: "unknown", status: 500 },
  ],
  [
    "a put that is not answered in time is unknown",
    silence,
    (client) => client.put("a", "1", { timeoutMs: 20 }),
    { kind: "unknown", status: 0, code: "timeout" },
  ],
  [
    "a read that is not answered in time is refused",
    silence,
    (client) => client.get("a", { timeoutMs: 20 }),
    { kind: "refused", status: 0, code: "timeout" },
  ],
];

for (const [name, respond, run, want] of grades) {
  Deno.test(name, () =>
    withServer(respond, async (client) => {
      assertIncludes(await run(client), want);
    }));
}

Deno.test("a put is unknown that dies with a connection from before, although fetch sends it again in vain", async () => {
  const abort = new AbortController();
  const server = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    signal: abort.signal,
    onListen: () => {},
  }, (request) => {
    if (request.method === "GET") return Response.json({});
    abort.abort();
    return silence(request);
  });
  using client = createNodeClient({ api: `127.0.0.1:${server.addr.port}` });
  await client.request("GET", "/");

  assertIncludes(await client.put("a", "1"), {
    kind: "unknown",
    code: "unreachable",
  });
  await server.finished;
  assertIncludes(await client.put("a", "1"), { kind: "refused" });
});

Deno.test("a put to a port that nobody listens on is refused", async () => {
  const [port] = freePorts(1);
  using client = createNodeClient({ api: `127.0.0.1:${port}` });

  assertIncludes(await client.put("a", "1"), {
    kind: "refused",
    code: "unreachable",
  });
});
