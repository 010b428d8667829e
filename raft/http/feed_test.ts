import { assert, assertEquals, assertRejects } from "@std/assert";
import { OpeningRefusedError } from "./claim.ts";
import { present } from "../../base/mod.ts";
import { type TestNode, until, withNodes } from "./test_nodes.ts";
import type { HttpTransportOptions } from "./transport.ts";

const SECRET = new TextEncoder().encode("a secret of the cluster");
const PIECE = new Uint8Array(64 * 1024).fill(7);
const PATIENCE = { idleTimeoutMs: 10_000 };

interface Source {
  readonly options: Partial<HttpTransportOptions>;
  /** How often it was asked for a piece. */
  asked(): number;
  isCancelled(): boolean;
}

/** Sends pieces as long as they are read; silent after `count` of them, or at its end. */
function source(count: number, end: "ends" | "is silent"): Source {
  let asked = 0;
  let isCancelled = false;
  const feed = (): ReadableStream<Uint8Array<ArrayBuffer>> =>
    new ReadableStream({
      pull: (controller) => {
        asked += 1;
        if (asked <= count) return controller.enqueue(PIECE);
        if (end === "ends") return controller.close();
        return new Promise(() => {});
      },
      cancel: () => {
        isCancelled = true;
      },
    });
  return {
    options: {
      secret: SECRET,
      onFeed: (name) => Promise.resolve(name === "data" ? feed() : null),
    },
    asked: () => asked,
    isCancelled: () => isCancelled,
  };
}

async function read(
  a: TestNode | undefined,
  b: TestNode | undefined,
  name = "data",
  patience = PATIENCE,
): Promise<number> {
  const peer = { id: 2, address: present(b, "node 2").address };
  const { transport } = present(a, "node 1");
  let bytes = 0;
  for await (const piece of transport.feed(peer, name, patience)) {
    bytes += piece.length;
  }
  return bytes;
}

Deno.test("feed() brings all that a peer sends, to its end", async () => {
  const { options } = source(50, "ends");
  await withNodes([{ secret: SECRET }, options], async (a, b) => {
    assertEquals(await read(a, b), 50 * PIECE.length);
  });
});

Deno.test("feed() believes nobody who does not know the secret, and is given nothing by such", async () => {
  const { options, asked } = source(1, "ends");
  for (
    const [reason, own, other] of [
      ["wrong_secret", { secret: new TextEncoder().encode("x") }, options],
      ["wrong_secret", {}, options],
      ["unproven", { secret: SECRET }, { onFeed: options.onFeed }],
    ] as const
  ) {
    const before = asked();
    await withNodes(
      [own, other as Partial<HttpTransportOptions>],
      async (a, b) => {
        const error = await read(a, b).catch((cause) => cause);
        assert(error instanceof OpeningRefusedError);
        assertEquals(error.reason, reason);
        if (reason === "wrong_secret") assertEquals(asked(), before);
      },
    );
  }
});

Deno.test("feed() refuses names that there are not", async () => {
  const { options } = source(1, "ends");
  await withNodes([{ secret: SECRET }, options], async (a, b) => {
    await assertRejects(() => read(a, b, "other"), OpeningRefusedError);
  });
});

Deno.test("feed() gives a sender up that is silent for too long", async () => {
  const { options } = source(3, "is silent");
  await withNodes([{ secret: SECRET }, options], async (a, b) => {
    await assertRejects(
      () => read(a, b, "data", { idleTimeoutMs: 150 }),
      Error,
      "has sent nothing for 150 ms",
    );
  });
});

Deno.test("feed() makes a sender no faster than its reader, and ends it with the reader", async () => {
  const endless = source(Infinity, "ends");
  await withNodes([{ secret: SECRET }, endless.options], async (a, b) => {
    const peer = { id: 2, address: present(b, "node 2").address };
    const { transport } = present(a, "node 1");
    let sinceLast = 0;
    let last = 0;
    for await (const _piece of transport.feed(peer, "data", PATIENCE)) {
      // A slow reader: what is under way is bounded, so the sender comes to a stand.
      await until("the sender waits", () => {
        sinceLast = endless.asked() === last ? sinceLast + 1 : 0;
        last = endless.asked();
        return sinceLast > 20;
      });
      break;
    }
    assert(endless.asked() > 0);
    await until("the sender is told", endless.isCancelled);
  });
});

Deno.test("feed() ends when its caller wants it to", async () => {
  const endless = source(Infinity, "ends");
  await withNodes([{ secret: SECRET }, endless.options], async (a, b) => {
    const ending = new AbortController();
    const peer = { id: 2, address: present(b, "node 2").address };
    const pieces = present(a, "node 1").transport.feed(peer, "data", {
      ...PATIENCE,
      signal: ending.signal,
    });
    await pieces.next();
    ending.abort(new Error("enough"));
    await assertRejects(async () => {
      while (!(await pieces.next()).done);
    });
    await until("the sender is told", endless.isCancelled);
  });
});
