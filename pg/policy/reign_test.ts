import { assert, assertEquals } from "@std/assert";
import {
  type ClusterCommand,
  type ClusterState,
  type Copy,
  isCovered,
  type Rule,
  type SyncMode,
} from "../cluster/mod.ts";
import { decide } from "./decide.ts";
import {
  alive,
  copy,
  done,
  inputOf,
  member,
  membersOf,
  openState,
  primaryReport,
  report,
  rule,
  unheard,
} from "./policy_test_kit.ts";
import type { Observation, PrimaryReport } from "./report.ts";

type Others = Readonly<Record<number, Observation>>;

function commandOf(
  state: ClusterState,
  primary: Partial<PrimaryReport> = {},
  others: Others = {},
): ClusterCommand | null {
  const seen = {
    1: alive(primaryReport(primary)),
    2: alive(report(2)),
    3: alive(report(3)),
    ...others,
  };
  const raftMembers = [...state.members.keys()];
  return decide(state, inputOf(seen, { raftMembers })).command;
}

/** What a proposed rule asks for: k and the copies; null for none. */
function proposed(
  state: ClusterState,
  primary: Partial<PrimaryReport> = {},
  others: Others = {},
): readonly [number, readonly Copy[]] | null {
  const command = commandOf(state, primary, others);
  if (command === null) return null;
  assert(command.type === "propose_rule", command.type);
  // It must fit the state that it was decided on.
  done(state, command);
  return [command.required, command.standbys];
}

function streaming(
  ...copies: readonly (number | Copy)[]
): PrimaryReport["standbys"] {
  return copies.map((one) => ({
    copy: typeof one === "number" ? copy(one) : one,
    streaming: true,
    flushLsn: 100,
  }));
}

/** Nodes 1 and 2, and witnesses; node 1 reigns under the rules. */
function two(
  rules: readonly Rule[] = [rule([2], 1)],
  mode: SyncMode = "quorum",
): ClusterState {
  return openState({
    mode,
    members: membersOf(member(1), member(2)),
    rules,
    lastRule: rules.at(-1)?.number ?? 0,
  });
}

Deno.test("who is to give its copy up is let go of also while it streams (R4)", () => {
  const needs = { 3: alive(report(3, { needsClone: true })) };
  const seen = { standbys: streaming(2, 3) };
  assertEquals(proposed(openState(), seen, needs), [1, [copy(2)]]);
});

Deno.test("a rule that is what the membership asks for stays, whoever dies (R1, R18)", () => {
  assertEquals(proposed(openState()), null);
  const dead = { 3: unheard("gone", 60_000) };
  const absent = { standbys: streaming(2), absent: [{ id: 3, ms: 60_000 }] };
  assertEquals(proposed(openState(), absent, dead), null);
  const all = {
    standbys: [],
    absent: [{ id: 2, ms: 9000 }, { id: 3, ms: 9000 }],
  };
  assertEquals(proposed(openState(), all, dead), null);
});

Deno.test("a newcomer counts once it has caught up, and only then enters the rule (R4, R18)", () => {
  const state = openState({
    members: membersOf(
      member(1),
      member(2),
      member(3),
      member(4, { counted: false }),
      member(5, { counted: false, tags: { nosync: true } }),
    ),
  });
  const behind = (bytes: number): PrimaryReport["standbys"] => [
    ...streaming(2, 3, 5),
    { copy: copy(4), streaming: true, flushLsn: (9 << 20) - bytes },
  ];
  const flushLsn = 9 << 20;
  const standbys = behind((1 << 20) + 1);
  assertEquals(commandOf(state, { flushLsn, standbys }), null);
  const near = behind(1 << 20);
  assertEquals(commandOf(state, { flushLsn, standbys: near }), {
    type: "count",
    id: 4,
  });
  const counted = done(state, { type: "count", id: 4 });
  const [k, copies] = proposed(counted, { flushLsn, standbys: near }) ?? [];
  assertEquals([k, copies], [2, [copy(2), copy(3), copy(4)]]);
});

Deno.test("another copy of a member is no part of the rule before it has caught up (R3, R4)", () => {
  const state = openState({
    members: membersOf(member(1), member(2), member(3, { incarnation: 31 })),
  });
  assertEquals(proposed(state, { standbys: streaming(2, 3) }), [1, [copy(2)]]);
  const both = { standbys: streaming(2, copy(3, 31)) };
  assertEquals(proposed(state, both), [1, [copy(2), copy(3, 31)]]);
});

Deno.test("a copy that is to be given up leaves the rule first (R4)", () => {
  const needs = { 3: alive(report(3, { needsClone: true })) };
  assertEquals(
    proposed(openState(), { standbys: streaming(2) }, needs),
    [1, [copy(2)]],
  );
});

Deno.test("who leaves or must not hold commits is taken out of the rule (R18)", () => {
  for (const patch of [{ leaving: true }, { tags: { nosync: true } }]) {
    const state = openState({
      members: membersOf(member(1), member(2), member(3, patch)),
    });
    assertEquals(proposed(state), [1, [copy(2)]]);
  }
});

Deno.test("the rule changes by what the primary of this epoch tells, and not in a pause (R10, R33)", () => {
  const leaving = openState({
    members: membersOf(member(1), member(2), member(3, { leaving: true })),
  });
  assert(proposed(leaving) !== null);
  assertEquals(proposed(leaving, { epoch: 9 }), null);
  assertEquals(proposed({ ...leaving, paused: true }), null);
});

