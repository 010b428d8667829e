import { assert, assertEquals } from "@std/assert";
import type { Report } from "../../pg/policy/mod.ts";
import { createMemoryClock, type MemoryClock } from "../../raft/mod.ts";
import { createWatch, type Watch } from "./watch.ts";

/** What an agent tells that has nothing to tell. */
function report(id: number, patch: Partial<Report> = {}): Report {
  return {
    id,
    boot: "a",
    sequence: 1,
    pledge: 0,
    incarnation: null,
    state: "stopped",
    role: "none",
    sealed: 0,
    position: null,
    timeline: 0,
    replayLsn: 0,
    lost: null,
    lostEpoch: 0,
    lostDetail: "",
    lostMs: 0,
    primary: null,
    following: null,
    needsClone: false,
    config: { version: 0, pendingRestart: [], fault: null },
    trouble: null,
    ...patch,
  };
}

function watching(): { clock: MemoryClock; watch: Watch; news: () => number } {
  const clock = createMemoryClock();
  let news = 0;
  const watch = createWatch({
    clock,
    electionTimeoutMs: () => 1000,
    onNews: () => {
      news += 1;
    },
  });
  return { clock, watch, news: () => news };
}

Deno.test("an agent is silent after an election timeout without a report, and alive with the next (R7)", () => {
  const { clock, watch } = watching();
  watch.heard(report(2));
  clock.advance(999);
  assertEquals(watch.observations().get(2)?.agent, "alive");
  clock.advance(1);
  assertEquals(watch.observations().get(2)?.agent, "silent");
  assert(watch.isLost(2));
  watch.heard(report(2, { sequence: 2 }));
  assertEquals(watch.observations().get(2)?.agent, "alive");
  assertEquals(watch.observations().get(2)?.silentMs, 0);
});

Deno.test("a process that is gone is gone until its agent reports, though another stands in its place (R7)", () => {
  const { clock, watch } = watching();
  watch.heard(report(2));
  watch.presence(2, false);
  assertEquals(watch.observations().get(2)?.agent, "gone");
  clock.advance(700);
  watch.presence(2, true);
  clock.advance(100);
  const seen = watch.observations().get(2);
  assertEquals([seen?.agent, seen?.silentMs, seen?.absentMs], [
    "gone",
    800,
    100,
  ]);
  watch.heard(report(2, { boot: "b" }));
  assertEquals(watch.observations().get(2)?.agent, "alive");
});

Deno.test("a report that another has overtaken counts for nothing (R10)", () => {
  const { clock, watch, news } = watching();
  watch.heard(report(2, { sequence: 5, pledge: 3 }));
  clock.advance(10);
  for (const sequence of [4, 5]) watch.heard(report(2, { sequence }));
  assertEquals(watch.report(2)?.pledge, 3);
  assertEquals(watch.observations().get(2)?.reportMs, 10);
  assertEquals(news(), 1);
  // Another process counts anew.
  watch.heard(report(2, { boot: "b", sequence: 1, pledge: 4 }));
  assertEquals(watch.report(2)?.pledge, 4);
});

Deno.test("a member that was never heard is silent from an election timeout on", () => {
  const { clock, watch } = watching();
  assert(!watch.isLost(9));
  clock.advance(1000);
  assert(watch.isLost(9));
  assertEquals(watch.report(9), null);
});
