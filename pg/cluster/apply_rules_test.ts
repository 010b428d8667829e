import { assertEquals, assertMatch } from "@std/assert";
import {
  copy,
  done,
  grantedState,
  member,
  openState,
  refused,
  rule,
  sealingState,
} from "./state_test_kit.ts";
import { MAX_RULES } from "./types.ts";

Deno.test("old and new rule are both in force until the new one has been proved (R18)", () => {
  const propose = {
    type: "propose_rule",
    epoch: 1,
    replaces: 1,
    standbys: [copy(2)],
    required: 1,
  } as const;
  const retire = {
    type: "retire_rules",
    epoch: 1,
    primary: copy(1),
    rule: 2,
  } as const;
  const state = done(openState(), propose);
  assertEquals(state.rules, [rule([2, 3], 1), rule([2], 1, { number: 2 })]);
  assertMatch(refused(state, propose), /changed meanwhile/);
  assertMatch(refused(sealingState(), propose), /epoch is over/);
  assertMatch(refused(state, { ...propose, epoch: 2 }), /epoch is over/);
  assertMatch(refused(state, { ...retire, rule: 1 }), /changed again/);
  assertMatch(refused(state, { ...retire, primary: copy(2) }), /Another/);
  assertMatch(refused(state, { ...retire, epoch: 2 }), /epoch is over/);
  assertMatch(refused(grantedState(), { ...retire, epoch: 2 }), /not open/);
  assertEquals(done(state, retire).rules.map(({ number }) => number), [2]);
});

Deno.test("a change that cannot be finished is replaced, with a bound, and all stay in force (R1, R18)", () => {
  let state = openState();
  for (let number = 1; number < MAX_RULES; number += 1) {
    state = done(state, {
      type: "propose_rule",
      epoch: 1,
      replaces: number,
      standbys: [],
      required: number % 2,
    });
  }
  assertEquals(state.rules.length, MAX_RULES);
  assertMatch(
    refused(state, {
      type: "propose_rule",
      epoch: 1,
      replaces: MAX_RULES,
      standbys: [],
      required: 0,
    }),
    /Too many/,
  );
  const retired = done(state, {
    type: "retire_rules",
    epoch: 1,
    primary: copy(1),
    rule: MAX_RULES,
  });
  assertEquals(retired.rules.map(({ number }) => number), [MAX_RULES]);
});

Deno.test("a new copy enters in the reign that it was told of, and never for the primary (R3, R4)", () => {
  const enter = {
    type: "enter",
    id: 3,
    incarnation: 31,
    replaces: 30,
    epoch: 1,
  } as const;
  const state = done(openState(), enter);
  assertEquals(state.members.get(3), member(3, { incarnation: 31 }));
  // The rule goes on to name the old one, and the new one does not cover it.
  assertEquals(state.rules, openState().rules);
  assertMatch(refused(state, enter), /another copy/);
  assertMatch(refused(openState(), { ...enter, epoch: 2 }), /epoch is over/);
  assertMatch(refused(sealingState(), enter), /epoch is over/);
  assertMatch(refused(openState(), { ...enter, id: 9 }), /no member/);
  assertMatch(
    refused(openState(), { ...enter, id: 1, replaces: 10 }),
    /the primary/,
  );
});
