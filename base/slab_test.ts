import { assertEquals, assertStrictEquals } from "@std/assert";
import { createSlab } from "./slab.ts";

Deno.test("a slab cuts pieces of zeros that share a buffer and do not overlap", () => {
  const slab = createSlab();
  const pieces = Array.from({ length: 5000 }, (_, n) => {
    const piece = slab.cut(n % 40);
    assertEquals(piece, new Uint8Array(n % 40), `piece ${n}`);
    return piece.fill(n);
  });
  for (const [n, piece] of pieces.entries()) {
    assertEquals(piece, new Uint8Array(n % 40).fill(n), `piece ${n}`);
  }
  const buffers = new Set(pieces.map(({ buffer }) => buffer));
  assertEquals(buffers.size < 10, true, `${buffers.size} buffers`);
});

Deno.test("what is large has a buffer of its own, and small pieces go on where they were", () => {
  const slab = createSlab();
  const before = slab.cut(10);
  const large = slab.cut(2049);
  const after = slab.cut(10);
  assertEquals(large.buffer.byteLength, 2049);
  assertEquals(large.buffer === before.buffer, false);
  assertStrictEquals(after.buffer, before.buffer);
  assertEquals(after.byteOffset, 10);
});
