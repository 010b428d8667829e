import { assert, assertEquals, assertMatch } from "@std/assert";
import { type HostPort, parseHostPort, present } from "../base/mod.ts";
import {
  type Cluster,
  type ClusterNode,
  until,
  withCluster,
} from "./nodes/mod.ts";
import { valueOf } from "./node_test_kit.ts";

/** How long a server may take to answer or hang up, before a test stops to look. */
const PATIENCE_MS = 2000;

function placeOf(address: string): HostPort {
  return present(parseHostPort(address), address);
}

/** Sends bytes and returns what comes back until the server hangs up or has answered. */
async function sendRaw(address: string, bytes: Uint8Array): Promise<string> {
  const { host, port } = placeOf(address);
  const connection = await Deno.connect({ hostname: host, port });
  let isOpen = true;
  const close = (): void => {
    if (isOpen) connection.close();
    isOpen = false;
  };
  const timer = setTimeout(close, PATIENCE_MS);
  const decoder = new TextDecoder();
  let text = "";
  let sending = Promise.resolve();
  try {
    // It may hang up before it has taken everything.
    sending = writeAll(connection, bytes).catch(() => {});
    const buffer = new Uint8Array(65_536);
    while (!text.includes("\r\n\r\n")) {
      const count = await connection.read(buffer);
      if (count === null) break;
      text += decoder.decode(buffer.subarray(0, count), { stream: true });
    }
  } catch {
    return text;
  } finally {
    clearTimeout(timer);
    close();
    await sending;
  }
  return text;
}

async function writeAll(
  connection: Deno.Conn,
  bytes: Uint8Array,
): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    at += await connection.write(bytes.subarray(at));
  }
}

function ascii(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function garbage(sizeBytes: number): Uint8Array {
  const bytes = new Uint8Array(sizeBytes);
  for (let at = 0; at < sizeBytes; at += 65_536) {
    crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  }
  return bytes;
}

const H2_PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/** An HTTP/2 frame's head: length, type, flags, stream. */
function h2Frame(length: number, type: number): Uint8Array {
  return Uint8Array.of(
    length >> 16,
    (length >> 8) & 255,
    length & 255,
    type,
    0,
    0,
    0,
    0,
    1,
  );
}

function join(...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(parts.flatMap((part) => [...part]));
}

const ATTACKS: [string, Uint8Array][] = [
  ["nothing but noise", garbage(100_000)],
  ["a TLS greeting", Uint8Array.of(0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3)],
  ["half a request line", ascii("GET /v1/sta")],
  ["a bad request line", ascii("FETCH  /v1 HTTP/9.9\r\n\r\n")],
  [
    "a header of a megabyte",
    ascii(
      `GET /livez HTTP/1.1\r\nHost: a\r\nX: ${"a".repeat(1 << 20)}\r\n\r\n`,
    ),
  ],
  [
    "ten thousand headers",
    ascii(`GET /livez HTTP/1.1\r\nHost: a\r\n${"a: b\r\n".repeat(10_000)}\r\n`),
  ],
  [
    "two lengths",
    ascii(
      "POST /v3/kv/put HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\n{}{}{",
    ),
  ],
  [
    "a length below zero",
    ascii("POST /v3/kv/put HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n"),
  ],
  [
    "a chunk that is no number",
    ascii(
      "POST /v3/kv/put HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ),
  ],
  ["noise after an HTTP/2 greeting", join(ascii(H2_PREFACE), garbage(10_000))],
  [
    "an HTTP/2 frame of 16 MB that never comes",
    join(ascii(H2_PREFACE), h2Frame(0xffffff, 0)),
  ],
  [
    "an unproven stream opening",
    ascii(
      "GET /raft/v1/stream/main HTTP/1.1\r\nHost: a\r\nraft-cluster: x\r\nraft-from: 2\r\nraft-to: 1\r\n\r\n",
    ),
  ],
  [
    "a message of noise",
    join(
      ascii(
        "POST /raft/v1/message HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n",
      ),
      garbage(5000),
    ),
  ],
];

async function assertServes(cluster: Cluster, what: string): Promise<void> {
  for (const node of cluster.nodes) {
    assert(node.isUp(), `node ${node.id} ended after ${what}`);
    const put = await node.client.put("alive", what);
    assertEquals(put.kind, "ok", `node ${node.id} after ${what}`);
  }
}

Deno.test("no bytes at its ports bring a node down, or keep it from serving others", () =>
  withCluster({}, async (cluster) => {
    const node = cluster.node(1);
    for (const [what, bytes] of ATTACKS) {
      const answers = await Promise.all(
        [node.api, node.raft].map((address) => sendRaw(address, bytes)),
      );
      for (const answer of answers) {
        assert(!/^HTTP\/1\.1 2/.test(answer), `${what} was answered ${answer}`);
      }
      await assertServes(cluster, what);
    }
  }));

async function holdOpen(
  node: ClusterNode,
  count: number,
): Promise<Disposable> {
  const connections: Deno.Conn[] = [];
  for (const address of [node.api, node.raft]) {
    const { host, port } = placeOf(address);
    for (let n = 0; n < count; n++) {
      const connection = await Deno.connect({ hostname: host, port });
      connections.push(connection);
      const starts = [
        "",
        "GET /v1/status HTTP/1.1\r\n",
        "POST /v3/kv/put HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{",
        H2_PREFACE,
      ];
      await writeAll(connection, ascii(starts[n % starts.length] ?? ""));
    }
  }
  return {
    [Symbol.dispose]: () => {
      for (const connection of connections) connection.close();
    },
  };
}

Deno.test("connections that are left half open take nothing from the others, nor from a stop", () =>
  withCluster({}, async (cluster) => {
    const node = cluster.node(2);
    using _held = await holdOpen(node, 100);

    await assertServes(cluster, "half-open connections");
    assertEquals(await node.terminate(), 0);
    node.restart();
    await node.ready();
  }));

Deno.test("a body over the limit is refused whether or not it says how long it is", () =>
  withCluster(
    { size: 1, flags: { "raft-max-entry-size": "64KB" } },
    async (cluster) => {
      const node = cluster.node(1);
      const large = JSON.stringify({ value: "x".repeat(500_000) });

      const sized = await node.client.put("a", "x".repeat(500_000));
      assert(sized.kind === "refused", JSON.stringify(sized));
      assertEquals([sized.status, sized.code], [413, "too_large"]);
      assertMatch(sized.detail, /exceeds \d+ bytes/);

      const response = await fetch(`http://${node.api}/v1/kv/a`, {
        method: "PUT",
        headers: { "content-type": "application/json" },
        body: new Blob([large]).stream(),
      });
      assertEquals(response.status, 413);
      assertEquals((await response.json()).code, "too_large");

      // Below the body's limit, above the entry's.
      const entry = await node.client.put("a", "x".repeat(70_000));
      assert(entry.kind === "refused", JSON.stringify(entry));
      assertEquals([entry.status, entry.code], [413, "too_large"]);
      valueOf(await node.client.put("a", "x".repeat(60_000)));
      await until(async () => await node.client.isReady() || null, {
        what: "the node is ready",
      });
    },
  ));
