import { assert, assertEquals, assertMatch } from "@std/assert";
import { type Json, type TestNode, withNode } from "./api_test_kit.ts";

/** An event of a stream. */
interface Event {
  readonly event: string;
  readonly id: string | null;
  readonly data: Json;
}

/** A stream of a node's, read part by part; ended at the end of its scope. */
interface Stream extends AsyncDisposable {
  readonly response: Response;
  /** The next parts, as they were sent. */
  parts(count: number): Promise<string[]>;
  events(count: number): Promise<Event[]>;
}

async function open(
  { api }: TestNode,
  path: string,
  separator: string,
  init: RequestInit = {},
): Promise<Stream> {
  const response = await fetch(`http://${api}${path}`, init);
  assertEquals(response.status, 200);
  assert(response.body);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  const next = async (): Promise<string | null> => {
    while (!text.includes(separator)) {
      const { done, value } = await reader.read();
      if (done) return null;
      text += value;
    }
    const [part = "", ...rest] = text.split(separator);
    text = rest.join(separator);
    return part;
  };
  const parts = async (count: number): Promise<string[]> => {
    const found: string[] = [];
    while (found.length < count) {
      const part = await next();
      if (part === null) break;
      found.push(part);
    }
    return found;
  };
  return {
    response,
    parts,
    events: async (count) => (await parts(count)).map(eventOf),
    [Symbol.asyncDispose]: () => reader.cancel(),
  };
}

function eventOf(text: string): Event {
  const fields = new Map(
    text.split("\n").map((line) => {
      const at = line.indexOf(":");
      return [line.slice(0, at), line.slice(at + 1)];
    }),
  );
  return {
    event: fields.get("event") ?? "",
    id: fields.get("id") ?? null,
    data: JSON.parse(fields.get("data") ?? "{}"),
  };
}

function watch(
  node: TestNode,
  query: string,
  headers: Record<string, string> = {},
): Promise<Stream> {
  return open(node, `/v1/watch${query}`, "\n\n", { headers });
}

Deno.test("a watch tells changes from now on, by revision", () =>
  withNode(async (node) => {
    await node.ask("PUT", "/v1/kv/old", { value: "0" });
    await using stream = await watch(node, "?prefix=a&previous=true");
    const { headers } = stream.response;
    assertEquals(headers.get("content-type"), "text/event-stream");
    assertEquals(headers.get("cache-control"), "no-store");
    assertEquals(await stream.events(1), [
      { event: "progress", id: "1", data: { revision: 1 } },
    ]);
    await node.ask("PUT", "/v1/kv/a", { value: "1" });
    await node.ask("PUT", "/v1/kv/b", { value: "1" });
    await node.ask("PUT", "/v1/kv/a%FF".replace("%FF", "b"), { value: "2" });
    await node.ask("DELETE", "/v1/kv/a");
    const record = { create_revision: 2, mod_revision: 2, version: 1 };
    assertEquals(await stream.events(3), [
      {
        event: "change",
        id: "2",
        data: {
          revision: 2,
          changes: [
            { type: "put", key: "a", value: "1", ...record, previous: null },
          ],
        },
      },
      {
        event: "change",
        id: "4",
        data: {
          revision: 4,
          changes: [{
            type: "put",
            key: "ab",
            value: "2",
            create_revision: 4,
            mod_revision: 4,
            version: 1,
            previous: null,
          }],
        },
      },
      {
        event: "change",
        id: "5",
        data: {
          revision: 5,
          changes: [{
            type: "delete",
            key: "a",
            mod_revision: 5,
            previous: { key: "a", value: "1", ...record },
          }],
        },
      },
    ]);
  }));

Deno.test("a watch begins at a revision, or goes on behind the last event that came", () =>
  withNode(async (node) => {
    for (const value of ["1", "2", "3"]) {
      await node.ask("PUT", "/v1/kv/a", { value });
    }
    const cases: [string, Record<string, string>, string[]][] = [
      ["?from=1", {}, ["0", "1", "2", "3"]],
      ["?from=3&key=a", {}, ["2", "3"]],
      ["?from=1", { "last-event-id": "2" }, ["2", "3"]],
    ];
    for (const [query, headers, ids] of cases) {
      await using stream = await watch(node, query, headers);
      const events = await stream.events(ids.length);
      assertEquals(events.map(({ id }) => id), ids);
    }
  }));

