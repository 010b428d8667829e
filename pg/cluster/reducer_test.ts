import { assertEquals, assertMatch } from "@std/assert";
import {
  decodeCommand,
  decodeState,
  encodeCommand,
  encodeState,
} from "./codec.ts";
import type {
  AttemptCommand,
  ClusterCommand,
  FoundCommand,
  RegisterCommand,
} from "./commands.ts";
import { newestConfig } from "./apply_config.ts";
import { currentPrimary, newestEpoch } from "./copies.ts";
import {
  copy,
  done,
  grantAt,
  grantCommand,
  grantedState,
  member,
  membersOf,
  openState,
  refused,
  rule,
  sealingState,
} from "./state_test_kit.ts";
import {
  type ClusterState,
  EMPTY_STATE,
  MAX_CONFIGS,
  MAX_GRANTS,
  MAX_HISTORY,
  MAX_RULES,
} from "./types.ts";

function register(
  id: number,
  mode: "quorum" | "off" = "quorum",
): RegisterCommand {
  return {
    type: "register",
    id,
    host: `h${id}`,
    port: 5432,
    version: "15.18",
    mode,
  };
}

function found(founder: number, attempt: number): FoundCommand {
  return {
    type: "found",
    founder,
    attempt,
    systemId: "7000",
    incarnation: founder * 10,
    replicationPassword: "secret",
    parameters: {},
    atMs: 5,
  };
}

function attempt(patch: Partial<AttemptCommand> = {}): AttemptCommand {
  return {
    type: "attempt",
    epoch: 2,
    expected: { kind: "open", epoch: 1 },
    attempt: { kind: "automatic" },
    reason: "node_gone",
    detail: "gone",
    lostAtMs: 1,
    atMs: 2,
    ...patch,
  };
}

/** Three members that have registered, none of them with a database. */
function registered(): ClusterState {
  return done(EMPTY_STATE, register(1), register(2), register(3));
}

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

Deno.test("an epoch opens after its promotion only, and retires what the barrier stood over (R20)", () => {
  const command = {
    type: "opened",
    epoch: 2,
    winner: copy(2),
    rule: 2,
    barrierAtMs: 4,
    gapMs: null,
    atMs: 5,
  } as const;
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
    {
      type: "opened",
      epoch: 2,
      winner: copy(2),
      rule: 2,
      barrierAtMs: 4,
      gapMs: null,
      atMs: 5,
    },
  );
  assertEquals(state.rules.map(({ number }) => number), [2, 3]);
});

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

/** A database that was just made, with the first version of its configuration. */
function foundedState(): ClusterState {
  const appointed = { type: "appoint", founder: 1, after: 0 } as const;
  return done(registered(), appointed, found(1, 1));
}

function configure(after: number, value: string): ClusterCommand {
  return {
    type: "configure",
    after,
    parameters: { work_mem: value },
    author: "ann",
    comment: "",
    atMs: after,
  };
}

Deno.test("the configuration changes from the version it was decided on, and from no other", () => {
  assertMatch(refused(EMPTY_STATE, configure(0, "1MB")), /no database/);
  const founded = foundedState();
  assertEquals(newestConfig(founded)?.version, 1);
  const changed = done(founded, configure(1, "2MB"));
  assertEquals(newestConfig(changed), {
    version: 2,
    parameters: { work_mem: "2MB" },
    author: "ann",
    comment: "",
    atMs: 1,
  });
  assertMatch(refused(changed, configure(1, "3MB")), /version 2 by now/);
});

Deno.test("a version says what counts for the cluster, and what it says is in force", () => {
  const found1 = { ...found(1, 1), maximumLagBytes: 500 } as const;
  const appointed = { type: "appoint", founder: 1, after: 0 } as const;
  const founded = done(registered(), appointed, found1);
  assertEquals(newestConfig(founded)?.cluster, {
    synchronousMode: "quorum",
    maximumLagBytes: 500,
  });
  assertEquals(founded.maximumLagBytes, 500);
  const cluster = { synchronousMode: "off", maximumLagBytes: 900 } as const;
  const changed = done(founded, {
    type: "configure",
    after: 1,
    parameters: {},
    cluster,
    author: "ann",
    comment: "",
    atMs: 1,
  });
  assertEquals([changed.mode, changed.maximumLagBytes], ["off", 900]);
  assertEquals(newestConfig(changed)?.cluster, cluster);
});

Deno.test("entries and snapshots from before the cluster's settings had versions come to what they did", () => {
  const founded = foundedState();
  assertEquals(newestConfig(founded)?.cluster, undefined);
  const changed = done(
    founded,
    { type: "mode", mode: "strict" },
    configure(1, "2MB"),
  );
  assertEquals([changed.mode, changed.maximumLagBytes], ["strict", null]);
  assertEquals(newestConfig(changed)?.version, 2);
  assertEquals(newestConfig(changed)?.cluster, undefined);
  const { maximumLagBytes: _, ...old } = {
    ...changed,
    members: [...changed.members.values()],
  };
  const snapshot = new TextEncoder().encode(JSON.stringify(old));
  assertEquals(decodeState(snapshot), changed);
});

Deno.test("versions of the configuration are bounded, and newer ones stay", () => {
  let state = foundedState();
  for (let after = 1; after <= MAX_CONFIGS; after += 1) {
    state = done(state, configure(after, `${after}MB`));
  }
  assertEquals(state.configs.length, MAX_CONFIGS);
  assertEquals(state.configs[0]?.version, 2);
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

Deno.test("history and grants are bounded, and newer ones stay", () => {
  let state = openState();
  for (let epoch = 2; epoch <= MAX_GRANTS + 2; epoch += 1) {
    state = done(
      { ...state, rules: state.rules.slice(-1) },
      attempt({
        epoch,
        expected: state.phase as { kind: string; epoch: number },
      }),
      grantCommand({
        epoch,
        timeline: epoch + 1,
        coverage: "covered",
        sealed: [1, 2, 3].map((id) => ({
          ...copy(id),
          position: { epoch: 1, lsn: 1 },
        })),
      }),
    );
  }
  assertEquals(state.grants.length, MAX_GRANTS);
  assertEquals(state.grants.at(-1)?.epoch, MAX_GRANTS + 2);
  assertEquals(state.history.length, MAX_HISTORY);
});

Deno.test("state and commands survive a snapshot and the log", () => {
  const states = [EMPTY_STATE, openState(), done(openState(), attempt())];
  for (const state of states) {
    assertEquals(decodeState(encodeState(state)), state);
  }
  for (const command of [attempt(), grantCommand(), register(1)]) {
    assertEquals(decodeCommand(encodeCommand(command)), command);
  }
});

Deno.test("a snapshot of an older version gets what was added since", () => {
  const { lastHandover: _, ...older } = { ...openState(), members: [] };
  const bytes = new TextEncoder().encode(JSON.stringify(older));
  assertEquals(decodeState(bytes), openState({ members: membersOf() }));
});
