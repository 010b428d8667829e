import { assert, assertEquals } from "@std/assert";
import type { ClusterState, Copy, SealedAt } from "./types.ts";
import { applicationName, copyOfName } from "./copies.ts";
import {
  bindingRules,
  isCovered,
  isNamed,
  isRuleChanging,
  isSameRule,
  mixedRules,
  mustComeBack,
  PLACEHOLDER_LIST,
  requiredOf,
  synchronousStandbyNames,
  uncoveredRules,
} from "./rules.ts";
import {
  copy,
  grantAt,
  grantedState,
  member,
  membersOf,
  openState,
  rule,
} from "./state_test_kit.ts";

function sealed(one: Copy): SealedAt {
  return { ...one, position: { epoch: 1, lsn: 1 } };
}

Deno.test("a rule is covered by its primary, or when fewer than k are unsealed (R2)", () => {
  const cases = [
    { standbys: [], required: 0, by: [], is: false },
    { standbys: [], required: 0, by: [2, 3], is: false },
    { standbys: [], required: 0, by: [1], is: true },
    { standbys: [2, 3], required: 1, by: [1], is: true },
    { standbys: [2, 3], required: 1, by: [2], is: false },
    { standbys: [2, 3], required: 1, by: [2, 3], is: true },
    { standbys: [2], required: 1, by: [2], is: true },
    { standbys: [2, 3, 4, 5], required: 2, by: [2, 3], is: false },
    { standbys: [2, 3, 4, 5], required: 2, by: [2, 3, 4], is: true },
    { standbys: [2, 3, 4, 5], required: 2, by: [2, 3, 6], is: false },
  ];
  for (const { standbys, required, by, is } of cases) {
    const text = `${required} of ${standbys} by ${by}`;
    const copies = by.map((id) => sealed(copy(id)));
    assertEquals(isCovered(rule(standbys, required), copies), is, text);
  }
});

Deno.test("another incarnation covers nothing (R3)", () => {
  const two = [sealed(copy(2, 21)), sealed(copy(3))];
  assertEquals(isCovered(rule([2, 3], 1), two), false);
  assertEquals(isCovered(rule([2, 3], 1), [sealed(copy(1, 11))]), false);
  assertEquals(isCovered(rule([], 0), [sealed(copy(1, 11))]), false);
});

Deno.test("a sealed copy without a position covers the epochs that it was never told to follow (R2, R3)", () => {
  const second = rule([2, 3], 1, { number: 2, epoch: 2 });
  const blank = (one: Copy, followed?: number): SealedAt => ({
    ...one,
    position: null,
    ...followed === undefined ? {} : { followed },
  });
  const three = sealed(copy(3));
  assert(isCovered(second, [three, blank(copy(2), 1)]));
  assertEquals(isCovered(second, [three, blank(copy(2), 2)]), false);
  assertEquals(isCovered(second, [three, blank(copy(2))]), false);
  assertEquals(isCovered(second, [three, blank(copy(2, 21), 1)]), false);
  // As the primary it has what nobody else has, and a later grant is gone on from with data only.
  assertEquals(isCovered(second, [blank(copy(1), 1)]), false);
  const passed = openState({
    grants: [grantAt(1), grantAt(2, { winner: copy(2) })],
    rules: [rule([2, 3], 1)],
  });
  assertEquals(uncoveredRules(passed, [blank(copy(2), 2)]).length, 1);
});

Deno.test("every rule in force must be covered, also one that nobody acted on (R1)", () => {
  const second = rule([1, 3], 1, { number: 2, epoch: 2, primary: copy(2) });
  const state = openState({ rules: [rule([2, 3], 1), second] });
  const left = (...ids: number[]): number[] =>
    uncoveredRules(state, ids.map((id) => sealed(copy(id))))
      .map((one) => one.number);
  assertEquals(left(1, 3), []);
  assertEquals(left(2, 3), []);
  assertEquals(left(1), [2]);
  assertEquals(left(3), [1, 2]);
});

Deno.test("while rules change, the smallest k of all copies that they name may have been enough (R18)", () => {
  // Node 2's walsender is late: it still says of itself that it counts, and the others ask for one already.
  const leaving = openState({
    rules: [rule([2, 3, 4], 2), rule([3, 4], 1, { number: 2 })],
  });
  const left = (state: typeof leaving, ...ids: number[]): number[] =>
    uncoveredRules(state, ids.map((id) => sealed(copy(id))))
      .map(({ required }) => required);
  assertEquals(left(leaving, 3, 4), [1]);
  assertEquals(left(leaving, 2, 3, 4), []);
  assertEquals(left(leaving, 1), []);
  const coming = openState({
    rules: [rule([2, 3], 1), rule([2, 3, 4], 2, { number: 2 })],
  });
  assertEquals(left(coming, 2, 3), [1]);
  assertEquals(left(coming, 2, 3, 4), []);
  // One that lets everything go is covered by its primary alone, and of other reigns no walsender is left.
  assertEquals(
    mixedRules([rule([2, 3], 1), rule([], 0, { number: 2 })]),
    [],
  );
  assertEquals(
    mixedRules([rule([2, 3], 1), rule([2, 3], 1, { number: 2, epoch: 2 })]),
    [],
  );
  // A reign that began meanwhile and has not opened leaves those of the one before in force.
  const next = rule([4], 1, { number: 3, epoch: 2, primary: copy(3) });
  const before = [rule([2, 3, 4], 2), rule([3, 4], 1, { number: 2 })];
  assertEquals(
    mixedRules([...before, next]).map(({ epoch, required }) => [
      epoch,
      required,
    ]),
    [[1, 1]],
  );
});