Deno.test("a watch from a forgotten revision is refused, with the oldest there is", () =>
  withNode(async (node) => {
    const value = "x".repeat(800_000);
    for (let n = 0; n < 40; n++) {
      await node.ask("PUT", "/v1/kv/a", { value: value + n });
    }
    const { status, body } = await node.ask("GET", "/v1/watch?from=1");
    assertEquals([status, body.code], [410, "compacted"]);
    const oldest = Number(body.oldest_revision);
    assert(oldest > 1 && oldest < 40);
    await using stream = await watch(node, `?from=${oldest}&key=none`);
    const [first] = await stream.events(1);
    assertEquals(first?.id, String(oldest - 1));
    const etcd = await etcdWatch(node, { key: "YQ==", start_revision: "1" });
    await using lines = etcd;
    const [, canceled] = (await lines.parts(9)).map((line) => JSON.parse(line));
    const { header: _header, ...result } = canceled.result;
    assertEquals(result, {
      canceled: true,
      compact_revision: String(oldest),
      cancel_reason: "etcdserver: mvcc: required revision has been compacted",
    });
  }));

Deno.test("watchers are ended when the node stops", async () => {
  let ended: Promise<Event[]> = Promise.resolve([]);
  await withNode(async (node) => {
    const stream = await watch(node, "");
    await stream.events(1);
    ended = stream.events(9);
  });
  const [event, ...more] = await ended;
  assertEquals([event?.event, event?.data.code, more], ["end", "stopping", []]);
});

Deno.test("a watcher that goes away leaves nothing behind, also one that asked by HEAD", () =>
  withNode(async (node) => {
    for (let n = 0; n < 20; n++) {
      await using stream = await watch(node, "");
      await stream.events(1);
      assertEquals((await node.ask("HEAD", "/v1/watch")).status, 200);
    }
    assertEquals(
      (await node.ask("PUT", "/v1/kv/a", { value: "" })).status,
      200,
    );
  }));

Deno.test("malformed watches are refused, and name their field", () =>
  withNode(async ({ ask }) => {
    const cases: [string, RegExp, Record<string, string>?][] = [
      ["?from=0", /^from: /],
      ["?from=x", /^from: /],
      ["?previous=1", /^previous: /],
      ["?prefix=a&key=b", /exclude each other/],
      ["", /^Last-Event-ID: /, { "last-event-id": "x" }],
    ];
    for (const [query, detail, headers] of cases) {
      const { status, body } = await ask(
        "GET",
        `/v1/watch${query}`,
        undefined,
        headers,
      );
      assertEquals([status, body.code], [400, "bad_request"]);
      assertMatch(String(body.detail), detail);
    }
  }));

function etcdWatch(node: TestNode, create: Json): Promise<Stream> {
  const body = JSON.stringify({ create_request: create });
  return open(node, "/v3/watch", "\n", { method: "POST", body });
}

Deno.test("a watch of etcd's is answered line by line as etcd does", () =>
  withNode(async (node) => {
    await node.ask("POST", "/v3/kv/put", { key: "YQ==", value: "MQ==" });
    await using stream = await etcdWatch(node, {
      key: "YQ==",
      rangeEnd: "Yg==",
      start_revision: "1",
      prev_kv: true,
      watch_id: "7",
    });
    await node.ask("POST", "/v3/kv/deleterange", { key: "YQ==" });
    const lines = (await stream.parts(3)).map((line) =>
      JSON.parse(line).result
    );
    const record = {
      key: "YQ==",
      create_revision: "1",
      mod_revision: "1",
      version: "1",
      value: "MQ==",
    };
    assertEquals(
      lines.map(({ header, ...rest }) => [header.revision, rest]),
      [
        ["1", { watch_id: "7", created: true }],
        ["1", { watch_id: "7", events: [{ kv: record }] }],
        ["2", {
          watch_id: "7",
          events: [{
            type: "DELETE",
            kv: { key: "YQ==", mod_revision: "2" },
            prev_kv: record,
          }],
        }],
      ],
    );
  }));

Deno.test("a watch of etcd's leaves out what its filters name", () =>
  withNode(async (node) => {
    await using stream = await etcdWatch(node, {
      key: "YQ==",
      filters: ["NOPUT"],
    });
    await node.ask("POST", "/v3/kv/put", { key: "YQ==" });
    await node.ask("POST", "/v3/kv/deleterange", { key: "YQ==" });
    const [, deleted] = (await stream.parts(2)).map((line) => JSON.parse(line));
    assertEquals(deleted.result.events, [
      { type: "DELETE", kv: { key: "YQ==", mod_revision: "2" } },
    ]);
    const { body } = await node.ask("POST", "/v3/watch", {});
    assertEquals(body.detail, "create_request: send what to watch");
  }));