Deno.test("one change of rule at a time, but for one that can't be finished (R18)", () => {
  const rules = [rule([2, 3], 1), rule([2], 1, { number: 2 })];
  const state = openState({ rules, lastRule: 2 });
  // Node 3 would like to come back; the change under way goes first.
  assertEquals(proposed(state), null);
  assertEquals(proposed(state, { standbys: streaming(3) }), [
    1,
    [copy(2), copy(3)],
  ]);
});

Deno.test("of two data members the survivor goes on alone in mode quorum, and waits in mode strict (R6)", () => {
  const absent = (ms: number): Partial<PrimaryReport> => ({
    standbys: [],
    absent: [{ id: 2, ms }],
  });
  const gone = { 2: unheard("gone", 5) };
  assertEquals(proposed(two(), absent(999)), null);
  assertEquals(proposed(two(), absent(1000)), [0, []]);
  assertEquals(proposed(two(), absent(5), gone), [0, []]);
  assertEquals(proposed(two(undefined, "strict"), absent(9000), gone), null);
});

Deno.test("the degraded rule goes back to one standby when it has caught up (R6)", () => {
  const degraded = two([rule([], 0)]);
  const gone = { 2: unheard("gone", 5) };
  const absent = { standbys: [], absent: [{ id: 2, ms: 5 }] };
  assertEquals(proposed(degraded, absent, gone), null);
  assertEquals(proposed(degraded, absent), null);
  assertEquals(proposed(degraded, { standbys: streaming(2) }), [1, [copy(2)]]);
});

Deno.test("a standby that dies while the rule goes back to it stops no writes (R6, R18)", () => {
  const returning = two([rule([], 0), rule([2], 1, { number: 2 })]);
  const absent = { standbys: [], absent: [{ id: 2, ms: 1000 }] };
  assertEquals(proposed(returning, absent), [0, []]);
  const again = done(returning, {
    type: "propose_rule",
    epoch: 1,
    replaces: 2,
    standbys: [],
    required: 0,
  });
  // Nobody but the primary covers what it may have let through meanwhile (R1).
  assert(
    again.rules.some((one) =>
      !isCovered(one, [{ ...copy(2), position: { epoch: 1, lsn: 100 } }])
    ),
  );
  assertEquals(proposed(again, absent), null);
});

Deno.test("two founders go on as one when the other dies before it has a copy (R6)", () => {
  const state = openState({
    phase: { kind: "granted", epoch: 1 },
    members: membersOf(member(1), member(2, { incarnation: null })),
    rules: [rule([], 1)],
  });
  const none = { standbys: [], absent: [{ id: 2, ms: 60_000 }] };
  assertEquals(proposed(state, none), null);
  assertEquals(proposed(state, none, { 2: unheard("gone", 5) }), [0, []]);
  assertEquals(proposed(state, none, { 2: unheard("silent", 1000) }), [0, []]);
  const strict: ClusterState = { ...state, mode: "strict" };
  assertEquals(proposed(strict, none, { 2: unheard("gone", 5) }), null);
});

Deno.test("in mode strict a standby that must clone is replaced by its new copy (R4, R6)", () => {
  const state = two(undefined, "strict");
  const needs = { 2: alive(report(2, { needsClone: true })) };
  const none = { standbys: [] };
  assertEquals(proposed(state, none, needs), [1, []]);
  const entered = done(
    state,
    {
      type: "propose_rule",
      epoch: 1,
      replaces: 1,
      standbys: [],
      required: 1,
    },
    { type: "enter", id: 2, incarnation: 21, replaces: 20, epoch: 1 },
  );
  assertEquals(proposed(entered, none), null);
  const back = { standbys: streaming(copy(2, 21)) };
  assertEquals(proposed(entered, back), [1, [copy(2, 21)]]);
});

Deno.test("mode off asks for nobody, and coming back asks for who has caught up (R30)", () => {
  assertEquals(proposed(openState({ mode: "off" })), [0, []]);
  const off = openState({ rules: [rule([], 0)] });
  assertEquals(proposed(off), [1, [copy(2), copy(3)]]);
});

Deno.test("a switchover begins after the checkpoint, and is dropped when its target is gone (R32)", () => {
  const state = done(openState(), { type: "handover", epoch: 1, target: 3 });
  assertEquals(commandOf(state), null);
  assertEquals(commandOf(state, { handover: 9 }), null);
  const command = commandOf(state, { handover: 1 });
  assert(command?.type === "attempt");
  assertEquals(command.attempt, { kind: "planned", target: 3 });
  done(state, command);
  assertEquals(
    commandOf(state, { handover: 1 }, { 3: unheard("gone", 5) }),
    { type: "drop_handover", epoch: 1, number: 1 },
  );
});

Deno.test("a member that left the group leaves the rule, and is forgotten then (R18)", () => {
  const seen = {
    1: alive(primaryReport({ standbys: streaming(2) })),
    2: alive(report(2)),
  };
  const next = (state: ClusterState): ClusterCommand | null =>
    decide(state, inputOf(seen, { raftMembers: [1, 2] })).command;
  let state = openState();
  const types: string[] = [];
  for (let command = next(state); command; command = next(state)) {
    types.push(command.type);
    state = done(state, command);
    if (command.type !== "propose_rule") continue;
    state = done(state, {
      type: "retire_rules",
      epoch: 1,
      primary: copy(1),
      rule: state.lastRule,
    });
  }
  assertEquals(types, ["leave", "propose_rule", "forget"]);
  assertEquals([...state.members.keys()], [1, 2]);
});
