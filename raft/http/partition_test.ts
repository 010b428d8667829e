import { assert, assertEquals, assertThrows } from "@std/assert";
import { freePort, seededRandom } from "../../base/mod.ts";
import type { Message } from "../core/mod.ts";
import type { Claim } from "./auth.ts";
import { claimHeaders, MESSAGE_PATH } from "./claim.ts";
import { encodeFrames } from "./encode.ts";
import { FRAME_HEADER_BYTES, type HelloFrame } from "./frame.ts";
import type { PeerFault } from "./fault.ts";
import type { HttpTransportLimits } from "./limits.ts";
import { sampleMessage } from "./sample_messages_test_kit.ts";
import {
  introduce,
  type TestNode,
  until,
  untilConnected,
  withNodes,
} from "./test_nodes.ts";

const CUT: PeerFault = { cutIn: true, cutOut: true };
const HELLO: HelloFrame = {
  type: "hello",
  clusterId: "cluster-a",
  nodeId: 2,
  incarnation: 1,
  bootId: "b",
  proof: "",
};
const LIMITS: Partial<HttpTransportLimits> = {
  openTimeoutMs: 200,
  requestTimeoutMs: 100,
  silenceMs: 100,
};

function message(kind: Message["kind"], from: number, to: number): Message {
  const options = { from, to, maxDataBytes: 10 };
  return sampleMessage(seededRandom(1), kind, options);
}

/** Two nodes that receive from each other. */
async function withPair(
  run: (a: TestNode, b: TestNode) => Promise<void>,
): Promise<void> {
  await withNodes([{ limits: LIMITS }, { limits: LIMITS }], async (a, b) => {
    introduce([a, b]);
    await untilConnected([a, b]);
    await run(a, b);
  });
}

function receives(node: TestNode, from: number): boolean {
  const peer = node.transport.stats().get(from);
  return peer !== undefined && peer.receivingSinceMs !== null;
}

function dropped(node: TestNode, to: number): number {
  return node.transport.stats().get(to)?.droppedMessages ?? 0;
}

async function untilApart(a: TestNode, b: TestNode): Promise<void> {
  await until(
    "both are silent",
    () => !receives(a, b.id) && !receives(b, a.id),
  );
}

/** Probes, and returns what was told. */
async function probed(node: TestNode, peer: number): Promise<string> {
  const told = node.evidence.length;
  node.transport.probe(peer);
  await until("the probe's end", () => node.evidence.length > told);
  return node.evidence.at(-1) ?? "";
}

Deno.test("setFault() cuts two nodes apart from either end, without evidence that one is gone", async (t) => {
  const ends = [["one", [1]], ["the other", [2]], ["both", [1, 2]]] as const;
  for (const [name, at] of ends) {
    await t.step(name, () =>
      withPair(async (a, b) => {
        if (at.some((id) => id === 1)) a.transport.setFault(2, CUT);
        if (at.some((id) => id === 2)) b.transport.setFault(1, CUT);
        await untilApart(a, b);
        const uncut = [a, b].filter(({ id }) => !at.some((one) => one === id));
        await until("no vote is carried", () => {
          a.transport.send(message("vote", 1, 2));
          b.transport.send(message("vote", 2, 1));
          return uncut.every((node) => dropped(node, 3 - node.id) > 5);
        });
        assertEquals(await probed(a, 2), "present 2");
        assertEquals(await probed(b, 1), "present 1");
        assertEquals([a.messages, b.messages], [[], []]);
        const told = [...a.evidence, ...b.evidence];
        assert(!told.some((one) => one.startsWith("gone")), told.join());
        assertEquals([a.refusals, b.refusals], [[], []]);
      }));
  }
});

