import { assert, assertEquals } from "@std/assert";
import type { ClusterState } from "../cluster/mod.ts";
import { decide } from "./decide.ts";
import {
  alive,
  copy,
  done,
  grantAt,
  inputOf,
  member,
  membersOf,
  primaryReport,
  report,
  rule,
  sealedReport,
  sealingState,
  unheard,
} from "./policy_test_kit.ts";
import type { Observation } from "./report.ts";
import {
  fiveNodes,
  type Outcome,
  outcome,
  sealedAt,
  type Seen,
} from "./sealing_test_kit.ts";

Deno.test("nobody who is in maintenance is granted an epoch, and what it holds counts", () => {
  const state = sealingState({
    members: membersOf(member(1), member(2, { maintenance: true }), member(3)),
  });
  assertEquals(outcome(sealedAt({ 2: 100, 3: 100 }), state), ["grant", 3]);
});

Deno.test("an epoch waits until what is sealed covers every rule in force (R2)", () => {
  assertEquals(outcome({}), ["uncovered", null]);
  assertEquals(outcome(sealedAt({ 2: 100 })), ["uncovered", null]);
  assertEquals(outcome(sealedAt({ 2: 100, 3: 90 })), ["grant", 2]);
  assertEquals(outcome(sealedAt({ 1: 100 })), ["grant", 1]);
  const two = sealingState({
    rules: [
      rule([2, 3], 1),
      rule([1, 3], 1, { number: 2, epoch: 2, primary: copy(2) }),
    ],
    phase: {
      kind: "sealing",
      epoch: 3,
      attempt: { kind: "automatic" },
      catchUp: null,
    },
    grants: [grantAt(1), grantAt(2, { winner: copy(2) })],
  });
  const for3 = (id: number): Observation =>
    alive(sealedReport(id, 50, { sealed: 3, pledge: 3 }));
  assertEquals(outcome({ 1: for3(1) }, two), ["uncovered", null]);
  assertEquals(outcome({ 1: for3(1), 3: for3(3) }, two), ["grant", 1]);
});

Deno.test("reports of another attempt, of no data, of another copy cover nothing (R3, R10, R11)", () => {
  const good = sealedAt({ 2: 100 });
  const others = [
    sealedReport(3, 90, { sealed: 1 }),
    sealedReport(3, 90, { sealed: 0 }),
    sealedReport(3, 90, { position: null }),
    sealedReport(3, 90, { incarnation: null }),
    sealedReport(3, 90, { incarnation: 31 }),
  ];
  for (const other of others) {
    assertEquals(outcome({ ...good, 3: alive(other) }), ["uncovered", null]);
  }
});

Deno.test("who must not win covers and is a source; the best of the others streams first (R16)", () => {
  const state = sealingState({
    members: membersOf(
      member(1),
      member(2),
      member(3, { tags: { nofailover: true } }),
    ),
  });
  const seen = sealedAt({ 2: 80, 3: 100 });
  const { command } = decide(state, inputOf(seen));
  assertEquals(command, {
    type: "catch_up",
    epoch: 2,
    catchUp: { source: copy(3), target: copy(2), epoch: 1, lsn: 100 },
  });
  assert(command);
  const under = done(state, command);
  assertEquals(outcome(seen, under), ["catching_up", null]);
  assertEquals(outcome(sealedAt({ 2: 100, 3: 100 }), under), ["grant", 2]);
  assertEquals(outcome(sealedAt({ 3: 100, 1: 90 }), state), ["catch_up", 1]);
});

Deno.test("a target that streams is not changed for another one (R16)", () => {
  const state = fiveNodes({ 5: { nofailover: true } });
  const first = sealedAt({ 2: 80, 3: 70, 4: 60, 5: 100 });
  const { command } = decide(state, inputOf(first));
  assert(command?.type === "catch_up" && command.catchUp?.target.id === 2);
  const under = done(state, command);
  const streaming = {
    ...sealedAt({ 3: 70, 4: 60, 5: 100 }),
    2: alive(report(2, { pledge: 2 })),
  };
  assertEquals(outcome(streaming, under), ["catching_up", null]);
  const dead = { ...streaming, 2: unheard("gone", 5) };
  assertEquals(outcome(dead, under), ["catch_up", 3]);
});

