import { assertEquals, assertRejects } from "@std/assert";
import { createLine, LineError } from "./line.ts";

/** A connection that gives what was sent in pieces of a size. */
function connOf(sent: Uint8Array, pieceBytes: number): Deno.Conn {
  let at = 0;
  const conn: Partial<Deno.Conn> = {
    read: (into: Uint8Array) => {
      const piece = sent.subarray(at, at + Math.min(pieceBytes, into.length));
      if (piece.length === 0) return Promise.resolve(null);
      into.set(piece);
      at += piece.length;
      return Promise.resolve(piece.length);
    },
    close: () => {},
  };
  return conn as Deno.Conn;
}

function messageOf(
  type: string,
  body: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(5 + body.length);
  bytes[0] = type.charCodeAt(0);
  new DataView(bytes.buffer).setUint32(1, 4 + body.length);
  bytes.set(body, 5);
  return bytes;
}

const OPTIONS = { maxBytes: 1 << 20, timeoutMs: 1000 };

for (const pieceBytes of [1, 7, 5000, 1 << 20]) {
  Deno.test(`messages come whole and in order when they come in pieces of ${pieceBytes} bytes`, async () => {
    const bodies = [0, 1, 4090, 4096, 20_000, 3].map((size, i) =>
      new Uint8Array(size).fill(i + 1)
    );
    const sent = new Blob(bodies.map((body) => messageOf("Q", body)));
    const line = createLine(
      connOf(new Uint8Array(await sent.arrayBuffer()), pieceBytes),
    );
    for (const body of bodies) {
      assertEquals(await line.next(OPTIONS), { type: "Q", body });
    }
    assertEquals(await line.next(OPTIONS), null);
  });
}

Deno.test("a message that is too long, or shorter than its length, is refused", async () => {
  for (const length of [0, 3, 1001]) {
    const sent = new Uint8Array(5);
    new DataView(sent.buffer).setUint32(1, length);
    const line = createLine(connOf(sent, 100));
    await assertRejects(
      () => line.next({ maxBytes: 1000, timeoutMs: 1000 }),
      LineError,
    );
  }
});

Deno.test("a client that hangs up in the middle of a message has said nothing", async () => {
  const sent = messageOf("Q", new Uint8Array(100)).subarray(0, 50);
  assertEquals(await createLine(connOf(sent, 10)).next(OPTIONS), null);
});
