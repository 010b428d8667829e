import { assertEquals, assertMatch } from "@std/assert";
import { attempt, found, registered } from "./command_test_kit.ts";
import type { AttemptCommand, ClusterCommand } from "./commands.ts";
import { currentPrimary, newestEpoch } from "./copies.ts";
import {
  copy,
  done,
  grantAt,
  grantCommand,
  grantedState,
  openState,
  refused,
  rule,
  sealingState,
} from "./state_test_kit.ts";
import type { ClusterState } from "./types.ts";

Deno.test("one founder at a time is appointed, by compare-and-set (R34)", () => {
  const first = { type: "appoint", founder: 1, after: 0 } as const;
  const state = done(registered(), first);
  assertEquals(state.phase, { kind: "founding", founder: 1, attempt: 1 });
  assertMatch(refused(state, { ...first, founder: 2 }), /Another founder/);
  const second = done(state, { ...first, founder: 2, after: 1 });
  assertEquals(second.phase, { kind: "founding", founder: 2, attempt: 2 });
  assertMatch(refused(registered(), { ...first, founder: 9 }), /no member/);
  assertMatch(refused(openState(), first), /database already/);
});

Deno.test("a founder that was replaced meanwhile founds nothing (R34)", () => {
  const state = done(
    registered(),
    { type: "appoint", founder: 1, after: 0 },
    { type: "appoint", founder: 2, after: 1 },
  );
  assertMatch(refused(state, found(1, 1)), /Another founder/);
  assertMatch(refused(state, found(2, 1)), /Another founder/);
  assertMatch(refused(registered(), found(1, 0)), /Another founder/);
  const granted = done(state, found(2, 2));
  assertMatch(refused(granted, found(2, 2)), /Another founder/);
});

Deno.test("the founding grants epoch 1 under a rule that lets nobody commit alone (R6, R17)", () => {
  const state = done(
    registered(),
    { type: "appoint", founder: 1, after: 0 },
    found(1, 1),
  );
  assertEquals(state.phase, { kind: "granted", epoch: 1 });
  assertEquals(state.rules, [rule([], 1)]);
  assertEquals(state.grants, [
    grantAt(1, { promoted: false, timeline: 2, parent: 0 }),
  ]);
  assertEquals([...state.members.values()].map((one) => one.counted), [
    true,
    true,
    true,
  ]);
  assertEquals(state.history.map(({ kind, to }) => [kind, to]), [[
    "founding",
    1,
  ]]);
});

Deno.test("a database that was adopted reigns above all timelines that it knows (R17)", () => {
  const state = done(
    registered(),
    { type: "appoint", founder: 1, after: 0 },
    { ...found(1, 1), timeline: 8, isAdopted: true },
  );
  assertEquals(state.grants, [
    grantAt(1, { promoted: false, timeline: 8, parent: 0 }),
  ]);
  assertEquals(state.history.map(({ timeline, why }) => [timeline, why]), [
    [8, "It has the database that is adopted"],
  ]);
});

Deno.test("an attempt must follow the phase that it was decided on (R10)", () => {
  const state = done(openState(), attempt());
  assertEquals(state.phase.kind, "sealing");
  assertEquals([newestEpoch(state), currentPrimary(state)], [2, null]);
  assertEquals(state.rules, openState().rules);
  assertMatch(refused(state, attempt()), /sealing in epoch 2/);
  const refusals: readonly [Partial<AttemptCommand>, RegExp][] = [
    [{ expected: { kind: "granted", epoch: 1 } }, /open in epoch 1/],
    [{ expected: { kind: "open", epoch: 2 } }, /open in epoch 1/],
    [{ epoch: 3 }, /Another epoch/],
    [{ epoch: 1 }, /Another epoch/],
  ];
  for (const [patch, why] of refusals) {
    assertMatch(refused(openState(), attempt(patch)), why);
  }
  assertMatch(refused(registered(), attempt()), /no database/);
});

Deno.test("an attempt ends the rules of a reign that never opened, and no others (R1, R21)", () => {
  const next = (state: ClusterState, kind: "granted" | "open"): number[] =>
    done(state, attempt({ epoch: 3, expected: { kind, epoch: 2 } })).rules.map((
      { number },
    ) => number);
  assertEquals(next(grantedState(), "granted"), [1]);
  const phase = { kind: "open", epoch: 2, handover: null } as const;
  assertEquals(next(grantedState({ phase }), "open"), [1, 2]);
});

