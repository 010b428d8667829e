import { assert, assertEquals } from "@std/assert";
import { join } from "node:path";
import { present } from "../base/mod.ts";
import { freePorts, until, withCluster } from "./nodes/mod.ts";

const MAIN = join(import.meta.dirname ?? ".", "..", "main.ts");
const TRACE = "0af7651916cd43dd8448eb211c80319c";
const CALLER = "b7ad6b7169203331";

interface Attribute {
  readonly key: string;
  readonly value: {
    readonly stringValue?: string;
    readonly intValue?: string | number;
    readonly doubleValue?: number;
  };
}

interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
  readonly attributes: readonly Attribute[];
}

/** What an exporter sends, as far as it is looked at. */
interface Export {
  readonly resourceSpans?: readonly {
    readonly scopeSpans: readonly { readonly spans: readonly Span[] }[];
  }[];
  readonly resourceMetrics?: readonly {
    readonly scopeMetrics: readonly {
      readonly metrics: readonly { readonly name: string }[];
    }[];
  }[];
}

/** What receives OTLP over HTTP as JSON. */
interface Receiver extends AsyncDisposable {
  /** The environment that sends to it. */
  readonly env: readonly string[];
  readonly spans: Span[];
  readonly metrics: Set<string>;
}

function receive(): Receiver {
  const spans: Span[] = [];
  const metrics = new Set<string>();
  const [port = 0] = freePorts(1);
  const server = Deno.serve(
    { hostname: "127.0.0.1", port, onListen: () => {} },
    async (request) => {
      const body: Export = await request.json();
      for (const { scopeSpans } of body.resourceSpans ?? []) {
        for (const scope of scopeSpans) spans.push(...scope.spans);
      }
      for (const { scopeMetrics } of body.resourceMetrics ?? []) {
        for (const scope of scopeMetrics) {
          for (const { name } of scope.metrics) metrics.add(name);
        }
      }
      return Response.json({});
    },
  );
  return {
    env: [
      "OTEL_DENO=true",
      "OTEL_EXPORTER_OTLP_PROTOCOL=http/json",
      `OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:${port}`,
      "OTEL_BSP_SCHEDULE_DELAY=100",
      "OTEL_METRIC_EXPORT_INTERVAL=500",
    ],
    spans,
    metrics,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

function attribute({ attributes }: Span, name: string): string {
  const value = attributes.find(({ key }) => key === name)?.value ?? {};
  const { stringValue, intValue, doubleValue } = value;
  return String(stringValue ?? intValue ?? doubleValue);
}

Deno.test("one trace leads from the client's request over the forward and the commit to every apply", async () => {
  await using receiver = receive();
  const { spans, metrics } = receiver;
  const command = [
    "env",
    ...receiver.env,
    Deno.execPath(),
    "run",
    "-A",
    MAIN,
  ];
  await withCluster({ command }, async (cluster) => {
    const leader = await cluster.leader();
    const other = present(
      cluster.nodes.find(({ id }) => id !== leader.id),
      "a follower",
    );
    const response = await fetch(`http://${other.api}/v1/kv/color`, {
      method: "PUT",
      headers: {
        "content-type": "application/json",
        "idempotency-key": "once",
        traceparent: `00-${TRACE}-${CALLER}-01`,
      },
      body: JSON.stringify({ value: "blue" }),
    });
    assertEquals(response.status, 200);
    await response.body?.cancel();

    const mine = await until(() => {
      const found = spans.filter(({ traceId }) => traceId === TRACE);
      return found.length >= 7 ? found : null;
    }, { what: "all spans of the request are exported" });
    const tree = mine.map((span) => ({
      name: span.name,
      node: Number(attribute(span, "pgraft.node.id")),
      parent: mine.find(({ spanId }) => spanId === span.parentSpanId)?.name ??
        span.parentSpanId,
    })).toSorted((a, b) => a.name < b.name ? -1 : 1);
    const applied = tree.filter(({ name }) => name === "pgraft.apply");
    assertEquals(applied.map(({ node }) => node).toSorted(), [1, 2, 3]);
    assert(applied.every(({ parent }) => parent === "pgraft.propose"));
    assertEquals(tree.filter(({ name }) => name !== "pgraft.apply"), [
      { name: "PUT /v1/kv/:key*", node: other.id, parent: CALLER },
      { name: "pgraft.commit", node: leader.id, parent: "pgraft.propose" },
      { name: "pgraft.forward", node: other.id, parent: "pgraft.propose" },
      { name: "pgraft.propose", node: other.id, parent: "PUT /v1/kv/:key*" },
    ]);
    for (
      const name of [
        "pgraft_proposals_total",
        "pgraft_commit_duration_seconds",
        "process_resident_memory_bytes",
        "pgraft_is_leader",
      ]
    ) {
      await until(() => metrics.has(name) || null, {
        what: `${name} is exported`,
      });
    }
  });
});

Deno.test("without OTEL_DENO nothing is exported", async () => {
  await using receiver = receive();
  const env = receiver.env.filter((one) => !one.startsWith("OTEL_DENO"));
  const command = ["env", ...env, Deno.execPath(), "run", "-A", MAIN];
  await withCluster({ size: 1, command }, async (cluster) => {
    const { client } = await cluster.leader();
    assertEquals((await client.put("color", "blue")).kind, "ok");
  });
  assertEquals([receiver.spans.length, receiver.metrics.size], [0, 0]);
});
