import { assertEquals, assertMatch } from "@std/assert";
import { attempt, register } from "./command_test_kit.ts";
import type { ClusterCommand } from "./commands.ts";
import {
  done,
  member,
  membersOf,
  openState,
  refused,
  rule,
} from "./state_test_kit.ts";
import { EMPTY_STATE } from "./types.ts";

Deno.test("a member that registers anew keeps its copy, tags and count", () => {
  const before = openState({
    members: membersOf(member(1, { tags: { nofailover: true } })),
  });
  const after = done(before, { ...register(1), port: 6000 });
  assertEquals(
    after.members.get(1),
    member(1, { host: "h1", port: 6000, tags: { nofailover: true } }),
  );
  assertEquals(after.mode, "quorum");
});

Deno.test("the founders' files set the mode until it was set or there is a database", () => {
  assertEquals(done(EMPTY_STATE, register(1, "off")).mode, "off");
  const set = done(EMPTY_STATE, { type: "mode", mode: "strict" });
  assertEquals(done(set, register(1, "off")).mode, "strict");
  assertEquals(done(openState(), register(4, "off")).mode, "quorum");
});

Deno.test("a member leaves by steps: no rule names it, then it is forgotten (R18)", () => {
  const forget = { type: "forget", id: 3 } as const;
  assertMatch(refused(openState(), forget), /still names/);
  assertMatch(refused(openState(), { type: "leave", id: 1 }), /switch over/);
  assertMatch(refused(openState(), { type: "leave", id: 9 }), /no member/);
  const leaving = done(openState(), { type: "leave", id: 3 });
  assertEquals(leaving.members.get(3)?.leaving, true);
  assertMatch(refused(leaving, forget), /still names/);
  const free = done(openState({ rules: [rule([2], 1)] }), forget);
  assertEquals([...free.members.keys()], [1, 2]);
  assertMatch(refused(free, forget), /no member/);
});

Deno.test("what members gave up is told once for each, in the record of the epoch (R29)", () => {
  const gaveUp = {
    type: "gave_up",
    id: 1,
    epoch: 2,
    bytes: 10,
    commits: 1,
  } as const;
  const state = done(
    openState(),
    attempt(),
    gaveUp,
    { ...gaveUp, bytes: 20, commits: null },
    { ...gaveUp, id: 3 },
  );
  assertEquals(state.history.at(-1)?.givenUp, [
    { id: 1, bytes: 20, commits: null },
    { id: 3, bytes: 10, commits: 1 },
  ]);
  assertMatch(refused(openState(), gaveUp), /forgotten/);
});

Deno.test("words on members need the member", () => {
  const commands: readonly ClusterCommand[] = [
    { type: "count", id: 9 },
    { type: "away", id: 9, away: true },
    { type: "tags", id: 9, tags: member(1).tags },
    { type: "maintenance", id: 9, maintenance: true },
    { type: "order", id: 9, kind: "reload", inPlace: false, atMs: 0 },
  ];
  for (const command of commands) {
    assertMatch(refused(openState(), command), /no member/);
  }
  assertMatch(refused(openState(), { type: "count", id: 1 }), /already/);
  const away = done(openState(), { type: "away", id: 1, away: true });
  assertEquals(away.members.get(1), member(1, { away: true }));
});

Deno.test("a member has one order at a time, and an outcome belongs to its order", () => {
  const order = (kind: "restart" | "reload"): ClusterCommand => ({
    type: "order",
    id: 2,
    kind,
    inPlace: false,
    atMs: 5,
  });
  const outcome = { done: true, why: "" };
  const fulfil = (number: number): ClusterCommand => ({
    type: "fulfil",
    id: 2,
    number,
    outcome,
  });
  const asked = done(openState(), order("restart"), order("reload"));
  const { order: given } = asked.members.get(2) ?? {};
  assertEquals(given, {
    number: 2,
    kind: "reload",
    inPlace: false,
    atMs: 5,
    outcome: null,
  });
  assertMatch(refused(asked, fulfil(1)), /something else/);
  const carriedOut = done(asked, fulfil(2));
  assertEquals(carriedOut.members.get(2)?.order?.outcome, outcome);
});
