import { assert, assertEquals, assertMatch } from "@std/assert";
import * as v from "valibot";
import type { JsonSchema } from "../http/mod.ts";
import { type Answer, type TestNode, withNode } from "./api_test_kit.ts";
import type { NodeContext } from "./context.ts";
import { jsonSchemaOf } from "./json_schema.ts";
import { apiRoutes, createWatchHub } from "./mod.ts";
import { misfits } from "./schema_test_kit.ts";

/** The table of a node that nobody calls: routes are made without a look at their node. */
const CONTEXT = { version: "1.2.3" } as NodeContext;
const ROUTES = apiRoutes(CONTEXT, () => "", createWatchHub(CONTEXT));

interface Sample {
  /** @default {the route's path} */
  readonly path?: string;
  readonly body?: unknown;
  /** What comes of it on a node alone without PostgreSQL. */
  readonly status: number;
  /** Whether the answer is a stream, of which the first part is looked at. */
  readonly endless?: boolean;
}

const A = { key: "YQ==" };
const MEMBER = { id: 2, incarnation: 7, raft_address: "127.0.0.1:8" };

/** A request for every route, in an order in which they get on with each other. */
const SAMPLES: readonly (readonly [route: string, sample: Sample])[] = [
  ["GET /livez", { status: 200 }],
  ["GET /readyz", { status: 200 }],
  ["GET /health", { status: 200 }],
  ["GET /metrics", { status: 200 }],
  ["GET /openapi.json", { status: 200 }],
  ["GET /v1/status", { status: 200 }],
  ["GET /v1/cluster", { status: 200 }],
  ["GET /v1/nodes", { status: 200 }],
  ["GET /v1/nodes/:id", { path: "/v1/nodes/1", status: 200 }],
  ["POST /v1/log", { body: { data: "a" }, status: 201 }],
  ["GET /v1/log", { path: "/v1/log?from=1&limit=5&stale=true", status: 200 }],
  ["GET /v1/log/wait", { path: "/v1/log/wait?index=1", status: 200 }],
  ["GET /v1/log/:index", { path: "/v1/log/1", status: 200 }],
  ["PUT /v1/kv/:key*", { path: "/v1/kv/a", body: { value: "1" }, status: 200 }],
  ["GET /v1/kv/:key*", { path: "/v1/kv/a", status: 200 }],
  ["GET /v1/kv", { path: "/v1/kv?prefix=a&limit=1", status: 200 }],
  ["DELETE /v1/kv/:key*", { path: "/v1/kv/a?if_revision=1", status: 200 }],
  ["POST /v3/kv/put", { body: { ...A, value: "MQ==" }, status: 200 }],
  ["POST /v3/kv/range", { body: A, status: 200 }],
  ["POST /v3/kv/deleterange", { body: { ...A, prev_kv: true }, status: 200 }],
  ["GET /v1/watch", { path: "/v1/watch?from=1", status: 200, endless: true }],
  ["GET /v1/events", { path: "/v1/events?last=5", status: 200, endless: true }],
  ["GET /v1/log-level", { status: 200 }],
  ["PUT /v1/log-level", { body: { level: null }, status: 200 }],
  ["POST /v1/metrics/reset", { body: {}, status: 200 }],
  ["POST /v3/watch", {
    body: { create_request: { ...A, start_revision: "1" } },
    status: 200,
    endless: true,
  }],
  ["POST /v3/kv/txn", {
    body: {
      compare: [{ ...A, target: "VERSION", version: "0" }],
      success: [{ requestPut: A }, { request_range: A }],
      failure: [{ request_delete_range: A }],
    },
    status: 200,
  }],
  ["POST /v3/kv/compaction", { body: { revision: "1" }, status: 200 }],
  ["POST /v3/lease/grant", { body: { ID: "7", TTL: "60" }, status: 200 }],
  ["POST /v3/lease/keepalive", { body: { ID: "7" }, status: 200 }],
  ["POST /v3/lease/timetolive", { body: { ID: 7, keys: true }, status: 200 }],
  ["POST /v3/lease/leases", { body: {}, status: 200 }],
  ["POST /v3/lease/revoke", { body: { ID: "7" }, status: 200 }],
  ["POST /v3/cluster/member/list", { body: {}, status: 200 }],
  ["POST /v3/maintenance/status", { body: {}, status: 200 }],
  ["GET /v1/explain", { status: 200 }],
  ["GET /v1/failover/history", { status: 200 }],
  ["POST /v1/pause", { body: {}, status: 200 }],
  ["POST /v1/resume", { body: {}, status: 200 }],
  ["PUT /v1/synchronous-mode", { body: { mode: "quorum" }, status: 200 }],
  ["POST /v1/switchover", { body: {}, status: 409 }],
  ["POST /v1/failover", { body: {}, status: 409 }],
  ["GET /v1/config", { status: 409 }],
  ["GET /v1/config/history", { status: 200 }],
  ["POST /v1/config", { body: { parameters: {} }, status: 409 }],
  ["POST /v1/config/rollback", { body: { version: 9 }, status: 404 }],
  ["PUT /v1/nodes/:id/tags", {
    path: "/v1/nodes/1/tags",
    body: {},
    status: 404,
  }],
  ["PUT /v1/nodes/:id/maintenance", {
    path: "/v1/nodes/1/maintenance",
    body: { maintenance: true },
    status: 404,
  }],
  ...["restart", "reload", "reinit"].map((order) =>
    [`POST /v1/nodes/:id/${order}`, {
      path: `/v1/nodes/1/${order}`,
      body: {},
      status: 404,
    }] as const
  ),
  ["GET /v1/router", { status: 404 }],
  ["POST /v1/router/drain", { body: {}, status: 404 }],
  ["POST /v1/router/resume", { body: {}, status: 404 }],
  ["POST /v1/sql", { body: { sql: "select 1", wait: false }, status: 201 }],
  ["GET /v1/sql/:index", { path: "/v1/sql/1", status: 404 }],
  ["POST /v1/extension", { body: {}, status: 409 }],
  ["POST /v1/election", { body: {}, status: 200 }],
  ["POST /v1/transfer", { body: {}, status: 409 }],
  ["POST /v1/snapshot", { body: {}, status: 202 }],
  ["POST /v1/nodes", { body: { ...MEMBER, role: "learner" }, status: 201 }],
  ["POST /v1/nodes/:id/promote", {
    path: "/v1/nodes/2/promote",
    body: {},
    status: 409,
  }],
  ["DELETE /v1/nodes/:id", { path: "/v1/nodes/2?force=true", status: 200 }],
];

