import { assertEquals, assertRejects } from "@std/assert";
import { createLeaseClock, type LeaseClockParts } from "./lease_clock.ts";

interface Bench {
  readonly parts: LeaseClockParts;
  readonly ticks: [fromMs: number, byMs: number][];
  nowMs: number;
  clockMs: number;
  isNeeded: boolean;
  isLost: boolean;
}

function bench(): Bench {
  const one: Bench = {
    ticks: [],
    nowMs: 1000,
    clockMs: 70,
    isNeeded: true,
    isLost: false,
    parts: {
      nowMs: () => one.nowMs,
      clockMs: () => one.clockMs,
      isNeeded: () => one.isNeeded,
      tick: (fromMs, byMs) => {
        if (one.isLost) return Promise.reject(new Error("not the leader"));
        one.ticks.push([fromMs, byMs]);
        if (one.clockMs === fromMs) one.clockMs += byMs;
        return Promise.resolve();
      },
    },
  };
  return one;
}

Deno.test("the clock of leases goes on by what has gone since it was seen", async () => {
  const one = bench();
  const beat = createLeaseClock(one.parts);
  await beat();
  assertEquals(one.ticks, []);
  for (const nowMs of [1500.9, 2001.2, 2001.3]) {
    one.nowMs = nowMs;
    await beat();
  }
  assertEquals(one.ticks, [[70, 500], [570, 500]]);
});

Deno.test("a pause counts as one tick at most", async () => {
  const one = bench();
  const beat = createLeaseClock(one.parts);
  await beat();
  one.nowMs += 60_000;
  await beat();
  assertEquals(one.ticks, [[70, 1000]]);
});

Deno.test("what was measured before another moved the clock is given up", async () => {
  const one = bench();
  const beat = createLeaseClock(one.parts);
  await beat();
  one.nowMs += 500;
  one.clockMs = 400;
  await beat();
  one.nowMs += 200;
  await beat();
  assertEquals(one.ticks, [[400, 200]]);
});

Deno.test("nothing is measured while it is not needed", async () => {
  const one = bench();
  const beat = createLeaseClock(one.parts);
  await beat();
  one.isNeeded = false;
  one.nowMs += 500;
  await beat();
  one.isNeeded = true;
  one.nowMs += 500;
  await beat();
  one.nowMs += 30;
  await beat();
  assertEquals(one.ticks, [[70, 30]]);
});

Deno.test("a tick that was not committed may be measured again", async () => {
  const one = bench();
  const beat = createLeaseClock(one.parts);
  await beat();
  one.isLost = true;
  one.nowMs += 500;
  await assertRejects(beat);
  one.isLost = false;
  one.nowMs += 200;
  await beat();
  assertEquals(one.ticks, [[70, 700]]);
});
