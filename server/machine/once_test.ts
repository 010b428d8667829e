import { assertEquals } from "@std/assert";
import type { OnceKey } from "./envelope.ts";
import {
  createOnceTable,
  keepOnce,
  lookUpOnce,
  MAX_ONCE_KEYS,
  type OnceTable,
  restoreOnce,
  snapshotOnce,
} from "./once.ts";

function digest(n: number): Uint8Array {
  const bytes = new Uint8Array(16);
  new DataView(bytes.buffer).setUint32(4, n);
  return bytes;
}

function keyOf(n: number, request = 0): OnceKey {
  return { key: digest(n), fingerprint: digest(request) };
}

function restored(pieces: Iterable<Uint8Array>): OnceTable {
  const table = createOnceTable();
  for (const piece of pieces) restoreOnce(table, piece);
  return table;
}

Deno.test("lookUpOnce() knows a repetition from a key that came with another request", () => {
  const table = createOnceTable();
  assertEquals(lookUpOnce(table, keyOf(1)), { kind: "new" });
  const result = Uint8Array.of(7, 8);
  keepOnce(table, keyOf(1), result);

  assertEquals(lookUpOnce(table, keyOf(1)), { kind: "repeated", result });
  assertEquals(lookUpOnce(table, keyOf(1, 5)), { kind: "reused" });
  assertEquals(lookUpOnce(table, keyOf(2)), { kind: "new" });
});

Deno.test("the key that came first goes first once there are too many, however often it is asked for", () => {
  const table = createOnceTable();
  for (let n = 0; n < MAX_ONCE_KEYS; n++) {
    keepOnce(table, keyOf(n), Uint8Array.of(n & 255));
  }
  assertEquals(lookUpOnce(table, keyOf(0)).kind, "repeated");

  keepOnce(table, keyOf(MAX_ONCE_KEYS), new Uint8Array());
  assertEquals(table.answers.size, MAX_ONCE_KEYS);
  assertEquals(lookUpOnce(table, keyOf(0)).kind, "new");
  assertEquals(lookUpOnce(table, keyOf(1)).kind, "repeated");

  // A copy forgets in the same order, or the members come apart.
  const copy = restored(snapshotOnce(table));
  for (const one of [table, copy]) {
    keepOnce(one, keyOf(MAX_ONCE_KEYS + 1), new Uint8Array());
    assertEquals(one.answers.size, MAX_ONCE_KEYS);
    assertEquals(lookUpOnce(one, keyOf(1)).kind, "new");
    assertEquals(lookUpOnce(one, keyOf(2)).kind, "repeated");
  }
});

Deno.test("a snapshot is the table of the moment it was begun", () => {
  const table = createOnceTable();
  for (let n = 0; n < 1000; n++) {
    keepOnce(table, keyOf(n, n), new Uint8Array(n % 300).fill(n & 255));
  }
  const before = new Map(table.answers);
  const pieces = snapshotOnce(table)[Symbol.iterator]();
  const taken = [pieces.next().value ?? new Uint8Array()];
  keepOnce(table, keyOf(5000), new Uint8Array(1));
  for (let next = pieces.next(); !next.done; next = pieces.next()) {
    taken.push(next.value);
  }

  const copy = restored(taken);
  assertEquals([...copy.answers], [...before]);
});