Deno.test("setFault() drops what waits and what is sent across a cut, and heals", async () => {
  await withPair(async (a, b) => {
    a.transport.send(message("append", 1, 2));
    a.transport.setFault(2, CUT);
    a.transport.send(message("append", 1, 2));
    b.transport.send(message("append", 2, 1));
    await untilApart(a, b);
    a.transport.setFault(2, null);
    await untilConnected([a, b]);
    a.transport.send(message("heartbeat", 1, 2));
    b.transport.send(message("heartbeat", 2, 1));
    await until("both hear", () => a.messages.length + b.messages.length >= 2);
    assertEquals(a.messages, [message("heartbeat", 2, 1)]);
    assertEquals(b.messages, [message("heartbeat", 1, 2)]);
  });
});

Deno.test("setFault() hides that a peer's process is gone, until the cut heals", async () => {
  await withPair(async (a, b) => {
    // A second break soon after the first has the port looked at again.
    a.transport.setFault(2, CUT);
    await untilApart(a, b);
    a.transport.setFault(2, null);
    await untilConnected([a, b]);
    a.transport.setFault(2, CUT);
    await b.transport.stop();
    await until("its stream is over", () => !receives(a, 2));
    assertEquals(await probed(a, 2), "present 2");
    assert(!a.evidence.includes("gone 2"), a.evidence.join());
    a.transport.setFault(2, null);
    await until("it is gone", () => a.evidence.includes("gone 2"));
  });
});

Deno.test("setFault() cuts one way only", async () => {
  await withPair(async (a, b) => {
    a.transport.setFault(2, { cutOut: true });
    a.transport.send(message("heartbeat", 1, 2));
    await until("the other hears nothing", () => !receives(b, 1));
    b.transport.send(message("heartbeat", 2, 1));
    await until("it is heard", () => a.messages.length === 1);
    assert(receives(a, 2));
    assertEquals([b.messages, b.evidence], [[], ["present 1"]]);

    a.transport.setFault(2, null);
    await untilConnected([a, b]);
    a.transport.setFault(2, { cutIn: true });
    b.transport.send(message("append", 2, 1));
    await until("it hears nothing", () => !receives(a, 2));
    a.transport.send(message("append", 1, 2));
    await until("the other hears", () => b.messages.length === 1);
    assert(receives(b, 1));
    assertEquals([a.messages.length, a.refusals], [1, []]);
  });
});

Deno.test("setFault() loses messages on streams that stand", async () => {
  await withPair(async (a, b) => {
    a.transport.setFault(2, { drop: 1 });
    a.transport.send(message("append", 1, 2));
    b.transport.send(message("append", 2, 1));
    // A ping that was sent after it has been answered: it has come, and was lost.
    for (let trips = 0; trips < 2; trips++) {
      const before = b.transport.stats().get(1)?.rttMs;
      await until("a round trip", () => {
        return b.transport.stats().get(1)?.rttMs !== before;
      });
    }
    a.transport.setFault(2, null);
    a.transport.send(message("heartbeat", 1, 2));
    await until("it is heard", () => b.messages.length > 0);
    assertEquals(b.messages, [message("heartbeat", 1, 2)]);
    assertEquals(a.messages, []);
  });
});

Deno.test("setFault() holds messages up, in order and both ways", async () => {
  await withPair(async (a, b) => {
    a.transport.setFault(2, { delayMs: 30 });
    const kinds = ["append", "forward", "append_response"] as const;
    for (const kind of kinds) {
      a.transport.send(message(kind, 1, 2));
      b.transport.send(message(kind, 2, 1));
    }
    assertEquals(a.transport.stats().get(2)?.queuedMessages, 0);
    await until("all have come", () => {
      return a.messages.length === 3 && b.messages.length === 3;
    });
    assertEquals(a.messages.map(({ kind }) => kind), [...kinds]);
    assertEquals(b.messages.map(({ kind }) => kind), [...kinds]);
  });
});

