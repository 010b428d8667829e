import { assertEquals } from "@std/assert";
import { explainMembers } from "./explain.ts";
import {
  alive,
  inputOf,
  member,
  membersOf,
  openState,
  primaryReport,
  report,
  sealedReport,
  sealingState,
  unheard,
} from "./policy_test_kit.ts";
import type { Observation } from "./report.ts";

function codes(
  seen: Readonly<Record<number, Observation>>,
  state = openState(),
): string[] {
  return explainMembers(state, inputOf(seen)).map(({ code }) => code);
}

Deno.test("each member is told why it is the primary or not", () => {
  const all = {
    1: alive(primaryReport()),
    2: alive(report(2)),
    3: alive(report(3)),
  };
  assertEquals(codes(all), ["primary", "standby", "standby"]);
  assertEquals(codes({}), ["primary", "agent_lost", "agent_lost"]);
  const odd = {
    1: unheard("gone", 5),
    2: alive(null),
    3: alive(report(3, { position: null })),
  };
  assertEquals(codes(odd), ["primary", "no_report", "no_data"]);
  const tagged = openState({
    members: membersOf(
      member(1),
      member(2, { tags: { nofailover: true } }),
      member(3, { incarnation: 31 }),
    ),
  });
  assertEquals(codes(all, tagged), ["primary", "nofailover", "not_entered"]);
});

Deno.test("in an attempt it is told who has not sealed, and who has more", () => {
  const seen = {
    1: alive(report(1)),
    2: alive(sealedReport(2, 90)),
    3: alive(sealedReport(3, 100)),
  };
  assertEquals(codes(seen, sealingState()), [
    "not_sealed",
    "behind",
    "candidate",
  ]);
});