Deno.test("who has another history than the source is no target: it would have to rewind (R16, R29)", () => {
  const state = sealingState({
    members: membersOf(
      member(1),
      member(2),
      member(3, { tags: { nofailover: true } }),
    ),
    grants: [grantAt(1), grantAt(2, { winner: copy(2) })],
    rules: [rule([1, 3], 1, { number: 2, epoch: 2, primary: copy(2) })],
    phase: {
      kind: "sealing",
      epoch: 3,
      attempt: { kind: "automatic" },
      catchUp: null,
    },
  });
  const at = (id: number, epoch: number, lsn: number): Observation =>
    alive(sealedReport(id, 0, { sealed: 3, position: { epoch, lsn } }));
  const source = { 3: at(3, 2, 250) };
  assertEquals(
    outcome({ ...source, 1: at(1, 1, 101) }, state),
    ["highest_unreachable", null],
  );
  const seen = { ...source, 1: at(1, 1, 100) };
  assertEquals(outcome(seen, state), ["catch_up", 1]);
  const { command } = decide(state, inputOf(seen));
  assert(command?.type === "catch_up");
  assertEquals(command.catchUp?.epoch, 2);
});

Deno.test("a catch-up ends with its source, so that its target seals again (R12, R16)", () => {
  const state = done(fiveNodes({ 5: { nofailover: true } }), {
    type: "catch_up",
    epoch: 2,
    catchUp: { source: copy(5), target: copy(2), epoch: 1, lsn: 100 },
  });
  const rest = {
    ...sealedAt({ 3: 70, 4: 60 }),
    2: alive(report(2, { pledge: 2 })),
  };
  const gone = { ...rest, 5: unheard("gone", 5, sealedReport(5, 100)) };
  assertEquals(outcome(gone, state), ["catch_up", null]);
  const silent = { ...rest, 5: unheard("silent", 1000, sealedReport(5, 100)) };
  assertEquals(outcome(silent, state), ["catch_up", null]);
  const there = { ...rest, ...sealedAt({ 5: 100 }) };
  assertEquals(outcome(there, state), ["catching_up", null]);
});

Deno.test("a grant carries the rule of all who count, dead or alive, and a timeline above all seen (R1, R6, R17)", () => {
  const seen = {
    ...sealedAt({ 2: 100 }),
    3: alive(sealedReport(3, 90, { timeline: 7 })),
    1: unheard("gone", 5),
  };
  const { command } = decide(sealingState(), inputOf(seen));
  assert(command?.type === "grant");
  assertEquals(command.standbys, [copy(1), copy(3)]);
  assertEquals([command.required, command.timeline], [1, 11]);
  assertEquals([command.parent, command.startLsn], [1, 100]);
  assertEquals(command.coverage, "covered");
});

Deno.test("a promotion by hand makes no timeline that is granted later (R17, T27)", () => {
  const { command } = decide(sealingState(), inputOf(sealedAt({ 2: 1, 3: 1 })));
  assert(command?.type === "grant");
  // A standby that knows of nothing but epoch 1's timeline, 2, makes 3, and 4 from there.
  assert(command.timeline > 4);
});

Deno.test("of two data members the last one is granted the degraded rule, and waits in mode strict (R6, R20)", () => {
  const two = (mode: "quorum" | "strict"): ClusterState =>
    sealingState({
      mode,
      members: membersOf(member(1), member(2)),
      rules: [rule([2], 1)],
    });
  const ruleOf = (
    other: Seen,
    mode: "quorum" | "strict",
    phaseMs = 10_000,
  ): number[] => {
    const seen = { ...sealedAt({ 2: 100 }), ...other };
    const { command } = decide(two(mode), inputOf(seen, { phaseMs }));
    assert(command?.type === "grant");
    return [command.required, command.standbys.length];
  };
  const gone = { 1: unheard("gone", 5) };
  assertEquals(ruleOf(gone, "quorum"), [0, 0]);
  assertEquals(ruleOf(gone, "strict"), [1, 1]);
  assertEquals(ruleOf({ 1: alive(null) }, "quorum"), [1, 1]);
  // A leader that has not heard of it yet does not do without it.
  assertEquals(ruleOf({}, "quorum", 999), [1, 1]);
  assertEquals(ruleOf({}, "quorum", 1000), [0, 0]);
});

