import { assertEquals, assertMatch } from "@std/assert";
import { faultOfLabelName, faultOfMetricName } from "./names.ts";

Deno.test("faultOfMetricName() takes names in base units only", () => {
  for (
    const [type, name] of [
      ["counter", "pgraft_proposals_total"],
      ["counter", "process_cpu_seconds_total"],
      ["gauge", "pgraft_term"],
      ["gauge", "pgraft_members"],
      ["histogram", "pgraft_commit_duration_seconds"],
      ["histogram", "pgraft_message_size_bytes"],
    ] as const
  ) {
    assertEquals(faultOfMetricName(type, name), null, name);
  }
});

Deno.test("faultOfMetricName() names each fault", () => {
  const table = [
    ["counter", "pgraft_proposals", /end in _total/],
    ["gauge", "pgraft_proposals_total", /is no counter/],
    ["gauge", "elections", /after pgraft_/],
    ["gauge", "pgraft_Term", /lower case/],
    ["gauge", "pgraft__term", /lower case/],
    ["gauge", "pgraft_term\n", /lower case/],
    ["gauge", "pgraft_lag_ms", /base units/],
    ["counter", "pgraft_apply_milliseconds_total", /base units/],
    ["gauge", "pgraft_log_kb", /base units/],
    ["gauge", "pgraft_log_count", /part of a histogram/],
    ["histogram", "pgraft_commit_duration", /unit/],
  ] as const;
  for (const [type, name, fault] of table) {
    assertMatch(faultOfMetricName(type, name) ?? "", fault, name);
  }
});

Deno.test("faultOfLabelName() refuses what the format uses itself", () => {
  assertEquals(faultOfLabelName("peer"), null);
  assertMatch(faultOfLabelName("le") ?? "", /reserved/);
  assertMatch(faultOfLabelName("__name__") ?? "", /lower case/);
  assertMatch(faultOfLabelName('a"') ?? "", /lower case/);
});