Deno.test("before a rule is proved, walsenders come back whose copy left, and all where k grows (R18)", () => {
  const back = (...rules: ReturnType<typeof rule>[]): number[] => {
    const state = openState({ rules });
    const newest = rules.at(-1);
    return [2, 3, 4].filter((id) =>
      newest && mustComeBack(state, newest, copy(id))
    );
  };
  const second = { number: 2 };
  assertEquals(back(rule([2, 3], 1)), []);
  assertEquals(back(rule([2, 3], 1), rule([2], 1, second)), [3]);
  assertEquals(back(rule([2, 3, 4], 2), rule([3, 4], 1, second)), [2]);
  assertEquals(back(rule([2, 3], 1), rule([2, 3, 4], 1, second)), []);
  assertEquals(back(rule([2, 3], 1), rule([2, 3, 4], 2, second)), [2, 3, 4]);
  assertEquals(back(rule([2, 3], 1), rule([], 0, second)), []);
  const other = { ...second, epoch: 2, primary: copy(2) };
  assertEquals(back(rule([2, 3], 1), rule([4], 1, other)), []);
});

Deno.test("k is half of those who count, and no death changes it (R6)", () => {
  const of = (n: number): number =>
    requiredOf(openState({
      members: membersOf(
        ...Array.from({ length: n }, (_, i) => member(i + 1)),
      ),
    }));
  assertEquals([1, 2, 3, 4, 5, 6, 7].map(of), [0, 1, 1, 2, 2, 3, 3]);
  const others = openState({
    members: membersOf(
      member(1),
      member(2, { tags: { nosync: true } }),
      member(3, { leaving: true }),
      member(4, { counted: false }),
    ),
  });
  assertEquals(requiredOf(others), 0);
  assertEquals(requiredOf(openState({ mode: "off" })), 0);
});

Deno.test("the list names copies one by one and is never empty for k of 1 or more (R5, T10)", () => {
  const names = (standbys: number[], required: number): string =>
    synchronousStandbyNames(rule(standbys, required));
  assertEquals(names([2, 3], 1), 'ANY 1 ("pgraft_2_k_1", "pgraft_3_u_1")');
  assertEquals(names([], 1), 'ANY 1 ("pgraft_nobody")');
  assertEquals(names([2], 2), 'ANY 2 ("pgraft_2_k_1", "pgraft_nobody1")');
  assertEquals(
    names([], 2),
    'ANY 2 ("pgraft_nobody", "pgraft_nobody1")',
  );
  assertEquals(names([], 0), "");
  assertEquals(PLACEHOLDER_LIST, 'ANY 1 ("pgraft_nobody")');
});

Deno.test("a replication connection's name tells the copy, and the placeholder is none (R3)", () => {
  for (const one of [copy(2), copy(12, 281474976710655), copy(1, 1)]) {
    const named = copyOfName(applicationName(one, 7));
    assertEquals(named, { copy: one, epoch: 7 });
  }
  for (
    const name of [
      "pgraft_nobody",
      "pgraft_nobody1",
      "*",
      "pgraft_2",
      "pgraft_2_k",
    ]
  ) {
    assertEquals(copyOfName(name), null, name);
  }
});

Deno.test("rules are the same when they ask for the same copies in any order", () => {
  assert(isSameRule(rule([2, 3], 1), rule([3, 2], 1)));
  assertEquals(isSameRule(rule([2, 3], 1), rule([2, 3], 2)), false);
  assertEquals(isSameRule(rule([2, 3], 1), rule([2], 1)), false);
  assertEquals(isSameRule(rule([2, 3], 1), rule([2, copy(3, 31)], 1)), false);
});

Deno.test("a rule changes while two of the newest epoch are in force (R18)", () => {
  const next = rule([2], 1, { number: 2 });
  const other = rule([1], 1, { number: 2, epoch: 2, primary: copy(2) });
  const changing = (...rules: ReturnType<typeof rule>[]): boolean =>
    isRuleChanging(openState({ rules }));
  assertEquals(changing(rule([2, 3], 1)), false);
  assert(changing(rule([2, 3], 1), next));
  assertEquals(changing(rule([2, 3], 1), other), false);
});

Deno.test("a copy is named by any rule in force, as primary or standby", () => {
  const state = openState();
  assert(isNamed(state, copy(1)));
  assert(isNamed(state, copy(3)));
  assertEquals(isNamed(state, copy(3, 31)), false);
});

Deno.test("a reign that has not opened binds nobody who comes after it (R1, R21)", () => {
  const numbers = (state: ClusterState): number[] =>
    bindingRules(state).map(({ number }) => number);
  assertEquals(numbers(grantedState()), [1]);
  assertEquals(numbers(openState()), [1]);
  const opened = { kind: "open", epoch: 2, handover: null } as const;
  assertEquals(numbers(grantedState({ phase: opened })), [1, 2]);
});

Deno.test("a rule is passed by who goes on from a later grant, which covered it (R1, R2)", () => {
  // Node 2 won epoch 2 with all that rule 1 let through; node 3 was cloned since, and node 1 is dead.
  const state = openState({
    grants: [grantAt(1), grantAt(2, { winner: copy(2) })],
    rules: [rule([2, 3], 1)],
  });
  const left = (one: Copy, epoch: number): number =>
    uncoveredRules(state, [{ ...one, position: { epoch, lsn: 1 } }]).length;
  assertEquals(left(copy(2), 1), 0);
  assertEquals(left(copy(3, 31), 2), 0);
  assertEquals(left(copy(3, 31), 1), 1);
  assertEquals(left(copy(2, 21), 1), 1);
});
