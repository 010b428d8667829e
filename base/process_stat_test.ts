import { parseProcessStat, statOf } from "./process_stat.ts";
import { assert, assertEquals } from "@std/assert";

Deno.test("parseProcessStat() counts from behind a name that looks like fields", () => {
  const text =
    "42 (a) S 7 (b c) T 7 42 41 0 -1 4194560 100 0 1 0 250 13 0 0 20 -5 1 0 987654 1000 200\n";
  assertEquals(parseProcessStat(text), {
    state: "T",
    parent: 7,
    session: 41,
    cpuTicks: 263,
    nice: -5,
    startTime: "987654",
  });
});

Deno.test("statOf() knows this process, and none that there can't be", () => {
  const own = statOf(Deno.pid);
  assertEquals(own?.parent, Deno.ppid);
  assert((own?.cpuTicks ?? -1) >= 0);
  assertEquals(statOf(2 ** 30), null);
});