/** What of OpenAPI's document these tests read. */
interface Document extends JsonSchema {
  readonly openapi: string;
  readonly paths: Record<string, Record<string, Operation>>;
}

interface Operation {
  readonly operationId: string;
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: string;
    readonly schema: JsonSchema;
  }[];
  readonly requestBody?: { content: Record<string, { schema: JsonSchema }> };
  readonly responses: Record<
    string,
    { readonly content: Record<string, { schema: JsonSchema }> }
  >;
}

async function documentOf({ ask }: TestNode): Promise<Document> {
  const { status, body } = await ask("GET", "/openapi.json");
  assertEquals(status, 200);
  return body as unknown as Document;
}

function operationOf({ paths }: Document, route: string): Operation {
  const [method = "", path = ""] = route.split(" ");
  const template = path.replaceAll(/:(\w+)\*?/g, "{$1}");
  const operation = paths[template]?.[method.toLowerCase()];
  assert(operation, `${route} is not described`);
  return operation;
}

function nameOf({ method, path }: { method: string; path: string }): string {
  return `${method} ${path}`;
}

async function askSample(
  { ask, api }: TestNode,
  route: string,
  { path, body, endless = false }: Omit<Sample, "status">,
): Promise<Answer> {
  const [method = "", own = ""] = route.split(" ");
  if (!endless) return await ask(method, path ?? own, body);
  const response = await fetch(`http://${api}${path ?? own}`, {
    method,
    ...(body === undefined ? {} : {
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    }),
  });
  const reader = response.body?.getReader();
  const { value } = await reader?.read() ?? {};
  await reader?.cancel();
  const text = new TextDecoder().decode(value);
  const [first = ""] = text.split("\n");
  const { status, headers } = response;
  const isJson = headers.get("content-type")?.includes("json");
  return { status, headers, body: isJson ? JSON.parse(first) : { text } };
}

Deno.test("every route is described, and nothing else", () =>
  withNode(async (node) => {
    const document = await documentOf(node);
    assertMatch(document.openapi, /^3\.1\./);
    const described = Object.values(document.paths).flatMap((one) =>
      Object.values(one)
    );
    for (const route of ROUTES) operationOf(document, nameOf(route));
    assertEquals(described.length, ROUTES.length);
    const ids = described.map(({ operationId }) => operationId);
    assertEquals(new Set(ids).size, ids.length);
    for (const { path, method } of ROUTES) {
      const operation = operationOf(document, `${method} ${path}`);
      const inPath = (operation.parameters ?? []).filter((one) =>
        one.in === "path"
      );
      assertEquals(
        inPath.map(({ name }) => name),
        [...path.matchAll(/:(\w+)/g)].map(([, name]) => name ?? ""),
      );
    }
  }));

