import { assert, assertEquals } from "@std/assert";
import { InvariantError, seededRandom } from "../../base/mod.ts";
import type { HardState } from "../core/mod.ts";
import type { LogBatch } from "../ports.ts";
import { lastUsed, viewOf } from "./format.ts";
import {
  BASE_RECORD_BYTES,
  batchBytes,
  decodeBase,
  decodeBatch,
  encodeBase,
  encodeBatch,
  inspectRecord,
  MAX_ENTRY_BYTES,
} from "./record.ts";
import { entries, entry, thrown } from "./test_support.ts";

const PLACE = { sequence: 3, offset: 544, durable: 512 };
const HARD_STATE: HardState = { term: 2 ** 40 + 5, votedFor: 3, commit: 9 };

/** Puts a record where it belongs in an otherwise empty segment. */
function inSegment(record: Uint8Array, size = 64 * 1024): Uint8Array {
  const bytes = new Uint8Array(size);
  bytes.set(record, PLACE.offset);
  return bytes;
}

function stateAt(bytes: Uint8Array): string {
  return inspectRecord(bytes, viewOf(bytes), PLACE.offset, 3).state;
}

const ZEROS = { ...entry(7, 2), data: new Uint8Array(3000) };
const BATCHES: readonly (readonly [string, LogBatch])[] = [
  ["only a hard state", { hardState: HARD_STATE, entries: [] }],
  ["nothing", { hardState: null, entries: [] }],
  ["one entry", { hardState: null, entries: [entry(1, 1)] }],
  ["an empty entry", { hardState: null, entries: [entry(1, 1, 0)] }],
  ["all kinds", {
    hardState: HARD_STATE,
    entries: [
      { ...entry(2 ** 45, 5), kind: "noop" },
      { ...entry(2 ** 45 + 1, 2 ** 33), kind: "configuration" },
      entry(2 ** 45 + 2, 2 ** 33, 1000),
    ],
  }],
  ["zeros", { hardState: null, entries: [ZEROS, entry(8, 2)] }],
  ["many entries", { hardState: HARD_STATE, entries: entries(5, 90, 4, 33) }],
];

for (const [what, batch] of BATCHES) {
  Deno.test(`a batch of ${what} is read as it was written`, () => {
    const record = encodeBatch(batch, PLACE);
    assertEquals(record.length, batchBytes(batch));
    assertEquals(record.length % 32, 0);
    const bytes = inSegment(record);
    const finding = inspectRecord(bytes, viewOf(bytes), PLACE.offset, 3);
    assert(finding.state === "record");
    assertEquals(finding.header.durable, PLACE.durable);
    assertEquals(finding.header.sizeBytes, record.length);
    const read = decodeBatch(bytes, viewOf(bytes), PLACE.offset);
    assertEquals(read.hardState, batch.hardState);
    const plain = (list: LogBatch["entries"]): unknown[] =>
      list.map((each) => ({ ...each, data: [...each.data] }));
    assertEquals(plain(read.entries), plain(batch.entries));
  });

  Deno.test(`any flipped bit in a batch of ${what} is told from a torn write`, () => {
    const record = encodeBatch(batch, PLACE);
    for (let bit = 0; bit < record.length * 8; bit++) {
      const byte = bit >> 3;
      // These bytes of the header hold nothing and are not read.
      if (byte > 27 && byte < 31) continue;
      const bytes = inSegment(record);
      const at = PLACE.offset + byte;
      bytes[at] = (bytes[at] ?? 0) ^ (1 << (bit & 7));
      assertEquals(stateAt(bytes), "damaged", `bit ${bit}`);
    }
  });

  Deno.test(`a batch of ${what} torn at any byte or sector is never called damaged`, () => {
    const record = encodeBatch(batch, PLACE);
    for (let end = 0; end < record.length; end++) {
      const state = stateAt(inSegment(record.subarray(0, end)));
      assert(state === "torn" || state === "blank", `${state} at ${end}`);
    }
    const random = seededRandom(4);
    for (let round = 0; round < 200; round++) {
      const bytes = inSegment(record);
      let sector = 512;
      for (; sector < lastUsed(bytes, 0); sector += 512) {
        if (random.next() < 0.4) bytes.fill(0, sector, sector + 512);
      }
      assert(stateAt(bytes) !== "damaged", `round ${round}`);
    }
  });
}

Deno.test("a torn record half overwritten with zeros is never called damaged", () => {
  const record = encodeBatch({ hardState: null, entries: [ZEROS] }, PLACE);
  record[record.length - 1] = 0;
  for (let end = 0; end <= record.length; end++) {
    const state = stateAt(inSegment(record.fill(0, 0, end)));
    assert(state === "torn" || state === "blank", `${state} at ${end}`);
  }
});

Deno.test("a record that moves the base is read as it was written", () => {
  const base = { index: 2 ** 50 + 1, term: 2 ** 35 };
  for (const kind of ["compact", "reset"] as const) {
    const record = encodeBase(kind, base, PLACE);
    assertEquals(record.length, BASE_RECORD_BYTES);
    const bytes = inSegment(record);
    const finding = inspectRecord(bytes, viewOf(bytes), PLACE.offset, 3);
    assert(finding.state === "record" && finding.header.kind === kind);
    assertEquals(decodeBase(viewOf(bytes), PLACE.offset), base);
  }
});

Deno.test("a record is valid only where it was written", () => {
  const record = encodeBase("reset", { index: 1, term: 1 }, PLACE);
  const bytes = new Uint8Array(4096);
  bytes.set(record, PLACE.offset);
  bytes.set(record, 1024);
  const view = viewOf(bytes);
  assertEquals(inspectRecord(bytes, view, 1024, 3).state, "damaged");
  assertEquals(inspectRecord(bytes, view, PLACE.offset, 4).state, "damaged");
  assertEquals(inspectRecord(bytes, view, PLACE.offset, 3).state, "record");
});

Deno.test("encodeBatch() refuses an entry over the limit, and a gap", () => {
  const large = { ...entry(1, 1), data: new Uint8Array(MAX_ENTRY_BYTES + 1) };
  const batch = { hardState: null, entries: [large] };
  thrown(() => encodeBatch(batch, PLACE), RangeError);
  const gap = { hardState: null, entries: [entry(1, 1), entry(3, 1)] };
  thrown(() => encodeBatch(gap, PLACE), InvariantError);
});

Deno.test("lastUsed() finds the last byte that is not zero, wherever a view begins", () => {
  for (let start = 0; start < 9; start++) {
    for (const used of [0, 1, 5, 8, 9, 31, 64]) {
      const bytes = new Uint8Array(200).subarray(start, start + 64);
      if (used > 0) bytes[used - 1] = 1;
      assertEquals(lastUsed(bytes, 0), used);
      assertEquals(lastUsed(bytes, 7), Math.max(7, used));
    }
  }
});
