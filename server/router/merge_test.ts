import type { LoopStats } from "./loop/mod.ts";
import { mergeSought, mergeStats } from "./merge.ts";
import { assertEquals } from "@std/assert";

/** A loop of whose figures each is a multiple of `unit`. */
function statsOf(unit: number, change: Partial<LoopStats> = {}): LoopStats {
  return {
    threads: [3, 4],
    isDrained: true,
    isTrusted: true,
    epoch: 7,
    why: "A reason",
    sessions: [{ door: "read_write", member: 1, epoch: 7, count: unit }],
    opening: unit,
    waiting: 2 * unit,
    cancels: 3 * unit,
    longestWaitMs: 4 * unit,
    longestWaitEverMs: 5 * unit,
    accepted: 6 * unit,
    refused: {
      wait_timeout: unit,
      waiting_full: 0,
      too_many: unit,
      unreachable: 0,
      bad_startup: 0,
      startup_timeout: 0,
    },
    ended: { epoch_over: 0, idle: unit, stalled: 0, cancelled_wait: 0 },
    heldCancels: 7 * unit,
    bytesFromClients: 8 * unit,
    bytesFromServers: 9 * unit,
    ...change,
  };
}

Deno.test("mergeStats() adds up what loops did, and takes the longest of what they waited", () => {
  const one = statsOf(1);
  const ten = statsOf(10, {
    isDrained: false,
    isTrusted: false,
    sessions: [
      { door: "read_write", member: 1, epoch: 7, count: 10 },
      { door: "read_only", member: 1, epoch: 0, count: 2 },
    ],
  });
  assertEquals(mergeStats([one]), one);
  assertEquals(
    mergeStats([one, ten]),
    statsOf(11, {
      isTrusted: false,
      sessions: [
        { door: "read_write", member: 1, epoch: 7, count: 11 },
        { door: "read_only", member: 1, epoch: 0, count: 2 },
      ],
      longestWaitMs: 40,
      longestWaitEverMs: 50,
    }),
  );
});

Deno.test("mergeSought() says that a request was taken over where one loop says so", () => {
  const target = { member: 1, epoch: 7, host: "10.0.0.1", port: 5432 };
  const no = { isTaken: false, targets: [target] };
  const yes = { isTaken: true, targets: [] };
  assertEquals(mergeSought([no, no]), {
    isTaken: false,
    targets: [target, target],
  });
  assertEquals(mergeSought([no, yes]).isTaken, true);
});
