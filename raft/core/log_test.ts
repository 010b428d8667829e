import { assertEquals, assertThrows } from "@std/assert";
import { InvariantError } from "../../base/mod.ts";
import { entry } from "./cluster_test_kit.ts";
import {
  append,
  appendNew,
  compact,
  conflictByTerm,
  createLog,
  ENTRY_OVERHEAD_BYTES,
  entryAt,
  isUpToDate,
  lastIndex,
  lastTerm,
  type Log,
  reset,
  slice,
  termAt,
  truncate,
} from "./log.ts";

/** Entries 4 to 9 of terms 2 2 3 3 5 5 behind a base at 3 of term 1, each of 10 bytes. */
function sample(): Log {
  const terms = [2, 2, 3, 3, 5, 5];
  return createLog(3, 1, terms.map((term, i) => entry(4 + i, term, 10)));
}

const SIZE = ENTRY_OVERHEAD_BYTES + 10;

Deno.test("a log knows terms from its base to its end, and nothing beyond", () => {
  const log = sample();
  const terms = [2, 3, 4, 9, 10].map((index) => termAt(log, index));
  assertEquals(terms, [null, 1, 2, 5, null]);
  assertEquals([lastIndex(log), lastTerm(log)], [9, 5]);
  assertEquals(
    [lastIndex(createLog(3, 1, [])), lastTerm(createLog(3, 1, []))],
    [
      3,
      1,
    ],
  );
  for (const index of [3, 10]) {
    assertThrows(() => entryAt(log, index), InvariantError);
  }
});

Deno.test("slice() keeps its bounds but always gives one entry", () => {
  const table = [
    { from: 4, entries: 9, bytes: 9999, expected: [4, 5, 6, 7, 8, 9] },
    { from: 4, entries: 2, bytes: 9999, expected: [4, 5] },
    { from: 4, entries: 9, bytes: 2 * SIZE, expected: [4, 5] },
    { from: 4, entries: 9, bytes: 3 * SIZE - 1, expected: [4, 5] },
    { from: 8, entries: 9, bytes: 1, expected: [8] },
    { from: 10, entries: 9, bytes: 9999, expected: [] },
  ];
  for (const { from, entries, bytes, expected } of table) {
    const indexes = slice(sample(), from, entries, bytes).map((e) => e.index);
    assertEquals(indexes, expected);
  }
  assertThrows(() => slice(sample(), 3, 1, 1), InvariantError);
});

Deno.test("append() refuses a gap, a repetition and a term that goes back", () => {
  for (const wrong of [entry(11, 5), entry(9, 5), entry(10, 4)]) {
    assertThrows(() => append(sample(), wrong), InvariantError);
  }
  const log = sample();
  assertEquals(appendNew(log, 6, "noop", new Uint8Array()).index, 10);
  assertEquals([log.savedIndex, log.stableIndex], [9, 9]);
});

Deno.test("what is cut off counts neither as written nor as durable nor in bytes", () => {
  for (const index of [4, 7, 9, 10]) {
    const log = sample();
    truncate(log, index);
    const kept = index - 1;
    assertEquals([lastIndex(log), log.savedIndex, log.stableIndex], [
      kept,
      kept,
      kept,
    ]);
    assertEquals(log.sizeBytes, (kept - 3) * SIZE);
  }
  assertThrows(() => truncate(sample(), 3), InvariantError);
});

Deno.test("compact() keeps the term of its last entry and refuses what is not durable", () => {
  for (const index of [2, 3, 4, 7, 9]) {
    const log = sample();
    compact(log, index);
    const base = Math.max(index, 3);
    assertEquals([log.baseIndex, log.baseTerm, lastIndex(log)], [
      base,
      termAt(sample(), base),
      9,
    ]);
    assertEquals(log.sizeBytes, (9 - base) * SIZE);
  }
  const log = sample();
  append(log, entry(10, 5));
  assertThrows(() => compact(log, 10), InvariantError);
});

Deno.test("reset() leaves a durable, empty log behind the snapshot", () => {
  const log = sample();
  append(log, entry(10, 5));
  reset(log, 7, 4);
  const { baseIndex, baseTerm, savedIndex, stableIndex, sizeBytes } = log;
  assertEquals([baseIndex, baseTerm, savedIndex, stableIndex, sizeBytes], [
    7,
    4,
    7,
    7,
    0,
  ]);
});

Deno.test("isUpToDate() compares terms first, then lengths", () => {
  const table: [number, number, boolean][] = [
    [9, 5, true],
    [10, 5, true],
    [8, 5, false],
    [1, 6, true],
    [99, 4, false],
  ];
  for (const [index, term, expected] of table) {
    assertEquals(
      isUpToDate(sample(), index, term),
      expected,
      `${index}@${term}`,
    );
  }
});

Deno.test("conflictByTerm() finds the last entry that can match", () => {
  const table: [number, number, number][] = [
    [9, 5, 9],
    [9, 4, 7],
    [9, 3, 7],
    [8, 2, 5],
    [9, 1, 3],
    [9, 0, 3],
    [99, 9, 9],
    [1, 9, 3],
  ];
  for (const [index, term, expected] of table) {
    assertEquals(conflictByTerm(sample(), index, term), expected);
  }
});