Deno.test("mode off grants when the primary must have closed itself (R30)", () => {
  const off = sealingState({ mode: "off", rules: [rule([], 0)] });
  const two = sealedAt({ 2: 100 });
  const granted: Outcome = ["grant", 2];
  const waits: Outcome = ["uncovered", null];
  const cases: readonly [Seen, number, Outcome][] = [
    [{ ...two, 1: unheard("gone", 1999, primaryReport()) }, 9000, waits],
    [{ ...two, 1: unheard("gone", 2000, primaryReport()) }, 9000, granted],
    [{ ...two, 1: alive(report(1)) }, 9000, waits],
    // A new leader has not heard of it: as if it had been there when the phase was first seen; and what it
    // had, nobody can say.
    [two, 1999, waits],
    [two, 2000, ["lag", null]],
    // Somebody still streams from it.
    [{ ...two, 1: unheard("gone", 9000), 3: alive(report(3)) }, 9000, waits],
  ];
  for (const [seen, phaseMs, is] of cases) {
    assertEquals(outcome(seen, off, phaseMs), is);
  }
  // A rule of before, with standbys, is no matter of time.
  const older = sealingState({ mode: "off" });
  assertEquals(
    outcome({ ...two, 1: unheard("gone", 9000) }, older),
    waits,
  );
});

Deno.test("mode off gives up no more than it may, as far as the old primary was heard (R30)", () => {
  const off = sealingState({ mode: "off", rules: [rule([], 0)] });
  const heard = (flushLsn: number): Seen => ({
    ...sealedAt({ 2: 100 }),
    1: unheard("gone", 9000, primaryReport({ flushLsn })),
  });
  assertEquals(outcome(heard(1100), off), ["grant", 2]);
  assertEquals(outcome(heard(1101), off), ["lag", null]);
  // What the cluster's configuration says counts, and this node's file no more.
  assertEquals(
    outcome(heard(1101), { ...off, maximumLagBytes: 1001 }),
    ["grant", 2],
  );
  assertEquals(
    outcome(heard(1100), { ...off, maximumLagBytes: 999 }),
    ["lag", null],
  );
});

Deno.test("a copy that streamed a reign it was not told of covers it, and is not chosen (R2, R3, R14)", () => {
  const state = sealingState({
    phase: {
      kind: "sealing",
      epoch: 3,
      attempt: { kind: "automatic" },
      catchUp: null,
    },
    grants: [grantAt(1), grantAt(2)],
    rules: [rule([2, 3], 1, { number: 2, epoch: 2 })],
  });
  const sealed = { pledge: 3, sealed: 3 };
  const knows = alive(
    sealedReport(3, 50, { ...sealed, position: { epoch: 2, lsn: 50 } }),
  );
  const blank = (followed: number): Observation =>
    alive(sealedReport(2, 0, { ...sealed, position: null, followed }));
  assertEquals(outcome({ 2: blank(1), 3: knows }, state), ["grant", 3]);
  assertEquals(outcome({ 2: blank(2), 3: knows }, state), ["uncovered", null]);
  assertEquals(outcome({ 2: blank(1) }, state), ["uncovered", null]);
});

Deno.test("a forced attempt names the rules that it gives up (R31)", () => {
  const state = done(sealingState(), {
    type: "force",
    epoch: 2,
    target: 2,
    atMs: 0,
  });
  const { command } = decide(state, inputOf(sealedAt({ 2: 100 })));
  assert(command?.type === "grant");
  assertEquals(command.coverage, "forced");
  assertEquals(command.gaveUp, ["node 1 needs 1 of 2, 3 (epoch 1)"]);
  const covered = decide(state, inputOf(sealedAt({ 2: 100, 3: 90 })));
  assert(covered.command?.type === "grant");
  assertEquals(covered.command.coverage, "covered");
});

