import { crc32 } from "node:zlib";
import { assert, assertEquals } from "@std/assert";
import { present } from "../../base/mod.ts";
import type { LogBatch } from "../ports.ts";
import { CorruptLogError, NewerFormatError } from "./errors.ts";
import { viewOf } from "./format.ts";
import { encodeBase, encodeBatch, type LogPosition } from "./record.ts";
import { recoverSegments, type SegmentBytes } from "./recovery.ts";
import { encodeSegmentHeader, segmentName } from "./segment.ts";
import { entries, TEST_IDENTITY, thrown } from "./test_support.ts";

const START: LogPosition = { index: 0, term: 0 };

/** What goes into a segment, one record after the other. */
type Part =
  | LogBatch
  | { readonly compact: LogPosition }
  | { readonly reset: LogPosition };

interface Made extends SegmentBytes {
  readonly end: number;
  readonly offsets: readonly number[];
}

function make(
  sequence: number,
  parts: readonly Part[],
  head: { last?: LogPosition; base?: LogPosition; previousEnd?: number } = {},
  unsyncedFrom = Infinity,
): Made {
  const bytes = new Uint8Array(16 * 1024);
  bytes.set(encodeSegmentHeader({
    identity: TEST_IDENTITY,
    sequence,
    previousEnd: head.previousEnd ?? 0,
    hardState: { term: 1, votedFor: 1, commit: 0 },
    base: head.base ?? START,
    last: head.last ?? START,
  }));
  let end = 512;
  let durable = 512;
  const offsets: number[] = [];
  parts.forEach((part, at) => {
    const place = { sequence, offset: end, durable };
    const record = "compact" in part
      ? encodeBase("compact", part.compact, place)
      : "reset" in part
      ? encodeBase("reset", part.reset, place)
      : encodeBatch(part, place);
    offsets.push(end);
    bytes.set(record, end);
    end += record.length;
    if (at < unsyncedFrom) durable = end;
  });
  return { name: segmentName(sequence), sequence, bytes, end, offsets };
}

function batch(first: number, last: number, term: number): LogBatch {
  return { hardState: null, entries: entries(first, last, term) };
}

function termsOf(segments: readonly SegmentBytes[]): string {
  const log = present(recoverSegments(segments), "log");
  const terms = log.entries.map((each) => `${each.index}:${each.term}`);
  return `${log.base.index}:${log.base.term}| ${terms.join(" ")}`;
}

function refusal(segments: readonly SegmentBytes[]): CorruptLogError {
  return thrown(() => recoverSegments(segments), CorruptLogError);
}

const PLAYS: readonly (readonly [string, readonly Part[], string])[] = [
  ["nothing", [], "0:0| "],
  ["appends", [batch(1, 2, 1), batch(3, 3, 2)], "0:0| 1:1 2:1 3:2"],
  ["an overwrite", [batch(1, 3, 1), batch(2, 2, 2)], "0:0| 1:1 2:2"],
  ["an overwrite of all", [batch(1, 3, 1), batch(1, 1, 2)], "0:0| 1:2"],
  [
    "a compaction",
    [batch(1, 4, 1), { compact: { index: 3, term: 1 } }],
    "3:1| 4:1",
  ],
  [
    "a compaction of all",
    [batch(1, 4, 1), { compact: { index: 4, term: 1 } }, batch(5, 5, 2)],
    "4:1| 5:2",
  ],
  [
    "a compaction and an overwrite",
    [batch(1, 4, 1), { compact: { index: 2, term: 1 } }, batch(3, 3, 2)],
    "2:1| 3:2",
  ],
  [
    "a reset forward",
    [batch(1, 4, 1), { reset: { index: 9, term: 3 } }, batch(10, 11, 3)],
    "9:3| 10:3 11:3",
  ],
  [
    "a reset backward",
    [batch(1, 4, 1), { reset: { index: 2, term: 2 } }, batch(3, 3, 2)],
    "2:2| 3:2",
  ],
];

for (const [what, parts, wanted] of PLAYS) {
  Deno.test(`recoverSegments() plays back ${what}`, () => {
    assertEquals(termsOf([make(1, parts)]), wanted);
  });
}

Deno.test("recoverSegments() finds no log where none was begun", () => {
  assertEquals(recoverSegments([]), null);
  const blank = new Uint8Array(4096);
  const only = { name: segmentName(1), sequence: 1, bytes: blank };
  assertEquals(recoverSegments([only]), null);
});

Deno.test("recoverSegments() refuses when only a later blank segment is there", () => {
  const bytes = new Uint8Array(4096);
  const name = segmentName(4);
  const error = refusal([{ name: `d/${name}`, sequence: 4, bytes }]);
  assertEquals(error.file, `d/${segmentName(3)}`);
});

function twoSegments(): [Made, Made] {
  const first = make(1, [batch(1, 3, 1), batch(4, 5, 1)]);
  const last = { index: 5, term: 1 };
  const head = { last, previousEnd: first.end };
  return [first, make(2, [batch(5, 6, 2)], head)];
}

Deno.test("recoverSegments() goes on over segments", () => {
  const log = present(recoverSegments(twoSegments()), "log");
  assertEquals(log.entries.map(({ term }) => term), [1, 1, 1, 1, 2, 2]);
  assertEquals(log.segments, [
    { sequence: 1, maxIndex: 5 },
    { sequence: 2, maxIndex: 6 },
  ]);
});

Deno.test("recoverSegments() names a missing segment", () => {
  const [first, second] = twoSegments();
  assertEquals(refusal([second]).file, segmentName(1));
  const third = make(3, [], { last: { index: 6, term: 2 } });
  assertEquals(refusal([first, third]).file, segmentName(2));
});