Deno.test("setFault() holds for a peer that comes later, and refuses what is out of bounds", async () => {
  await withNodes([{ limits: LIMITS }, { limits: LIMITS }], async (a, b) => {
    a.transport.setFault(2, CUT);
    assertThrows(() => a.transport.setFault(2, { drop: 2 }), RangeError);
    introduce([a, b]);
    a.transport.send(message("vote", 1, 2));
    b.transport.send(message("vote", 2, 1));
    await until("its vote is not carried", () => dropped(b, 1) > 0);
    assertEquals([a.evidence, b.evidence], [[], []]);
    assertEquals([a.messages, b.messages], [[], []]);
  });
});

Deno.test("stop() does not wait for callers that a cut keeps waiting", async () => {
  const limits = { ...LIMITS, openTimeoutMs: 60_000, requestTimeoutMs: 60_000 };
  await withNodes([{ limits }, { limits }], async (a, b) => {
    a.transport.setFault(2, CUT);
    b.transport.setPeers(new Map([[1, a.address]]));
    b.transport.send(message("vote", 2, 1));
    await new Promise((resolve) => setTimeout(resolve, 100));
    await a.transport.stop();
  });
});

Deno.test("setFault() keeps a request from a peer that could not answer it", async () => {
  await withNodes([{ limits: LIMITS }, { limits: LIMITS }], async (a, b) => {
    a.transport.setFault(2, { cutIn: true });
    a.transport.setPeers(new Map([[2, b.address]]));
    a.transport.send(message("vote", 1, 2));
    await until("it is given up", () => dropped(a, 2) > 0);
    assertEquals(b.messages, []);
  });
});

Deno.test("setFault() loses messages that come in requests", async () => {
  await withNodes([{}], async (a) => {
    a.transport.setFault(2, { drop: 1 });
    assertEquals(await post(a, message("vote", 2, 1)), 204);
    a.transport.setFault(2, null);
    assertEquals(await post(a, message("pre_vote", 2, 1)), 204);
    assertEquals(a.messages, [message("pre_vote", 2, 1)]);
  });
});

Deno.test("setFault() lets no stream stand whose opening was under way", async () => {
  const asked = Promise.withResolvers<void>();
  const greet = Promise.withResolvers<void>();
  const hungUp = Promise.withResolvers<void>();
  const port = freePort();
  const abort = new AbortController();
  const server = Deno.serve(
    { hostname: "127.0.0.1", port, signal: abort.signal, onListen: () => {} },
    () => {
      asked.resolve();
      const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
        start: async (controller) => {
          await greet.promise;
          controller.enqueue(encodeFrames([HELLO]));
        },
        cancel: () => hungUp.resolve(),
      });
      return new Response(body);
    },
  );
  try {
    await withNodes([{ limits: LIMITS }], async (a) => {
      a.transport.setPeers(new Map([[2, `127.0.0.1:${port}`]]));
      await asked.promise;
      a.transport.setFault(2, CUT);
      greet.resolve();
      await hungUp.promise;
      assertEquals([a.evidence, a.refusals], [[], []]);
    });
  } finally {
    greet.resolve();
    abort.abort();
    await server.finished;
  }
});

/** Hands a node a message of node 2 in a request; returns the answer's status. */
async function post(node: TestNode, message: Message): Promise<number> {
  const body = encodeFrames([{ type: "message", message }])
    .slice(FRAME_HEADER_BYTES);
  const claim: Claim = {
    method: "POST",
    path: MESSAGE_PATH,
    clusterId: HELLO.clusterId,
    from: 2,
    incarnation: 1,
    bootId: "0".repeat(32),
    to: 1,
    nonce: "0".repeat(32),
    challenge: "",
    body,
  };
  const response = await node.transport.handler(
    new Request(`http://node1${MESSAGE_PATH}`, {
      method: "POST",
      headers: claimHeaders(claim, ""),
      body,
    }),
    {
      remoteAddr: { transport: "tcp", hostname: "127.0.0.1", port: 40_000 },
      completed: Promise.resolve(),
    },
  );
  return response.status;
}