Deno.test("a forced attempt takes a clone that has not entered when it holds the most (R3, R31)", () => {
  const clone = alive(sealedReport(2, 100, { incarnation: 21 }));
  const seen = { 2: clone, 3: unheard("gone", 5) };
  assertEquals(outcome(seen), ["uncovered", null]);
  const force = { type: "force", epoch: 2, target: null, atMs: 0 } as const;
  const forced = done(sealingState(), force);
  const { command } = decide(forced, inputOf(seen));
  assert(command?.type === "grant");
  assertEquals(command.winner, copy(2, 21));
  // Where nothing is given up, it is left to those whom the rules name.
  const beside = { ...sealedAt({ 3: 50 }), 2: clone };
  const known = sealingState({ rules: [rule([copy(3)], 1)] });
  assertEquals(outcome(beside, done(known, force)), ["catch_up", 3]);
});

Deno.test("a forced attempt gives those who are there time to seal (R31)", () => {
  const forced = sealingState({
    phase: {
      kind: "sealing",
      epoch: 2,
      attempt: { kind: "forced", target: null },
      catchUp: null,
    },
  });
  const sealing = { ...sealedAt({ 2: 50 }), 3: alive(report(3)) };
  assertEquals(outcome(sealing, forced, 1999), ["forced", null]);
  assertEquals(outcome(sealing, forced, 2000), ["grant", 2]);
  const gone = { ...sealedAt({ 2: 50 }), 3: unheard("gone", 5) };
  assertEquals(outcome(gone, forced, 0), ["grant", 2]);
});

Deno.test("a switchover waits for its target and the old primary, and goes back to it in the end (R32)", () => {
  const state = (target: number | null): ClusterState =>
    sealingState({
      phase: {
        kind: "sealing",
        epoch: 2,
        attempt: { kind: "planned", target },
        catchUp: null,
      },
    });
  const others = sealedAt({ 2: 100, 3: 100 });
  const stopping = { ...others, 1: alive(primaryReport()) };
  assertEquals(outcome(stopping, state(3), 1999), ["planned", null]);
  assertEquals(outcome(stopping, state(3), 2000), ["grant", 3]);
  const all = sealedAt({ 1: 100, 2: 100, 3: 100 });
  assertEquals(outcome(all, state(3), 0), ["grant", 3]);
  assertEquals(outcome(all, state(null), 0), ["grant", 2]);
  // The target lacks the end of the log: another who has it, else the old primary.
  assertEquals(outcome(sealedAt({ 1: 100, 2: 100, 3: 9 }), state(3), 0), [
    "grant",
    2,
  ]);
  assertEquals(outcome(sealedAt({ 1: 100, 2: 9, 3: 9 }), state(3), 0), [
    "grant",
    1,
  ]);
  const dead = { ...sealedAt({ 1: 100, 2: 100 }), 3: unheard("gone", 5) };
  assertEquals(outcome(dead, state(3), 0), ["grant", 2]);
});

Deno.test("a pause holds an automatic attempt and lets a planned one go on (R33)", () => {
  const seen = sealedAt({ 2: 100, 3: 100 });
  assertEquals(outcome(seen, sealingState({ paused: true })), ["paused", null]);
  const planned = sealingState({
    paused: true,
    phase: {
      kind: "sealing",
      epoch: 2,
      attempt: { kind: "planned", target: 3 },
      catchUp: null,
    },
  });
  assertEquals(outcome(seen, planned), ["grant", 3]);
});

Deno.test("who leaves, or has a copy that is not known, does not win (R3, R18)", () => {
  const leaving = sealingState({
    members: membersOf(member(1), member(2, { leaving: true }), member(3)),
  });
  assertEquals(outcome(sealedAt({ 2: 100, 3: 100 }), leaving), ["grant", 3]);
  const fresh = {
    ...sealedAt({ 1: 90 }),
    2: alive(sealedReport(2, 100, { incarnation: 21 })),
  };
  assertEquals(outcome(fresh), ["catch_up", 1]);
});