Deno.test("every route answers as its description says", () =>
  withNode(async (node) => {
    const document = await documentOf(node);
    const sampled = SAMPLES.map(([route]) => route);
    assertEquals(
      ROUTES.map(nameOf).filter((name) => !sampled.includes(name)),
      [],
      "these routes have no sample",
    );
    for (const [route, sample] of SAMPLES) {
      const answer = await askSample(node, route, sample);
      assertEquals(
        answer.status,
        sample.status,
        `${route}: ${JSON.stringify(answer.body)}`,
      );
      checkAnswer(document, route, answer);
    }
  }));

/** Sees that an answer is one of those described: its status, its type and what it holds. */
function checkAnswer(document: Document, route: string, answer: Answer): void {
  const { responses } = operationOf(document, route);
  const type = answer.headers.get("content-type") ?? "";
  const told = responses[answer.status];
  const isProblem = type === "application/problem+json";
  const { content } = told && !isProblem
    ? told
    : (document.components as { responses: Operation["responses"] })
      .responses.problem ?? { content: {} };
  const schema = content[type]?.schema;
  assert(schema, `${route} answers ${answer.status} with ${type}`);
  if (!type.includes("json")) return;
  assertEquals(misfits(schema, answer.body, "$", document), [], route);
}

Deno.test("every body that is described is checked", () =>
  withNode(async (node) => {
    const document = await documentOf(node);
    let checked = 0;
    for (const [route, sample] of SAMPLES) {
      const { requestBody } = operationOf(document, route);
      const schema = requestBody?.content["application/json"]?.schema;
      if (!schema) continue;
      checked += 1;
      assertEquals(misfits(schema, sample.body, "$", document), [], route);
      for (const body of wrongBodies(schema)) {
        const wrong = { ...sample, body };
        const answer = await askSample(node, route, wrong);
        assertEquals(
          [answer.status, answer.body.code],
          [400, "bad_request"],
          `${route} took ${JSON.stringify(body)}`,
        );
        checkAnswer(document, route, answer);
      }
    }
    assert(checked > 20);
  }));

/** Bodies that a schema forbids. */
function wrongBodies(schema: JsonSchema): unknown[] {
  const properties = Object.keys((schema.properties ?? {}) as JsonSchema);
  const wrong: unknown[] = [
    [],
    ...properties.map((name) => ({ [name]: [{}] })),
  ];
  if (schema.required) wrong.push({});
  if (schema.additionalProperties === false) wrong.push({ no_such_field: 1 });
  return wrong.filter((one) => misfits(schema, one).length > 0);
}

Deno.test("every number and flag of a path or query that is described is checked", () =>
  withNode(async (node) => {
    const document = await documentOf(node);
    let checked = 0;
    for (const [route, sample] of SAMPLES) {
      for (const parameter of operationOf(document, route).parameters ?? []) {
        if (parameter.schema.type === "string") continue;
        checked += 1;
        const { name } = parameter;
        const [, own = ""] = route.split(" ");
        const plain = (sample.path ?? own).split("?")[0] ?? "";
        const path = parameter.in === "query"
          ? `${plain}?${name}=x&index=1`
          : own.replace(`:${name}`, "x");
        const answer = await askSample(node, route, { ...sample, path });
        assertEquals(answer.status, 400, `${route} took ${name}=x`);
        assertMatch(
          String(answer.body.detail),
          new RegExp(`^${name}: `),
        );
      }
    }
    assert(checked > 12);
  }));

Deno.test("jsonSchemaOf() says what a schema takes in", () => {
  const schema = v.strictObject({
    id: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(9)),
    name: v.optional(v.pipe(v.string(), v.maxLength(5)), "x"),
    set: v.record(v.string(), v.nullable(v.union([v.string(), v.boolean()]))),
  });
  assertEquals(jsonSchemaOf(schema), {
    type: "object",
    properties: {
      id: { type: "integer", minimum: 1, maximum: 9 },
      name: { type: "string", maxLength: 5, default: "x" },
      set: {
        type: "object",
        additionalProperties: {
          anyOf: [
            { anyOf: [{ type: "string" }, { type: "boolean" }] },
            { type: "null" },
          ],
        },
      },
    },
    required: ["id", "set"],
    additionalProperties: false,
  });
});
