import { assert, assertEquals } from "@std/assert";
import { freePort, present, seededRandom } from "../../base/mod.ts";
import { createAuthenticator } from "./auth.ts";
import { CHALLENGE_PATH } from "./claim.ts";
import { encodeFrames } from "./encode.ts";
import type { HelloFrame } from "./frame.ts";
import { sampleMessage } from "./sample_messages_test_kit.ts";
import {
  introduce,
  QUICK,
  startNode,
  type TestNode,
  until,
  untilConnected,
  withNodes,
} from "./test_nodes.ts";

const HELLO: HelloFrame = {
  type: "hello",
  clusterId: "cluster-a",
  nodeId: 9,
  incarnation: 1,
  bootId: "b",
  proof: "",
};

/** Stands for node 9: answers every opening with these bytes. */
interface FakePeer {
  readonly address: string;
  openings(): number;
  close(): Promise<void>;
}

function fakePeer(
  answer: () => ReadableStream<Uint8Array<ArrayBuffer>>,
): FakePeer {
  const port = freePort();
  const abort = new AbortController();
  let openings = 0;
  const server = Deno.serve(
    {
      port,
      hostname: "127.0.0.1",
      signal: abort.signal,
      onListen: () => {},
    },
    ({ url }) => {
      if (url.endsWith(CHALLENGE_PATH)) {
        return new Response(null, { status: 204 });
      }
      openings += 1;
      return new Response(answer());
    },
  );
  return {
    address: `127.0.0.1:${port}`,
    openings: () => openings,
    close: async () => {
      abort.abort();
      await server.finished;
    },
  };
}

/** A body that goes on after its bytes, as a stream does. */
function openBody(
  ...chunks: readonly Uint8Array<ArrayBuffer>[]
): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    start: (controller) => {
      for (const chunk of chunks) controller.enqueue(chunk);
    },
  });
}

/** Two nodes that talk, one of which also has the fake for a peer. */
async function besideFake(
  fake: FakePeer,
  run: (victim: TestNode) => Promise<void>,
): Promise<void> {
  try {
    await withNodes([{}, {}], async (a, b) => {
      introduce([a, b]);
      await untilConnected([a, b]);
      a.transport.setPeers(new Map([[2, b.address], [9, fake.address]]));
      await run(a);
      const before = a.messages.length;
      b.transport.send(message("heartbeat", 2));
      await until("others are heard", () => a.messages.length > before);
    });
  } finally {
    await fake.close();
  }
}

function message(
  kind: "heartbeat" | "vote",
  from: number,
  to = 1,
): ReturnType<typeof sampleMessage> {
  const options = { from, to, maxDataBytes: 10 };
  return sampleMessage(seededRandom(1), kind, options);
}

const BAD_STREAMS: readonly [string, () => Uint8Array<ArrayBuffer>[]][] = [
  ["garbage", () => [crypto.getRandomValues(new Uint8Array(5000))]],
  ["garbage after its hello", () => [
    encodeFrames([HELLO]),
    Uint8Array.of(0, 0, 0, 2, 99, 99),
  ]],
  ["an oversized frame", () => [
    encodeFrames([HELLO]),
    Uint8Array.of(0x7f, 0xff, 0xff, 0xff, 20),
  ]],
  ["a message before its hello", () => [
    encodeFrames([{ type: "message", message: message("vote", 9) }]),
  ]],
  ["a message of another node", () => [
    encodeFrames([HELLO]),
    encodeFrames([{ type: "message", message: message("vote", 2) }]),
  ]],
  ["a message to another node", () => [
    encodeFrames([HELLO, { type: "message", message: message("vote", 9, 5) }]),
  ]],
  ["a second hello", () => [encodeFrames([HELLO, HELLO])]],
];

Deno.test("createHttpTransport() drops a stream that carries what it must not, and tries again", async (t) => {
  for (const [what, chunks] of BAD_STREAMS) {
    await t.step(what, async () => {
      const fake = fakePeer(() => openBody(...chunks()));
      await besideFake(fake, async (victim) => {
        await until("it was opened again", () => fake.openings() >= 3);
        assertEquals(victim.messages, []);
      });
    });
  }
});

Deno.test("createHttpTransport() drops a stream that falls silent, and tries again", async () => {
  const fake = fakePeer(() => openBody(encodeFrames([HELLO])));
  await besideFake(fake, async (victim) => {
    await until("it was opened again", () => fake.openings() >= 2);
    assert(!victim.evidence.includes("gone 9"));
  });
});

Deno.test("createHttpTransport() gives up an opening that is never answered", async () => {
  const fake = fakePeer(() => openBody());
  const node = await startNode(1, { limits: { openTimeoutMs: 30 } });
  try {
    node.transport.setPeers(new Map([[9, fake.address]]));
    await until("it was opened again", () => fake.openings() >= 3);
    assertEquals(node.evidence, []);
  } finally {
    await node.transport.stop();
    await fake.close();
  }
});

Deno.test("createHttpTransport() survives connections that say nothing or nonsense", async () => {
  await withNodes([{}, {}], async (a, b) => {
    const { hostname, port } = present(a.transport.address(), "address");
    const raw: Deno.TcpConn[] = [];
    try {
      for (let count = 0; count < 20; count++) {
        const connection = await Deno.connect({ hostname, port });
        raw.push(connection);
        const noise = crypto.getRandomValues(new Uint8Array(500));
        if (count % 2 === 0) await connection.write(noise);
      }
      introduce([a, b]);
      await untilConnected([a, b]);
      b.transport.send(message("heartbeat", 2));
      await until("it is heard", () => a.messages.length === 1);
    } finally {
      for (const connection of raw) connection.close();
    }
  });
});

Deno.test("createHttpTransport() believes no server that does not know the secret", async () => {
  const secret = new TextEncoder().encode("the secret");
  const clock = { nowMs: () => 0, after: () => ({ cancel: () => {} }) };
  const forger = createAuthenticator({
    secret: new TextEncoder().encode("a guess"),
    clock,
    challengeMs: 1,
    maxUsedChallenges: 1,
  });
  const fake = fakePeer(() =>
    openBody(encodeFrames([
      { ...HELLO, proof: forger.challenge() },
      { type: "message", message: message("vote", 9) },
    ]))
  );
  const node = await startNode(1, { secret });
  try {
    node.transport.setPeers(new Map([[9, fake.address]]));
    await until("it was refused", () => node.refusals.length > 0);
    assertEquals(node.refusals, ["9 unproven"]);
    assertEquals([node.messages, node.evidence], [[], []]);
  } finally {
    await node.transport.stop();
    await fake.close();
  }
});

Deno.test("createHttpTransport() tells that another process answers in a peer's place", async () => {
  let boots = 0;
  const fake = fakePeer(() => {
    boots += 1;
    return openBody(encodeFrames([{ ...HELLO, bootId: `boot ${boots}` }]));
  });
  const node = await startNode(1, { limits: { ...QUICK, silenceMs: 60 } });
  try {
    node.transport.setPeers(new Map([[9, fake.address]]));
    await until("it stood twice", () => node.evidence.length >= 3);
    const told = node.evidence.slice(0, 3);
    assertEquals(told, ["present 9", "gone 9", "present 9"]);
  } finally {
    await node.transport.stop();
    await fake.close();
  }
});
