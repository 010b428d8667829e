import { assertEquals } from "@std/assert";
import { grantedState, sealingState } from "./policy_test_kit.ts";
import { isJobStale } from "./stale_job.ts";

Deno.test("a copy that stands still is given up once another reigns, and no sooner", () => {
  const clone = { kind: "clone", epoch: 1 } as const;
  const next = grantedState();
  assertEquals(isJobStale(next, clone, 10_000), true);
  assertEquals(isJobStale(next, clone, 9_999), false);
  assertEquals(isJobStale(next, { ...clone, kind: "rewind" }, 10_000), true);
  assertEquals(isJobStale(next, { ...clone, epoch: 2 }, 60_000), false);
  assertEquals(isJobStale(sealingState(), clone, 60_000), false);
  const adopting = { kind: "adopt", epoch: 0 } as const;
  assertEquals(isJobStale(next, adopting, 60_000), false);
});
