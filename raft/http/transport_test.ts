import { assert, assertEquals } from "@std/assert";
import { freePort, present, seededRandom } from "../../base/mod.ts";
import type { AppendRequest, Message } from "../core/mod.ts";
import type { PeerStats } from "./peer_stats.ts";
import { sampleMessage, sampleMessages } from "./sample_messages_test_kit.ts";
import {
  introduce,
  startNode,
  until,
  untilConnected,
  withNodes,
} from "./test_nodes.ts";
import { createHttpTransport, type HttpTransport } from "./transport.ts";

const SECRET = new TextEncoder().encode("a secret of the cluster");

function append(from: number, to: number, sizeBytes: number): AppendRequest {
  const envelope = { from, to, fromIncarnation: 1, toIncarnation: 1, term: 1 };
  const data = new Uint8Array(sizeBytes).fill(5);
  return {
    kind: "append",
    ...envelope,
    prevIndex: 0,
    prevTerm: 0,
    commit: 0,
    entries: [{ index: 1, term: 1, kind: "command", data }],
  };
}

function sample(kind: Message["kind"], from: number, to: number): Message {
  const options = { from, to, maxDataBytes: 5000 };
  return sampleMessage(seededRandom(1), kind, options);
}

function statsOf(
  transport: HttpTransport,
  peer: number,
): PeerStats {
  return present(transport.stats().get(peer), `node ${peer}`);
}

Deno.test("send() carries every kind of message, both ways", async () => {
  const secret = { secret: SECRET };
  await withNodes([secret, secret], async (...nodes) => {
    introduce(nodes);
    await untilConnected(nodes);
    for (const pair of [nodes, nodes.toReversed()]) {
      const [a, b] = pair.map((node) => present(node, "node"));
      assert(a !== undefined && b !== undefined);
      const options = { from: a.id, to: b.id, maxDataBytes: 5000 };
      const sent = sampleMessages(seededRandom(5), options);
      for (const message of sent) a.transport.send(message);
      await until("all have come", () => b.messages.length === sent.length);
      const byKind = (kind: string): unknown =>
        b.messages.find((message) => message.kind === kind);
      for (const message of sent) assertEquals(byKind(message.kind), message);
    }
  });
});

Deno.test("note() reaches the layer above the peer in order, and is lost where no stream stands", async () => {
  const heard: string[] = [];
  const onNote = (peer: number, data: Uint8Array): void => {
    heard.push(`${peer} ${new TextDecoder().decode(data)}`);
  };
  await withNodes(
    [{ secret: SECRET }, { secret: SECRET, onNote }],
    async (a, b) => {
      const tell = (text: string): void =>
        a.transport.note(2, new TextEncoder().encode(text));
      a.transport.setPeers(new Map([[2, b.address]]));
      tell("lost");
      introduce([a, b]);
      await untilConnected([a, b]);
      for (const text of ["one", "two", "three"]) tell(text);
      a.transport.note(7, new Uint8Array(1));
      await until("all have come", () => heard.length >= 3);
      assertEquals(heard, ["1 one", "1 two", "1 three"]);
    },
  );
});

Deno.test("send() keeps the order of appends, large and small", async () => {
  await withNodes([{}, {}], async (a, b) => {
    introduce([a, b]);
    await untilConnected([a, b]);
    const sizes = [1, 100, 1_000_000, 7, 70_000, 1_000_000, 0, 9];
    const sent = sizes.map((sizeBytes) => append(1, 2, sizeBytes));
    for (const message of sent) a.transport.send(message);
    await until("all have come", () => b.messages.length === sent.length);
    const received = b.messages.map((message) =>
      message.kind === "append" ? message.entries[0]?.data.length : null
    );
    assertEquals(received, sizes);
    assertEquals(b.messages[2], sent[2]);
  });
});

