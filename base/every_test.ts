import { assert, assertEquals } from "@std/assert";
import { delayToBeat, every } from "./every.ts";

/** A clock with one timer, which a test runs. */
function createBench(startMs: number): {
  clock: Parameters<typeof every>[0];
  /** Moves on to when the timer is due, and runs it that much late. */
  next(lateMs?: number): number;
  isArmed(): boolean;
} {
  let nowMs = startMs;
  let due: { readonly atMs: number; readonly run: () => void } | null = null;
  return {
    clock: {
      nowMs: () => nowMs,
      after: (delayMs, run) => {
        due = { atMs: nowMs + delayMs, run };
        return {
          cancel: () => {
            due = null;
          },
        };
      },
    },
    next(lateMs = 0): number {
      assert(due !== null);
      nowMs = due.atMs + lateMs;
      const { run } = due;
      due = null;
      run();
      return nowMs;
    },
    isArmed: () => due !== null,
  };
}

Deno.test("every() calls at multiples of its period, however late a call came", () => {
  const { clock, next } = createBench(1020);
  let calls = 0;
  every(clock, 250, () => calls += 1);
  assertEquals(next(), 1250);
  assertEquals(next(3), 1503);
  assertEquals(next(), 1750);
  assertEquals(next(600), 2600);
  assertEquals(next(), 2750);
  assertEquals(calls, 5);
});

Deno.test("every() does not call twice for a timer that ran early", () => {
  const { clock, next } = createBench(0);
  every(clock, 250, () => {});
  assertEquals(next(-0.4), 249.6);
  assertEquals(next(), 500);
});

Deno.test("every() meets what has a period that divides its own", () => {
  for (const nowMs of [0, 17, 249, 251, 499.5, 1234.5]) {
    const rare = nowMs + delayToBeat(nowMs, 1000);
    let often = nowMs + delayToBeat(nowMs, 250);
    while (often < rare) often += delayToBeat(often, 250);
    assertEquals(often, rare);
  }
});

Deno.test("every() calls no more once cancelled, also from within a call", () => {
  const { clock, next, isArmed } = createBench(0);
  const timer = every(clock, 250, () => timer.cancel());
  next();
  assert(!isArmed());
});