Deno.test("recoverSegments() misses no segment that was compacted or reset away", () => {
  const last = { index: 5, term: 1 };
  const compact = { compact: { index: 5, term: 1 } };
  const more = [batch(6, 7, 2), compact];
  assertEquals(termsOf([make(2, more, { last })]), "5:1| 6:2 7:2");
  const reset = [{ reset: { index: 3, term: 2 } }, batch(4, 4, 2)];
  assertEquals(termsOf([make(2, reset, { last })]), "3:2| 4:2");
  const early = [batch(6, 7, 2), { compact: { index: 4, term: 1 } }];
  assertEquals(refusal([make(2, early, { last })]).file, segmentName(1));
});

Deno.test("recoverSegments() passes over what an interrupted compaction left", () => {
  const left = make(1, [batch(1, 3, 1)]);
  const last = { index: 5, term: 1 };
  const third = make(3, [batch(6, 6, 1)], { last, base: last });
  const log = present(recoverSegments([left, third]), "log");
  assertEquals(log.leftover, [1]);
  assertEquals(log.base, last);
});

Deno.test("recoverSegments() refuses a segment that ends early while another follows", () => {
  const [first, second] = twoSegments();
  const offset = present(first.offsets[1], "offset");
  first.bytes.fill(0, offset);
  const error = refusal([first, second]);
  assertEquals([error.file, error.offset], [first.name, offset]);
});

Deno.test("recoverSegments() refuses a segment that ends elsewhere than the next one says", () => {
  const [first] = twoSegments();
  const last = { index: 5, term: 1 };
  const second = make(2, [], { last, previousEnd: first.end - 32 });
  assertEquals(refusal([first, second]).file, first.name);
});

Deno.test("recoverSegments() cuts a torn last record and says where", () => {
  const made = make(1, [batch(1, 3, 1), batch(4, 5, 1)]);
  const offset = present(made.offsets[1], "offset");
  for (const kept of [1, 10, 31, 32, 60, 100]) {
    const bytes = made.bytes.slice();
    bytes.fill(0, offset + kept);
    const log = present(recoverSegments([{ ...made, bytes }]), "log");
    assertEquals(log.entries.length, 3);
    assert(log.tail.cut !== null);
    assertEquals([log.tail.end, log.tail.durable], [offset, 512]);
    assert(log.tail.usedEnd > offset && log.tail.usedEnd <= offset + kept);
  }
});

Deno.test("recoverSegments() refuses a blank record that a later one proves durable", () => {
  const parts = [batch(1, 1, 1), batch(2, 2, 1), batch(3, 3, 1)];
  const made = make(1, parts);
  const [, second, third] = made.offsets;
  made.bytes.fill(0, second, third);
  const error = refusal([made]);
  assertEquals([error.file, error.offset], [made.name, second]);
});

Deno.test("recoverSegments() cuts unsynced records that reached the disk out of order", () => {
  const hardState = { term: 1, votedFor: 1, commit: 1 };
  const lazy: LogBatch = { hardState, entries: [] };
  const made = make(1, [batch(1, 1, 1), lazy, batch(2, 2, 1)], {}, 1);
  const [, second, third] = made.offsets;
  made.bytes.fill(0, second, third);
  const log = present(recoverSegments([made]), "log");
  assertEquals(log.entries.length, 1);
  assertEquals(log.tail.end, second);
});

Deno.test("recoverSegments() cuts no more than junk behind the last record", () => {
  const made = make(1, [batch(1, 1, 1)]);
  made.bytes[made.end + 5000] = 64;
  const log = present(recoverSegments([made]), "log");
  assertEquals(log.entries.length, 1);
  assertEquals(log.tail.usedEnd, made.end + 5001);
  assert(log.tail.cut !== null);
});

Deno.test("recoverSegments() refuses a torn header before records that were durable", () => {
  const made = make(1, [batch(1, 1, 1)]);
  made.bytes.fill(0, 0, 512);
  assertEquals(refusal([made]).offset, 0);
});

Deno.test("recoverSegments() refuses a commit index beyond the log", () => {
  const hardState = { term: 1, votedFor: 1, commit: 4 };
  const error = refusal([
    make(1, [{ hardState, entries: entries(1, 3, 1) }]),
  ]);
  assert(error.message.includes("up to 4"), error.message);
});

Deno.test("recoverSegments() refuses a gap, a strange segment, a renamed one", () => {
  assertEquals(
    refusal([make(1, [batch(1, 1, 1), batch(3, 3, 1)])]).offset,
    640,
  );
  const [first, second] = twoSegments();
  const bytes = encodeSegmentHeader({
    identity: { ...TEST_IDENTITY, incarnation: 1 },
    sequence: 2,
    previousEnd: first.end,
    hardState: { term: 1, votedFor: 1, commit: 0 },
    base: START,
    last: { index: 5, term: 1 },
  });
  second.bytes.set(bytes);
  assertEquals(refusal([first, second]).file, second.name);
  const renamed = { ...make(1, []), name: segmentName(2), sequence: 2 };
  assertEquals(refusal([renamed]).file, segmentName(2));
});

Deno.test("recoverSegments() names versions when a newer program wrote a segment", () => {
  const { bytes, name, sequence } = make(1, [batch(1, 1, 1)]);
  const view = viewOf(bytes);
  view.setUint32(8, 9, true);
  view.setUint32(504, crc32(bytes.subarray(0, 504)), true);
  const run = (): unknown => recoverSegments([{ bytes, name, sequence }]);
  const error = thrown(run, NewerFormatError);
  assert(error.message.includes("version 9"), error.message);
  assert(error.message.includes("start a newer pgraft"), error.message);
});
