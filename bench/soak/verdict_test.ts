import { assert, assertEquals } from "@std/assert";
import { assess, type NodeReading, type Slice, windowsOf } from "./verdict.ts";

const MB = 1_000_000;
const STEADY: NodeReading = {
  id: 1,
  isOriginal: true,
  residentBytes: 100 * MB,
  openFiles: 40,
  logBytes: 10 * MB,
};

/** An hour in slices of ten seconds, of which the second half differs. */
function hour(
  later: Partial<NodeReading>,
  lateMs = 5,
): Slice[] {
  return Array.from({ length: 360 }, (_, at) => ({
    endSeconds: (at + 1) * 10,
    nodes: [at < 180 ? STEADY : { ...STEADY, ...later }],
    latenciesMs: [at < 180 ? 5 : lateMs],
  }));
}

function faultsOf(slices: readonly Slice[]): string[] {
  const rows = assess(slices, windowsOf(3600));
  return rows.filter(({ isFlat }) => !isFlat).map(({ what }) => what);
}

Deno.test("assess() finds an even run flat, with a figure for everything", () => {
  const rows = assess(hour({}), windowsOf(3600));
  assertEquals(rows.map(({ what, node }) => [what, node]), [
    ["memory", 1],
    ["open files", 1],
    ["log size", 1],
    ["p50", null],
    ["p99", null],
  ]);
  assert(rows.every(({ isFlat, start, end }) => isFlat && start === end));
});

const GROWN: [name: string, slices: Slice[], want: string[]][] = [
  ["memory", hour({ residentBytes: 112 * MB }), ["memory"]],
  ["files", hour({ openFiles: 60 }), ["open files"]],
  ["the log", hour({ logBytes: 13 * MB }), ["log size"]],
  ["latency", hour({}, 11), ["p99"]],
  ["no more than the limits", hour({ residentBytes: 109 * MB }, 9), []],
  [
    "memory of a process that began anew",
    hour({ residentBytes: 200 * MB, isOriginal: false }),
    [],
  ],
];

for (const [name, slices, want] of GROWN) {
  Deno.test(`assess() tells of growth of ${name}: ${want.join() || "none"}`, () => {
    assertEquals(faultsOf(slices), want);
  });
}

Deno.test("assess() leaves out what happened before the warm-up ended", () => {
  const slices = hour({}).map((slice) =>
    slice.endSeconds > 600
      ? slice
      : { ...slice, nodes: [{ ...STEADY, residentBytes: MB }] }
  );
  assertEquals(faultsOf(slices), []);
});

Deno.test("windowsOf() compares ten minutes with ten minutes of an hour, and less of less", () => {
  assertEquals(windowsOf(3600), { warmUpSeconds: 600, windowSeconds: 600 });
  assertEquals(windowsOf(300), { warmUpSeconds: 120, windowSeconds: 90 });
});