Deno.test("a pause refuses what policy begins and takes what an operator asks for (R33)", () => {
  const state = done(openState(), { type: "pause", paused: true });
  assertMatch(refused(state, attempt()), /paused/);
  const planned = { kind: "planned", target: 2 } as const;
  const asked = done(state, attempt({ attempt: planned }));
  assertEquals(asked.history.at(-1)?.kind, "switchover");
});

Deno.test("a grant is refused while a rule in force is not covered (R2)", () => {
  const [two, three] = grantCommand().sealed;
  const refusals: readonly ReturnType<typeof grantCommand>["sealed"][] = [
    [],
    two ? [two] : [],
    // No valid data, another incarnation: as good as not there (R3, R11).
    two && three ? [two, { ...three, position: null }] : [],
    two && three ? [two, { ...three, incarnation: 31 }] : [],
  ];
  for (const sealed of refusals) {
    const command = grantCommand({ sealed });
    assertMatch(refused(sealingState(), command), /Rule 1 is not covered/);
  }
  const older = sealingState({
    rules: [rule([], 0, { number: 1, primary: copy(9) }), rule([2, 3], 1)],
  });
  assertMatch(refused(older, grantCommand()), /Rule 1 is not covered/);
  const state = done(sealingState(), grantCommand());
  assertEquals(state.phase, { kind: "granted", epoch: 2 });
  assertEquals(state.rules.map(({ number, epoch }) => [number, epoch]), [
    [1, 1],
    [2, 2],
  ]);
});

Deno.test("an epoch is granted once, to a copy that is still there, with a timeline of its own (R10, R17)", () => {
  const granted = done(sealingState(), grantCommand());
  assertMatch(refused(granted, grantCommand()), /attempt is over/);
  assertMatch(refused(openState(), grantCommand()), /attempt is over/);
  assertMatch(
    refused(sealingState(), grantCommand({ epoch: 3 })),
    /attempt is over/,
  );
  assertMatch(
    refused(sealingState(), grantCommand({ winner: copy(2, 21) })),
    /another data directory/,
  );
  assertMatch(
    refused(sealingState(), grantCommand({ timeline: 2 })),
    /Timeline 2/,
  );
});

Deno.test("data may be given up in mode off and by a forced attempt only (R30, R31)", () => {
  const time = grantCommand({ coverage: "time", sealed: [] });
  const forced = grantCommand({ coverage: "forced", sealed: [] });
  assertMatch(refused(sealingState(), time), /Mode off only/);
  assertMatch(refused(sealingState(), forced), /Nobody gave leave/);
  assertMatch(refused(sealingState({ mode: "off" }), forced), /Nobody/);
  const off = done(sealingState({ mode: "off" }), time);
  assertEquals(off.rules.length, 2);
  const given = done(
    sealingState(),
    { type: "force", epoch: 2, target: null, atMs: 1 },
    forced,
  );
  // What was given up is in force no more.
  assertEquals(given.rules.map(({ epoch }) => epoch), [2]);
});

Deno.test("a copy that has not entered wins where rules are given up only, and enters by it (R3, R31)", () => {
  const unknown = { winner: copy(2, 21), sealed: [] };
  const force = { type: "force", epoch: 2, target: null, atMs: 1 } as const;
  const given = done(
    sealingState(),
    force,
    grantCommand({ ...unknown, coverage: "forced" }),
  );
  assertEquals(given.members.get(2)?.incarnation, 21);
  assertEquals(given.rules.at(-1)?.primary, copy(2, 21));
  const forced = done(sealingState(), force);
  assertMatch(refused(forced, grantCommand(unknown)), /another data directory/);
  const stranger = grantCommand({ winner: copy(9), coverage: "forced" });
  assertMatch(refused(forced, stranger), /no member/);
});

Deno.test("a grant to who had reigned is told as a restart (R16)", () => {
  const state = done(
    openState(),
    attempt(),
    grantCommand({
      winner: copy(1),
      sealed: [{ ...copy(1), position: { epoch: 1, lsn: 9 } }],
    }),
  );
  assertEquals(state.history.at(-1)?.kind, "restart");
});