Deno.test("send() carries large snapshot pieces on a stream of their own, opened when wanted", async () => {
  await withNodes([{}, {}], async (a, b) => {
    introduce([a, b]);
    await untilConnected([a, b]);
    const template = sample("snapshot_chunk", 1, 2);
    assert(template.kind === "snapshot_chunk");
    const data = new Uint8Array(1 << 20).fill(9);
    for (let offset = 0; offset < 12; offset++) {
      a.transport.send({ ...template, data, offset });
    }
    await until("all have come", () => b.messages.length === 12);
    const offsets = b.messages.map((message) =>
      message.kind === "snapshot_chunk" ? message.offset : null
    );
    assertEquals(offsets, [...offsets.keys()]);
  });
});

Deno.test("send() opens the bulk lane again after it was idle", async () => {
  const limits = { bulkIdleMs: 60 };
  await withNodes([{ limits }, { limits }], async (a, b) => {
    introduce([a, b]);
    await untilConnected([a, b]);
    for (let round = 1; round <= 3; round++) {
      a.transport.send(sample("snapshot_chunk", 1, 2));
      await until("a piece has come", () => b.messages.length === round);
      assert(statsOf(a.transport, 2).sendingBulk);
      await until("the stream is closed", () => {
        return !statsOf(a.transport, 2).sendingBulk;
      });
    }
  });
});

Deno.test("send() delivers votes by request while the peer has no stream, and drops the rest", async () => {
  // Each is sent once: on a starved machine none may be given up.
  const limits = { requestTimeoutMs: 10_000, silenceMs: 10_000 };
  const options = { secret: SECRET, limits };
  await withNodes([options, options], async (a, b) => {
    a.transport.setPeers(new Map([[2, b.address]]));
    a.transport.send(sample("pre_vote", 1, 2));
    a.transport.send(append(1, 2, 10));
    a.transport.send(sample("snapshot_chunk", 1, 2));
    await until("the vote has come", () => b.messages.length > 0);
    assertEquals(b.messages, [sample("pre_vote", 1, 2)]);
    assertEquals(statsOf(a.transport, 2).droppedMessages, 2);
    // The caller is no member for the other: it is answered on the stream that it opened.
    // Until then a caller may be forgotten between two of its requests.
    await until(
      "its stream stands",
      () => b.transport.stats().get(1)?.sending === true,
    );
    b.transport.send(sample("pre_vote_response", 2, 1));
    await until("the answer has come", () => a.messages.length > 0);
    assertEquals(a.messages, [sample("pre_vote_response", 2, 1)]);
  });
});

Deno.test("send() drops what does not fit while the reader does not read, and ends the stream", async () => {
  const limits = {
    maxFrameBytes: 100_000,
    maxQueueBytes: 300_000,
    maxQueueMessages: 50,
  };
  const node = await startNode(1, { limits });
  try {
    const { body } = await openByHand(node.transport);
    const reader = body.getReader();
    await reader.read();
    for (let count = 0; count < 40; count++) {
      node.transport.send(append(1, 2, 50_000));
    }
    const stats = statsOf(node.transport, 2);
    assert(stats.queuedBytes <= 300_000);
    assert(stats.droppedMessages >= 34, `${stats.droppedMessages} dropped`);
    await until("the stream is over", () => {
      return node.transport.stats().get(2)?.sending !== true;
    });
    assertEquals((await drain(reader)) < 300_000, true);
  } finally {
    await node.transport.stop();
  }
});

Deno.test("send() drops a message over the frame limit", async () => {
  const troubles: string[] = [];
  const limits = { maxFrameBytes: 10_000 };
  const onTrouble = (_: number, what: string): unknown => troubles.push(what);
  await withNodes([{ limits, onTrouble }, { limits }], async (a, b) => {
    introduce([a, b]);
    await untilConnected([a, b]);
    a.transport.send(append(1, 2, 10_000));
    a.transport.send(append(1, 2, 9_000));
    await until("the smaller has come", () => b.messages.length === 1);
    assertEquals(b.messages, [append(1, 2, 9_000)]);
    assert(
      troubles.includes("Dropped one append over 10000 bytes"),
      troubles.join(),
    );
  });
});

