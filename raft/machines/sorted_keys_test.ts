import { assertEquals } from "@std/assert";
import { randomBelow, seededRandom } from "../../base/mod.ts";
import { createSortedKeys, type KeySpan } from "./sorted_keys.ts";

function inSpan(key: string, { start, end }: KeySpan): boolean {
  return key >= start && (end === null || key < end);
}

Deno.test("createSortedKeys() holds what a sorted set holds, over many blocks", () => {
  for (let seed = 1; seed <= 8; seed++) {
    const random = seededRandom(seed);
    const range = seed % 2 === 0 ? 40_000 : 300;
    const draw = (): string => String(randomBelow(random, range));
    const sorted = createSortedKeys();
    const model = new Set<string>();
    for (let step = 0; step < 20_000; step++) {
      const key = draw();
      // First it grows, then it shrinks, so that blocks are split and joined.
      const grows = randomBelow(random, 10) < (step < 12_000 ? 8 : 2);
      if (grows) assertEquals(sorted.insert(key), !model.has(key));
      else assertEquals(sorted.remove(key), model.has(key));
      if (grows) model.add(key);
      else model.delete(key);
      if (step % 997 !== 0) continue;
      const span = { start: draw(), end: step % 2 === 0 ? null : draw() };
      const inside = [...model].filter((key) => inSpan(key, span)).sort();
      assertEquals(sorted.count(span), inside.length);
      assertEquals([...sorted.keys(span)], inside);
      assertEquals(
        [...sorted.keysAfter(span.start)],
        [...model].filter((key) => key > span.start).sort(),
      );
      if (step % 3 !== 0) continue;
      const few = { start: span.start, end: span.start + "5" };
      const removed = step > 10_000 && step < 14_000 ? span : few;
      const gone = [...model].filter((key) => inSpan(key, removed)).sort();
      assertEquals(sorted.removeSpan(removed), gone);
      for (const key of gone) model.delete(key);
      assertEquals(sorted.size(), model.size);
    }
    assertEquals(
      [...sorted.keys({ start: "", end: null })],
      [...model].sort(),
    );
  }
});

Deno.test("createSortedKeys() is right when it is empty, and again when emptied", () => {
  const sorted = createSortedKeys();
  for (let round = 0; round < 2; round++) {
    assertEquals(sorted.remove("a"), false);
    assertEquals(sorted.count({ start: "", end: null }), 0);
    assertEquals([...sorted.keysAfter("")], []);
    assertEquals(sorted.removeSpan({ start: "", end: null }), []);
    for (let i = 0; i < 2000; i++) sorted.insert(String(10_000 + i));
    assertEquals(sorted.removeSpan({ start: "", end: null }).length, 2000);
    assertEquals(sorted.size(), 0);
  }
});