Deno.test("force and catch_up need the attempt that they speak of (R10)", () => {
  const force = { type: "force", epoch: 2, target: 3, atMs: 1 } as const;
  const catchUp = { source: copy(3), target: copy(2), epoch: 1, lsn: 7 };
  assertMatch(refused(openState(), force), /attempt is over/);
  assertMatch(refused(sealingState(), { ...force, epoch: 3 }), /is over/);
  assertMatch(
    refused(openState(), { type: "catch_up", epoch: 2, catchUp }),
    /attempt is over/,
  );
  const state = done(sealingState(), { type: "catch_up", epoch: 2, catchUp });
  assertEquals(state.phase, {
    kind: "sealing",
    epoch: 2,
    attempt: { kind: "automatic" },
    catchUp,
  });
});

Deno.test("a promotion is taken from the winner, and tells where the timeline branches off (R17)", () => {
  const command = {
    type: "promoted",
    epoch: 2,
    winner: copy(2),
    switchLsn: 90,
    atMs: 3,
  } as const;
  const granted = done(sealingState(), grantCommand());
  const state = done(granted, command);
  assertEquals(
    state.grants.at(-1),
    grantAt(2, { winner: copy(2), startLsn: 90 }),
  );
  assertMatch(refused(granted, { ...command, epoch: 1 }), /epoch is over/);
  assertMatch(refused(sealingState(), command), /epoch is over/);
  for (const winner of [copy(3), copy(2, 21)]) {
    assertMatch(refused(granted, { ...command, winner }), /granted to another/);
  }
});

/** Node 2 opens epoch 2. */
const OPENED = {
  type: "opened",
  epoch: 2,
  winner: copy(2),
  rule: 2,
  barrierAtMs: 4,
  gapMs: null,
  atMs: 5,
} as const;

Deno.test("an epoch opens after its promotion only, and retires what the barrier stood over (R20)", () => {
  const command = OPENED;
  const state = done(grantedState(), command);
  assertEquals(state.phase, { kind: "open", epoch: 2, handover: null });
  assertEquals(state.rules.map(({ number }) => number), [2]);
  assertMatch(refused(state, command), /open already/);
  assertMatch(
    refused(done(sealingState(), grantCommand()), command),
    /has not promoted/,
  );
  assertMatch(refused(grantedState(), { ...command, rule: 1 }), /Rule 1/);
  assertMatch(refused(grantedState(), { ...command, rule: 9 }), /Rule 9/);
  const other = { ...command, winner: copy(2, 21) };
  assertMatch(refused(grantedState(), other), /granted to another/);
});

Deno.test("an opening keeps a rule that was proposed after its barrier (R18)", () => {
  const state = done(
    grantedState(),
    {
      type: "propose_rule",
      epoch: 2,
      replaces: 2,
      standbys: [copy(3)],
      required: 1,
    },
    OPENED,
  );
  assertEquals(state.rules.map(({ number }) => number), [2, 3]);
});

Deno.test("a switchover is prepared once, in the reign that it was asked in (R32)", () => {
  const ask = { type: "handover", epoch: 1, target: 2 } as const;
  const state = done(openState(), ask);
  assertEquals(state.phase, {
    kind: "open",
    epoch: 1,
    handover: { number: 1, target: 2 },
  });
  assertMatch(refused(state, ask), /under way/);
  assertMatch(refused(openState(), { ...ask, epoch: 2 }), /changed meanwhile/);
  assertMatch(refused(grantedState(), { ...ask, epoch: 2 }), /changed/);
  const drop = { type: "drop_handover", epoch: 1, number: 1 } as const;
  assertMatch(refused(state, { ...drop, number: 2 }), /is over/);
  assertMatch(refused(openState(), drop), /is over/);
  const again = done(state, drop, ask);
  assertEquals(again.lastHandover, 2);
});

Deno.test("a primary hands its reign over before it is worked on", () => {
  const work = (id: number): ClusterCommand => ({
    type: "maintenance",
    id,
    maintenance: true,
  });
  assertMatch(refused(openState(), work(1)), /switch over first/);
  const state = done(openState(), work(2));
  assertEquals(state.members.get(2)?.maintenance, true);
});
