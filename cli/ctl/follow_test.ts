import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { type Answer, problem, runMain, standIn } from "../test_support.ts";
import { ctl } from "./ctl_test_kit.ts";

/** A stream of events that ends, or goes on until the client does. */
function stream(text: string, end: "ends" | "goes on" = "ends"): Response {
  const body = new ReadableStream<Uint8Array>({
    start(controller): void {
      controller.enqueue(new TextEncoder().encode(text));
      if (end === "ends") controller.close();
    },
  });
  return new Response(body, {
    headers: { "content-type": "text/event-stream" },
  });
}

function changes(...revisions: number[]): string {
  return revisions.map((revision) => {
    const change = {
      type: "put",
      key: `k${revision}`,
      value: "v",
      mod_revision: revision,
    };
    const data = JSON.stringify({ revision, changes: [change] });
    return `event:change\nid:${revision}\ndata:${data}\n\n`;
  }).join("");
}

Deno.test("ctl watch goes on behind the last change when its stream breaks, until Ctrl-C", async () => {
  const { code, out, err, seen } = await ctl(
    ["watch", "k"],
    (_seen, count) =>
      count === 1
        ? stream(`event:progress\nid:6\ndata:{"revision":6}\n\n${changes(7)}`)
        : stream(changes(8, 9), "goes on"),
    {
      onOut: (out, interrupt) => {
        if (out.includes("k9")) interrupt();
      },
    },
  );
  assertEquals([code, out], [
    130,
    "7  put  k7  v\n8  put  k8  v\n9  put  k9  v\n",
  ]);
  assertStringIncludes(err, "The stream ended");
  assertEquals(
    seen.map(({ path, headers }) => [path, headers.get("last-event-id")]),
    [["/v1/watch?prefix=k", null], ["/v1/watch?prefix=k", "7"]],
  );
});

Deno.test("ctl watch goes on with another node when its own has gone", async () => {
  await using second = standIn(() => stream(changes(8), "goes on"));
  const first = standIn(() => stream(changes(7), "goes on"));
  const { code, out } = await runMain(
    ["ctl", "--api", `${first.api},${second.api}`, "watch"],
    {
      onOut: (out, interrupt) => {
        if (out.includes("k8")) interrupt();
        else if (out.includes("k7")) void first[Symbol.asyncDispose]();
      },
    },
  );
  assertEquals([code, out], [130, "7  put  k7  v\n8  put  k8  v\n"]);
  assertEquals(second.seen[0]?.headers.get("last-event-id"), "7");
});

const FORGOTTEN: [string, Answer][] = [
  [
    "refused",
    () => problem(410, "compacted", { detail: "Changes before 9 are gone" }),
  ],
  [
    "told",
    () =>
      stream(
        'event:compacted\ndata:{"code":"compacted","detail":"Changes before 9 are gone"}\n\n',
      ),
  ],
];

for (const [how, answer] of FORGOTTEN) {
  Deno.test(`ctl watch ends with 1 when it is ${how} that changes are forgotten`, async () => {
    const { code, err, seen } = await ctl(["watch", "--from", "3"], answer);
    assertEquals([code, seen.length], [1, 1]);
    assertStringIncludes(err, "Changes before 9 are gone (compacted)");
    assertStringIncludes(err, "kv list");
  });
}

Deno.test("ctl watch asks for one key, prints deletions and whole revisions as JSON", async () => {
  const told = {
    revision: 4,
    changes: [{ type: "delete", key: "a\u0007", mod_revision: 4 }],
  };
  const event = `event:change\nid:4\ndata:${JSON.stringify(told)}\n\n`;
  const watch = (line: string[]) =>
    ctl(line, () => stream(event, "goes on"), {
      onOut: (_out, interrupt) => interrupt(),
    });
  const text = await watch(["watch", "a", "--exact", "--from", "4"]);
  assertEquals(text.out, "4  delete  a\\u0007\n");
  assertEquals(text.seen[0]?.path, "/v1/watch?key=a&from=4");
  const json = await watch(["watch", "--json", "--previous"]);
  assertEquals(JSON.parse(json.out), told);
});

const LEADER =
  'event:leader\nid:aaaaaaaa-5\ndata:{"node":1,"at_ms":0,"text":"Node 2 leads in term 3","leader_id":2,"term":3}\n\n';

Deno.test("ctl events prints what has happened and ends, with --once", async () => {
  const { code, out, err, seen } = await ctl(
    ["events", "--once", "--last", "5", "--kind", "leader", "--kind", "phase"],
    () =>
      stream(
        `event:now\nid:aaaaaaaa-4\ndata:{"node":1,"stage":"running","leader_id":2,"term":3,"primary":0}\n\n${LEADER}`,
      ),
  );
  assertEquals([code, out], [
    0,
    "1970-01-01T00:00:00.000Z  node 1  leader         Node 2 leads in term 3\n",
  ]);
  assertStringIncludes(err, "Following node 1");
  assertEquals(seen.map(({ path }) => path), [
    "/v1/events?last=5&kinds=leader%2Cphase&once=true",
  ]);
});

Deno.test("ctl events says what is lost, and prints JSON lines with their ids", async () => {
  const { out } = await ctl(
    ["events", "--json", "--once"],
    () => stream(`event:lost\nid:aaaaaaaa-3\ndata:{"lost":3}\n\n${LEADER}`),
  );
  const lines = out.trim().split("\n").map((line) => JSON.parse(line));
  assertEquals(lines.map(({ event, id }) => [event, id]), [
    ["lost", "aaaaaaaa-3"],
    ["leader", "aaaaaaaa-5"],
  ]);
});

for (const line of [["watch"], ["events"]]) {
  Deno.test(`ctl ${line} tells at once that nobody is there`, async () => {
    const node = standIn(() => problem(404, "not_found"));
    await node[Symbol.asyncDispose]();
    const { code, err } = await runMain(["ctl", "--api", node.api, ...line]);
    assertEquals(code, 1);
    assertStringIncludes(err, "No node could be reached");
  });
}

Deno.test("ctl log-level, metrics reset and kv compact ask for what they say", async () => {
  const cases: [string[], string, unknown][] = [
    [["log-level"], "GET /v1/log-level", null],
    [["log-level", "debug"], "PUT /v1/log-level", { level: "debug" }],
    [["log-level", "configured"], "PUT /v1/log-level", { level: null }],
    [["metrics", "reset"], "POST /v1/metrics/reset", {}],
    [["kv", "compact", "7"], "POST /v3/kv/compaction", { revision: "7" }],
  ];
  for (const [line, want, body] of cases) {
    const { code, seen } = await ctl(
      line,
      () => Response.json({ level: "debug", configured: "info" }),
    );
    const [asked] = seen;
    assertEquals([code, `${asked?.method} ${asked?.path}`], [0, want]);
    assertEquals(asked?.body, body);
  }
  const wrong = await ctl(["log-level", "loud"], () => Response.json({}));
  assertEquals([wrong.code, wrong.seen.length], [2, 0]);
  assert(wrong.err.includes("loud"));
});