Deno.test("createHttpTransport() measures the round trip and keeps an idle stream", async () => {
  const limits = { silenceMs: 60 };
  await withNodes([{ limits }, { limits }], async (a, b) => {
    introduce([a, b]);
    await untilConnected([a, b]);
    const sinceMs = statsOf(a.transport, 2).receivingSinceMs;
    await new Promise((resolve) => setTimeout(resolve, 400));
    await until("a round trip", () => statsOf(a.transport, 2).rttMs !== null);
    assertEquals(statsOf(a.transport, 2).receivingSinceMs, sinceMs);
  });
});

Deno.test("createHttpTransport() tells once why it was refused, and connects when that is mended", async () => {
  const other = { secret: new TextEncoder().encode("another secret") };
  const cases = [
    ["wrong_secret", { secret: SECRET }, other],
    ["wrong_secret", {}, other],
    ["unproven", { secret: SECRET }, {}],
    ["foreign_cluster", {}, { clusterId: "cluster-b" }],
  ] as const;
  for (const [reason, mine, theirs] of cases) {
    await withNodes([mine, theirs], async (a, b) => {
      introduce([a, b]);
      await until("a refusal", () => a.refusals.length > 0);
      await new Promise((resolve) => setTimeout(resolve, 100));
      assertEquals(a.refusals, [`2 ${reason}`]);
      assertEquals(a.evidence, []);
      assertEquals(a.messages, []);
      const stats = statsOf(a.transport, 2);
      assertEquals(stats.receivingSinceMs, null);
    });
  }
});

Deno.test("createHttpTransport() tells when another node answers at a peer's address", async () => {
  await withNodes([{}, {}], async (a, b) => {
    a.transport.setPeers(new Map([[3, b.address]]));
    await until("a refusal", () => a.refusals.length > 0);
    assertEquals(a.refusals, ["3 wrong_node"]);
  });
});

Deno.test("createHttpTransport() refuses to listen beyond loopback without a secret", () => {
  let error: unknown;
  try {
    createHttpTransport({
      nodeId: 1,
      incarnation: 1,
      clusterId: "c",
      listen: { hostname: "0.0.0.0", port: 0 },
    });
  } catch (thrown) {
    error = thrown;
  }
  assert(error instanceof TypeError);
});

Deno.test("setPeers() follows a peer to another address and lets go of one that left", async () => {
  await withNodes([{}, {}], async (a, b) => {
    const wrong = `127.0.0.1:${freePort()}`;
    b.transport.setPeers(new Map([[1, a.address]]));
    a.transport.setPeers(new Map([[2, wrong]]));
    a.transport.setPeers(new Map([[2, b.address]]));
    await untilConnected([a, b]);
    a.transport.setPeers(new Map());
    await until("b sends to a no more", () => {
      return !statsOf(b.transport, 1).sending;
    });
    assertEquals(statsOf(a.transport, 2).address, null);
  });
});

Deno.test("stop() leaves nothing behind, even while peers are being sought", async () => {
  const silent = Deno.listen({ hostname: "127.0.0.1", port: freePort() });
  const node = await startNode(1, { secret: SECRET });
  node.transport.setPeers(
    new Map([
      [2, `127.0.0.1:${freePort()}`],
      [3, `127.0.0.1:${silent.addr.port}`],
    ]),
  );
  node.transport.send(sample("vote", 1, 3));
  node.transport.probe(3);
  await node.transport.stop();
  await node.transport.stop();
  silent.close();
});

async function openByHand(
  transport: HttpTransport,
): Promise<{ body: ReadableStream<Uint8Array<ArrayBuffer>> }> {
  const response = await transport.handler(
    new Request("http://node1/raft/v1/stream/main", {
      headers: {
        "raft-cluster": "cluster-a",
        "raft-from": "2",
        "raft-incarnation": "1",
        "raft-boot": "0".repeat(32),
        "raft-to": "1",
        "raft-nonce": "0".repeat(32),
      },
    }),
    {
      remoteAddr: { transport: "tcp", hostname: "127.0.0.1", port: 40_000 },
      completed: Promise.resolve(),
    },
  );
  return { body: present(response.body, "body") };
}

async function drain(
  reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>,
): Promise<number> {
  let sum = 0;
  while (true) {
    const { value, done } = await reader.read();
    if (done) return sum;
    sum += value.length;
  }
}
