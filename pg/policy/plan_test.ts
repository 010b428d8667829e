import { assert, assertEquals } from "@std/assert";
import {
  type ClusterState,
  EMPTY_STATE,
  type Phase,
  type Rule,
} from "../cluster/mod.ts";
import { plan } from "./plan.ts";
import {
  copy,
  cutStandby,
  done,
  grantAt,
  grantCommand,
  grantedState,
  member,
  membersOf,
  openState,
  primaryServer,
  reigningView,
  rule,
  sealingState,
  standby,
  viewOf,
  type ViewPatch,
} from "./policy_test_kit.ts";
import type { Step } from "./steps.ts";
import type { LocalView, PrimaryServer, StandbyServer } from "./view.ts";

function kindOf(state: ClusterState, view: LocalView): Step["kind"] {
  return plan(state, view).kind;
}

const EMPTY = { kind: "empty" } as const;
const UNUSABLE = { kind: "unusable", why: "half" } as const;
const STOPPED = { kind: "stopped" } as const;

function planned(target: number | null = 2): ClusterState {
  return sealingState({
    phase: {
      kind: "sealing",
      epoch: 2,
      attempt: { kind: "planned", target },
      catchUp: null,
    },
  });
}

// Sealing

Deno.test("the pledge comes before everything else in an attempt, also beside a job (R11, R12)", () => {
  const views: readonly LocalView[] = [
    viewOf(2),
    reigningView(),
    viewOf(3, { data: EMPTY, server: STOPPED, saved: { incarnation: null } }),
    viewOf(3, { job: { kind: "clone", epoch: 1 } }),
    viewOf(3, { server: { kind: "hung", detail: "" } }),
  ];
  for (const view of views) {
    assertEquals(plan(sealingState(), view), { kind: "pledge", epoch: 2 });
  }
  const job = viewOf(3, {
    job: { kind: "clone", epoch: 1 },
    saved: { pledge: 2 },
  });
  assertEquals(kindOf(sealingState(), job), "idle");
});

Deno.test("a standby ends its stream, and only then is there nothing to do (R12, T13)", () => {
  const at = (patch: ViewPatch): Step["kind"] =>
    kindOf(
      sealingState(),
      viewOf(2, { ...patch, saved: { pledge: 2, ...patch.saved } }),
    );
  assertEquals(at({}), "cut_upstream");
  assertEquals(at({ server: cutStandby() }), "cut_upstream");
  assertEquals(at({ saved: { upstream: null } }), "cut_upstream");
  assertEquals(at({ server: cutStandby(), saved: { upstream: null } }), "idle");
  const starting = { kind: "starting" } as const;
  assertEquals(at({ server: starting, saved: { upstream: null } }), "idle");
  // One that was rewound may stream although nobody can look at it yet.
  assertEquals(at({ server: starting }), "stop");
});

Deno.test("a standby whose end is not known goes on to replay before it is sealed (R12, R13)", () => {
  const view = viewOf(2, {
    server: cutStandby({ replayDone: false }),
    saved: { pledge: 2, upstream: null },
  });
  assertEquals(kindOf(sealingState(), view), "finish_replay");
});

Deno.test("a primary is ended and comes back as a closed standby (R12, R23)", () => {
  const at = (server: LocalView["server"], state = sealingState()): Step =>
    plan(state, reigningView({ server, saved: { pledge: 2 } }));
  assertEquals(at(primaryServer()), {
    kind: "stop",
    mode: "immediate",
    why: "Epoch 2 begins",
  });
  assertEquals(at(STOPPED), { kind: "start" });
  assertEquals(at(cutStandby()).kind, "idle");
  for (
    const server of [{ kind: "hung", detail: "" }, {
      kind: "leftovers",
    }] as const
  ) {
    const step = at(server);
    assert(step.kind === "stop" && step.mode === "immediate");
  }
});

Deno.test("a planned end is in order, and standbys wait for it, for a while (R32, T25)", () => {
  const old = (phaseMs: number, server: LocalView["server"]): Step =>
    plan(planned(), reigningView({ phaseMs, server, saved: { pledge: 2 } }));
  const modeOf = (step: Step): string =>
    step.kind === "stop" ? step.mode : step.kind;
  assertEquals(modeOf(old(1499, primaryServer())), "fast");
  assertEquals(modeOf(old(1500, primaryServer())), "immediate");
  assertEquals(modeOf(old(400, STOPPED)), "start");
  const target = (phaseMs: number, server = standby()): Step["kind"] =>
    kindOf(planned(), viewOf(2, { phaseMs, server, saved: { pledge: 2 } }));
  assertEquals(target(1499), "idle");
  assertEquals(target(1500), "cut_upstream");
  assertEquals(target(0, standby({ streaming: false })), "cut_upstream");
  const inOrder = reigningView({
    server: STOPPED,
    data: { kind: "present", systemId: "7000", timeline: 2, shutdownLsn: 100 },
    saved: { pledge: 2 },
  });
  assertEquals(kindOf(planned(), inOrder), "idle");
  assertEquals(kindOf(sealingState(), inOrder), "start");
});

Deno.test("a member streams what it lacks from a sealed one, and seals again (R16)", () => {
  const state = done(sealingState(), {
    type: "catch_up",
    epoch: 2,
    catchUp: { source: copy(3), target: copy(2), epoch: 1, lsn: 150 },
  });
  const at = (
    server: StandbyServer,
    upstream: LocalView["saved"]["upstream"],
  ): Step => plan(state, viewOf(2, { server, saved: { pledge: 2, upstream } }));
  assertEquals(at(standby(), { id: 1, epoch: 1 }).kind, "cut_upstream");
  assertEquals(at(cutStandby(), null), {
    kind: "catch_up",
    epoch: 2,
    source: 3,
    follows: 1,
  });
  assertEquals(at(standby(), { id: 3, epoch: 2 }).kind, "idle");
  assertEquals(
    at(standby({ endLsn: 150, replayLsn: 150 }), { id: 3, epoch: 2 }).kind,
    "cut_upstream",
  );
  assertEquals(
    at(cutStandby({ endLsn: 150, replayLsn: 150 }), null).kind,
    "idle",
  );
  // Somebody else's.
  const other = viewOf(3, {
    server: cutStandby(),
    saved: { pledge: 2, upstream: null },
  });
  assertEquals(kindOf(state, other), "idle");
});

Deno.test("a target streams until it has the source's position, by epoch first (R14, R16)", () => {
  const state = done(
    sealingState({
      grants: [grantAt(1), grantAt(2, { startLsn: 90 })],
      phase: {
        kind: "sealing",
        epoch: 3,
        attempt: { kind: "automatic" },
        catchUp: null,
      },
    }),
    {
      type: "catch_up",
      epoch: 3,
      catchUp: { source: copy(3), target: copy(2), epoch: 2, lsn: 150 },
    },
  );
  const at = (server: StandbyServer, epoch: number): Step["kind"] =>
    kindOf(
      state,
      viewOf(2, { server, saved: { pledge: 3, epoch, upstream: null } }),
    );
  const step: Step = { kind: "catch_up", epoch: 3, source: 3, follows: 2 };
  const before = viewOf(2, {
    server: cutStandby({ endLsn: 80, replayLsn: 80 }),
    saved: { pledge: 3, upstream: null },
  });
  assertEquals(plan(state, before), step);
  // Half a record that goes beyond, of the epoch before, is not what it lacks.
  assertEquals(at(cutStandby({ endLsn: 195, replayLsn: 90 }), 2), "catch_up");
  const unknown = { endLsn: 195, replayLsn: 90, replayDone: false };
  assertEquals(at(cutStandby(unknown), 2), "catch_up");
  const there = cutStandby({ endLsn: 150, replayLsn: 150 });
  assertEquals([at(there, 2), at(there, 1)], ["idle", "catch_up"]);
});

Deno.test("a member without valid data pledges and does nothing more (R11)", () => {
  for (const data of [EMPTY, UNUSABLE]) {
    const view = viewOf(3, { data, server: STOPPED, saved: { pledge: 2 } });
    assertEquals(kindOf(sealingState(), view), "idle");
  }
});

// Taking over

/** What a step does to what is seen, as the agent does it. */
function effectOf(view: LocalView, step: Step): LocalView {
  const { saved, rendered } = view;
  const server = view.server.kind === "standby" ? view.server : cutStandby();
  switch (step.kind) {
    case "pledge":
      return { ...view, saved: { ...saved, pledge: step.epoch } };
    case "cut_upstream":
      return {
        ...view,
        saved: { ...saved, upstream: null },
        server: { ...server, receiver: false, streaming: false },
      };
    case "set_slots":
      return { ...view, slots: step.wanted };
    case "set_rule":
      return {
        ...view,
        rendered: { ...rendered, rule: step.rule?.number ?? 0 },
      };
    case "close":
      return {
        ...view,
        rendered: { ...rendered, hba: "closed" },
        server: { ...server, sessions: 0 },
      };
    case "finish_replay":
      return {
        ...view,
        server: { ...server, replayLsn: server.endLsn, replayDone: true },
      };
    case "own":
      return { ...view, saved: { ...saved, epoch: step.epoch } };
    case "promote":
      return { ...view, server: primaryServer({ timeline: step.timeline }) };
    case "barrier":
      return { ...view, barrier: step.rule.number };
    case "open":
      return { ...view, rendered: { ...rendered, hba: "open" } };
    case "stop":
      return {
        ...view,
        server: STOPPED,
        rendered: { hba: null, rule: null, upstream: null },
        barrier: 0,
        slots: [],
      };
    case "start":
      return {
        ...view,
        server: cutStandby({
          timeline: view.data.kind === "present" ? view.data.timeline : 1,
        }),
        rendered: { hba: "closed", rule: 0, upstream: null },
        saved: { ...saved, upstream: null },
      };
    case "follow":
      return {
        ...view,
        server: { ...server, receiver: true, streaming: true },
        saved: {
          ...saved,
          epoch: step.epoch,
          pledge: Math.max(saved.pledge, step.epoch),
          upstream: { id: step.upstream, epoch: step.epoch },
        },
      };
    default:
      return view;
  }
}

/** What a step has committed. */
function committed(
  state: ClusterState,
  view: LocalView,
  step: Step,
): ClusterState {
  const winner = copy(view.id, view.saved.incarnation ?? 0);
  switch (step.kind) {
    case "announce_promotion":
      return done(state, {
        type: "promoted",
        epoch: step.epoch,
        winner,
        switchLsn: 100,
        atMs: 0,
      });
    case "announce_opening":
      return done(state, {
        type: "opened",
        epoch: step.epoch,
        winner,
        rule: step.rule,
        barrierAtMs: 0,
        gapMs: null,
        atMs: 0,
      });
    case "retire_rules":
      return done(state, {
        type: "retire_rules",
        epoch: step.epoch,
        primary: winner,
        rule: step.rule.number,
      });
    case "propose":
      return done(state, step.command);
    default:
      return state;
  }
}

/** The server is told what is noted. */
function told(view: LocalView): LocalView {
  const { upstream } = view.saved;
  return { ...view, rendered: { ...view.rendered, upstream } };
}

interface Walk {
  readonly kinds: readonly string[];
  readonly view: LocalView;
  readonly state: ClusterState;
}

/** Takes step after step until there is nothing to do. */
function walk(state: ClusterState, view: LocalView): Walk {
  const kinds: string[] = [];
  for (let i = 0; i < 30; i += 1) {
    const step = plan(state, view);
    if (step.kind === "idle" || step.kind === "await_leave") {
      return { kinds, view, state };
    }
    kinds.push(step.kind);
    state = committed(state, view, step);
    view = told(effectOf(view, step));
  }
  throw new Error(`It goes on for ever: ${kinds.join(", ")}`);
}

Deno.test("a standby seals, wins, and has its rule, is closed and replayed before it promotes (R12, R19, R20)", () => {
  const before = viewOf(2, {
    server: standby({
      endLsn: 100,
      replayLsn: 80,
      replayDone: false,
      sessions: 2,
    }),
    slots: [],
  });
  const sealed = walk(sealingState(), before);
  assertEquals(sealed.kinds, ["pledge", "cut_upstream"]);
  const granted = done(sealed.state, grantCommand());
  const { kinds, state } = walk(granted, sealed.view);
  assertEquals(kinds, [
    "set_slots",
    "set_rule",
    "close",
    "finish_replay",
    "own",
    "promote",
    "announce_promotion",
    "barrier",
    "announce_opening",
    "open",
  ]);
  assertEquals(state.phase, { kind: "open", epoch: 2, handover: null });
  assertEquals(state.rules.map(({ number }) => number), [2]);
});

Deno.test("the old primary may win, as a closed standby that promotes anew (R16, R24)", () => {
  const sealed = walk(sealingState(), reigningView());
  assertEquals(sealed.kinds, ["pledge", "stop", "start"]);
  const granted = done(
    sealed.state,
    grantCommand({
      winner: copy(1),
      standbys: [copy(2), copy(3)],
      sealed: [{ ...copy(1), position: { epoch: 1, lsn: 100 } }],
    }),
  );
  assertEquals(walk(granted, sealed.view).kinds, [
    "set_slots",
    "set_rule",
    "own",
    "promote",
    "announce_promotion",
    "barrier",
    "announce_opening",
    "open",
  ]);
});

Deno.test("a takeover goes on from wherever the agent died (R15)", () => {
  const granted = done(sealingState(), grantCommand());
  let view = viewOf(2, {
    server: cutStandby({ replayLsn: 80, replayDone: false }),
    saved: { pledge: 2, upstream: null },
    slots: [],
  });
  let state = granted;
  for (let i = 0; i < 30; i += 1) {
    const step = plan(state, view);
    if (step.kind === "idle") break;
    // The agent is a new one, which has rendered nothing and passed no barrier itself.
    const again = {
      ...view,
      rendered: { hba: null, rule: null, upstream: null },
      barrier: 0,
      slots: [],
    };
    const end = walk(state, again);
    assertEquals(end.state.phase.kind, "open", step.kind);
    state = committed(state, view, step);
    view = effectOf(view, step);
  }
  assertEquals(state.phase.kind, "open");
});

Deno.test("nothing is promoted before each thing that it rests on (R13, R19)", () => {
  const granted = done(sealingState(), grantCommand());
  const ready = viewOf(2, {
    server: cutStandby(),
    rendered: { hba: "closed", rule: 2 },
    saved: { pledge: 2, upstream: null, epoch: 2 },
  });
  const at = (patch: ViewPatch): Step["kind"] =>
    kindOf(granted, {
      ...ready,
      ...patch,
      saved: { ...ready.saved, ...patch.saved },
      rendered: { ...ready.rendered, ...patch.rendered },
    });
  assertEquals(plan(granted, ready), { kind: "promote", timeline: 3 });
  assertEquals(
    at({ saved: { upstream: { id: 1, epoch: 1 } } }),
    "cut_upstream",
  );
  assertEquals(at({ server: cutStandby({ receiver: true }) }), "cut_upstream");
  assertEquals(at({ slots: [] }), "set_slots");
  assertEquals(
    at({ rendered: { hba: "closed", rule: 0 } }),
    "set_rule",
  );
  assertEquals(
    at({ rendered: { hba: "open", rule: 2 } }),
    "close",
  );
  assertEquals(at({ server: cutStandby({ sessions: 1 }) }), "close");
  assertEquals(
    at({ server: cutStandby({ replayDone: false }) }),
    "finish_replay",
  );
  assertEquals(at({ saved: { epoch: 1 } }), "own");
});

Deno.test("what promoted and stopped before it could tell does not promote twice (R17, R24)", () => {
  const granted = done(sealingState(), grantCommand());
  const view = viewOf(2, {
    server: cutStandby({ timeline: 3 }),
    rendered: { hba: "closed", rule: 2 },
    saved: { pledge: 2, upstream: null, epoch: 2 },
  });
  assertEquals(kindOf(granted, view), "idle");
});

Deno.test("a winner that stops between promotion and opening is lost (R21, R24)", () => {
  const at = (server: LocalView["server"]): Step["kind"] =>
    kindOf(
      grantedState(),
      viewOf(2, {
        server,
        rendered: { hba: "closed", rule: 2 },
        saved: { pledge: 2, epoch: 2, upstream: null },
      }),
    );
  assertEquals(at(cutStandby()), "idle");
  assertEquals(at({ kind: "hung", detail: "" }), "idle");
});

// Reigning

Deno.test("a reign that stopped waits for a new grant, paused or not (R24, R33)", () => {
  const at = (server: LocalView["server"], paused = false): Step["kind"] =>
    kindOf(openState({ paused }), reigningView({ server }));
  assertEquals(at(STOPPED), "idle");
  assertEquals(at(STOPPED, true), "idle");
  assertEquals(at(cutStandby()), "idle");
  assertEquals(at({ kind: "hung", detail: "" }), "idle");
  assertEquals(at({ kind: "leftovers" }), "idle");
  assertEquals(at(primaryServer()), "idle");
});

Deno.test("a promotion without a grant is ended at once, paused or not (R33)", () => {
  for (const paused of [false, true]) {
    const state = openState({ paused });
    // First it is noted that what it wrote is of no epoch (T27).
    const fresh = viewOf(2, { server: primaryServer() });
    assertEquals(plan(state, fresh), { kind: "own", epoch: -1 });
    const noted = viewOf(2, { server: primaryServer(), saved: { epoch: -1 } });
    const follower = plan(state, noted);
    assert(follower.kind === "stop" && follower.mode === "immediate");
    const old = plan(
      grantedState({ paused }),
      viewOf(2, { server: primaryServer(), saved: { epoch: -1 } }),
    );
    assert(old.kind === "stop" && old.mode === "immediate");
  }
});

Deno.test("nothing opens before the barrier of the newest rule stands (R20, T5, T8)", () => {
  const view = viewOf(2, {
    server: primaryServer({ timeline: 3 }),
    rendered: { hba: "closed", rule: 2 },
    saved: { pledge: 2, epoch: 2, upstream: null },
  });
  const [, second] = grantedState().rules;
  assert(second);
  assertEquals(plan(grantedState(), view), {
    kind: "barrier",
    rule: second,
    seeWaiting: false,
  });
  assertEquals(plan(grantedState(), { ...view, barrier: 2 }), {
    kind: "announce_opening",
    epoch: 2,
    rule: 2,
  });
  assertEquals(kindOf(grantedState(), { ...view, barrier: 1 }), "barrier");
  const newer = done(grantedState(), {
    type: "propose_rule",
    epoch: 2,
    replaces: 2,
    standbys: [copy(3)],
    required: 1,
  });
  assertEquals(kindOf(newer, { ...view, barrier: 2 }), "set_rule");
});

Deno.test("where the list may have been empty a commit is seen waiting before the names go in (T8)", () => {
  const view = viewOf(2, {
    server: primaryServer({ timeline: 3 }),
    rendered: { hba: "closed", rule: 0 },
    mayHaveBeenEmpty: true,
    saved: { pledge: 2, epoch: 2, upstream: null },
  });
  const step = plan(grantedState(), view);
  assert(step.kind === "barrier" && step.seeWaiting);
  const alone = grantedState({
    rules: [rule([], 0, { number: 2, epoch: 2, primary: copy(2) })],
  });
  assertEquals(kindOf(alone, view), "set_rule");
});

Deno.test("a rule with too few standbys waits, and commits with it (R5, R20)", () => {
  const founding = openState({
    phase: { kind: "granted", epoch: 1 },
    rules: [rule([], 1)],
  });
  const view = reigningView({
    rendered: { hba: "closed", rule: 1 },
    barrier: 0,
  });
  assertEquals(kindOf(founding, view), "idle");
  assertEquals(
    kindOf(founding, {
      ...view,
      rendered: { hba: "closed", rule: 0, upstream: null },
    }),
    "set_rule",
  );
});

Deno.test("a changed rule is followed, proved, and only then are the others retired (R18)", () => {
  const next = rule([2], 1, { number: 2 });
  const state = openState({ rules: [rule([2, 3], 1), next], lastRule: 2 });
  const { kinds, state: end } = walk(state, reigningView());
  assertEquals(kinds, ["set_rule", "barrier", "retire_rules"]);
  assertEquals(end.rules, [next]);
  const ready = reigningView({
    rendered: { hba: "open", rule: 2 },
    barrier: 2,
  });
  assertEquals(plan(state, ready), {
    kind: "retire_rules",
    epoch: 1,
    rule: next,
    removed: [copy(3)],
  });
});

Deno.test("a primary that nobody can see closes, and opens again when it is seen (R28)", () => {
  const at = (patch: ViewPatch): Step["kind"] =>
    kindOf(openState(), reigningView(patch));
  const cut = { lonelyMs: 3000, unacknowledgedMs: 3000 };
  assertEquals(at(cut), "close");
  assertEquals(at({ ...cut, unacknowledgedMs: 2999 }), "idle");
  assertEquals(at({ ...cut, lonelyMs: 2999 }), "idle");
  const closed = {
    rendered: { hba: "closed", rule: 1 },
  } as const;
  assertEquals(at({ ...cut, ...closed }), "idle");
  assertEquals(
    at({ ...cut, ...closed, server: primaryServer({ sessions: 1 }) }),
    "close",
  );
  assertEquals(at(closed), "open");
});

Deno.test("a switchover's checkpoint is made once, while the primary serves on (R32)", () => {
  const state = done(openState(), { type: "handover", epoch: 1, target: 2 });
  assertEquals(plan(state, reigningView()), {
    kind: "checkpoint",
    handover: 1,
  });
  assertEquals(kindOf(state, reigningView({ checkpointed: 1 })), "idle");
});

Deno.test("a primary keeps slots of all others, and none of who left (T23)", () => {
  const state = openState({ members: membersOf(member(1), member(2)) });
  assertEquals(plan(state, reigningView()), {
    kind: "set_slots",
    wanted: ["pgraft_2"],
  });
});

// Following

/** Epoch 2 of node 2 is open, and node 1 or 3 looks what it has to do. */
function followed(patch: Partial<ClusterState> = {}): ClusterState {
  return grantedState({
    phase: { kind: "open", epoch: 2, handover: null },
    rules: [rule([1, 3], 1, { number: 2, epoch: 2, primary: copy(2) })],
    ...patch,
  });
}

function returning(server: StandbyServer, patch: ViewPatch = {}): LocalView {
  return viewOf(1, {
    server,
    rendered: { hba: "closed", rule: 0 },
    ...patch,
    saved: { pledge: 2, upstream: null, ...patch.saved },
  });
}

Deno.test("a beginning follows, something beyond is rewound or cloned, by epochs (R29)", () => {
  const at = (lsn: number, patch: ViewPatch = {}): Step =>
    plan(
      followed({ rules: [] }),
      returning(cutStandby({ endLsn: lsn, replayLsn: lsn }), patch),
    );
  assertEquals(at(100), { kind: "follow", epoch: 2, upstream: 2 });
  assertEquals(at(99).kind, "follow");
  assertEquals(at(101), {
    kind: "rewind",
    epoch: 2,
    source: 2,
    sinceLsn: 100,
    from: 1,
  });
  const clone: Step = {
    kind: "clone",
    epoch: 2,
    source: 2,
    lost: { sinceLsn: 100, from: 1 },
  };
  assertEquals(at(101, { canRewind: false }), clone);
  assertEquals(at(101, { rewindFailed: 2 }), clone);
  assertEquals(at(101, { rewindFailed: 1 }).kind, "rewind");
  // From before the table: it can't be told.
  assertEquals(at(50, { saved: { epoch: 0 } }), { ...clone, lost: null });
});

Deno.test("nobody waits for a barrier to rewind, and only what is promoted is a source (R21)", () => {
  const view = returning(cutStandby({ endLsn: 101, replayLsn: 101 }));
  assertEquals(kindOf(grantedState(), view), "rewind");
  const [first, second] = grantedState().grants;
  assert(first && second);
  const early = grantedState({
    grants: [first, { ...second, promoted: false }],
  });
  assertEquals(kindOf(early, view), "idle");
  assertEquals(kindOf(early, returning(cutStandby())), "follow");
});

Deno.test("half a record at the end is nothing beyond (R13)", () => {
  const half = { endLsn: 130, replayLsn: 100 };
  assertEquals(kindOf(followed(), returning(cutStandby(half))), "follow");
  const replaying = cutStandby({ ...half, replayDone: false });
  assertEquals(kindOf(followed(), returning(replaying)), "idle");
});

Deno.test("a stream of another epoch is cut before it is decided what to do (R12)", () => {
  assertEquals(
    kindOf(followed(), viewOf(3, { saved: { pledge: 2 } })),
    "cut_upstream",
  );
  assertEquals(kindOf(followed(), returning(standby())), "cut_upstream");
  const told = { pledge: 2, upstream: { id: 1, epoch: 1 } };
  assertEquals(
    kindOf(followed(), viewOf(3, { server: cutStandby(), saved: told })),
    "cut_upstream",
  );
});

Deno.test("a member that comes back follows, and lets readers in only when it streams (T21)", () => {
  const { kinds } = walk(
    followed(),
    returning(cutStandby(), {
      server: STOPPED,
      slots: [],
      rendered: { hba: null, rule: null },
      saved: { pledge: 2, epoch: 2 },
    }),
  );
  assertEquals(kinds, ["start", "follow", "open", "set_slots"]);
  const waiting = viewOf(3, {
    server: standby({ streaming: false }),
    rendered: { hba: "closed", rule: 0 },
    slots: ["pgraft_1", "pgraft_2"],
    saved: { pledge: 2, epoch: 2, upstream: { id: 2, epoch: 2 } },
  });
  assertEquals(kindOf(followed(), waiting), "idle");
  assertEquals(kindOf(followed(), { ...waiting, server: standby() }), "open");
  const rendered = { ...waiting.rendered, hba: "open", rule: 7 } as const;
  const old = { ...waiting, rendered };
  assertEquals(plan(followed(), old), { kind: "set_rule", rule: null });
});

Deno.test("a member obeys no epoch below its pledge (R15)", () => {
  const view = returning(cutStandby(), { saved: { pledge: 3 } });
  assertEquals(kindOf(followed(), view), "idle");
});

Deno.test("a stream that can never go on is cloned, once no rule counts on the copy (R4)", () => {
  const view = viewOf(3, {
    server: standby({ streaming: false, broken: "WAL removed" }),
    saved: { pledge: 2, epoch: 2, upstream: { id: 2, epoch: 2 } },
  });
  const own = (rules: readonly Rule[]): Step["kind"] =>
    kindOf(followed({ rules }), view);
  const rest = { epoch: 2, primary: copy(2) };
  const named = rule([1, 3], 1, { number: 2, ...rest });
  assertEquals(own([named]), "await_leave");
  assertEquals(
    own([named, rule([1], 1, { number: 3, ...rest })]),
    "await_leave",
  );
  assertEquals(own([rule([1], 1, { number: 3, ...rest })]), "clone");
  // Before the barrier nobody was told of a commit that it holds (R21).
  assertEquals(kindOf(grantedState(), view), "clone");
});

Deno.test("a copy is given up when the rule without it can't be met, and only then (R4)", () => {
  const rest = { epoch: 2, primary: copy(2) };
  const state = (standbys: number[], required: number): ClusterState =>
    followed({
      rules: [
        rule([1], 1, { number: 2, ...rest }),
        rule(standbys, required, { number: 3, ...rest }),
      ],
    });
  const view = returning(cutStandby(), { data: EMPTY, server: STOPPED });
  assertEquals(kindOf(state([], 1), view), "clone");
  assertEquals(kindOf(state([], 0), view), "await_leave");
  assertEquals(kindOf(state([3], 1), view), "await_leave");
  assertEquals(kindOf(state([1], 2), view), "await_leave");
});

Deno.test("a wiped or half written directory is cloned, and so is one that never starts (R29, R34)", () => {
  const state = followed({ rules: [] });
  const at = (patch: ViewPatch): Step["kind"] =>
    kindOf(state, returning(cutStandby(), { server: STOPPED, ...patch }));
  assertEquals(at({ data: EMPTY, saved: { incarnation: null } }), "clone");
  assertEquals(at({ data: UNUSABLE }), "clone");
  assertEquals(at({ saved: { incarnation: null } }), "clone");
  assertEquals(at({ failures: 9, failedStarts: 4 }), "start");
  assertEquals(at({ failedStarts: 5 }), "clone");
});

Deno.test("a rewound copy streams from its source before it is consistent, and from nobody else (R29)", () => {
  const state = followed({ rules: [] });
  const at = (patch: ViewPatch): Step["kind"] =>
    kindOf(
      state,
      returning(cutStandby(), { server: { kind: "starting" }, ...patch }),
    );
  assertEquals(at({ saved: { upstream: null, rewound: 0 } }), "idle");
  assertEquals(at({ saved: { upstream: null, rewound: 2 } }), "follow");
  assertEquals(
    at({ saved: { upstream: { id: 2, epoch: 2 }, rewound: 2 } }),
    "idle",
  );
  assertEquals(at({ saved: { upstream: null, rewound: 1 } }), "clone");
});

Deno.test("the old primary leaves the disk to those who take over, unless it is alone (R6, R12)", () => {
  const at = (rules: Rule[], phaseMs: number): Step["kind"] =>
    kindOf(
      sealingState({ rules }),
      reigningView({ server: STOPPED, saved: { pledge: 2 }, phaseMs }),
    );
  assertEquals(at([rule([copy(2), copy(3)], 1)], 100), "idle");
  assertEquals(at([rule([copy(2), copy(3)], 1)], 400), "start");
  assertEquals(at([rule([], 0)], 0), "start");
});

Deno.test("a new copy enters before it counts for anything, whatever rules name the old one (R3)", () => {
  const view = returning(cutStandby(), { saved: { incarnation: 11 } });
  for (const state of [followed(), followed({ rules: [] }), grantedState()]) {
    assertEquals(plan(state, view), {
      kind: "propose",
      command: {
        type: "enter",
        id: 1,
        incarnation: 11,
        replaces: 10,
        epoch: 2,
      },
    });
  }
  const { kinds, state } = walk(followed(), view);
  assertEquals(kinds, ["propose", "follow", "open"]);
  assertEquals(state.members.get(1)?.incarnation, 11);
});

// Founding and strangers

function founding(founder: number, attempt = 1): ClusterState {
  const phase: Phase = { kind: "founding", founder, attempt };
  return { ...EMPTY_STATE, members: membersOf(member(1), member(2)), phase };
}

Deno.test("the founder makes the database and tells, the others wait (R34)", () => {
  const at = (id: number, patch: ViewPatch = {}): Step =>
    plan(
      founding(1, 3),
      viewOf(id, {
        data: EMPTY,
        server: STOPPED,
        ...patch,
        saved: { incarnation: null, upstream: null, ...patch.saved },
      }),
    );
  const made = {
    kind: "present",
    systemId: "9",
    timeline: 1,
    shutdownLsn: 1,
  } as const;
  assertEquals(at(1), { kind: "initialize", attempt: 3 });
  assertEquals(at(2).kind, "idle");
  assertEquals(at(1, { job: { kind: "initialize", epoch: 0 } }).kind, "idle");
  // Also what it made for an attempt before this one.
  const own = { data: made, saved: { founding: 1, incarnation: 10 } };
  assertEquals(at(1, own), { kind: "announce_founding", attempt: 3 });
  assertEquals(at(1, { data: made }).kind, "idle");
  assertEquals(at(1, { data: UNUSABLE }).kind, "idle");
  assertEquals(kindOf(EMPTY_STATE, viewOf(1)), "idle");
});

Deno.test("a database that is adopted is never moved, wherever its adoption was cut short (R34)", () => {
  const data = {
    kind: "present",
    systemId: "9",
    timeline: 4,
    shutdownLsn: 1,
  } as const;
  const view = (id: number, patch: ViewPatch = {}): LocalView =>
    viewOf(id, {
      data,
      adopts: true,
      server: STOPPED,
      ...patch,
      saved: { incarnation: null, upstream: null, pledge: 0, ...patch.saved },
    });
  const at = (id: number, patch: ViewPatch = {}): Step =>
    plan(founding(1, 3), view(id, patch));
  assertEquals(at(1), { kind: "adopt", attempt: 3 });
  assertEquals(at(2).kind, "idle");
  assertEquals(at(1, { saved: { adopted: "9" } }).kind, "adopt");
  const done = { saved: { adopted: "9", incarnation: 10 } };
  assertEquals(at(1, done), { kind: "announce_founding", attempt: 3 });
  assertEquals(at(1, { ...done, adopts: false }).kind, "idle");
  // Another database has become the cluster's.
  assertEquals(kindOf(openState(), view(3, done)), "idle");
});

Deno.test("a founder opens only when others hold commits (R6, R34)", () => {
  const state = done(founding(1), {
    type: "found",
    founder: 1,
    attempt: 1,
    systemId: "7000",
    incarnation: 10,
    replicationPassword: "x",
    parameters: {},
    atMs: 0,
  });
  const view = viewOf(1, {
    data: { kind: "present", systemId: "7000", timeline: 1, shutdownLsn: 1 },
    server: STOPPED,
    slots: [],
    saved: { pledge: 0, founding: 1, upstream: null },
  });
  const { kinds, state: end } = walk(state, view);
  assertEquals(end.phase.kind, "granted");
  assertEquals(kinds, [
    "start",
    "set_slots",
    "set_rule",
    "promote",
    "announce_promotion",
  ]);
});

Deno.test("who made a database in vain keeps it aside and clones, a stranger's is never touched (R34)", () => {
  const foreign = {
    kind: "present",
    systemId: "9",
    timeline: 1,
    shutdownLsn: 1,
  } as const;
  for (const state of [openState(), sealingState(), grantedState()]) {
    const at = (founding: number, server: LocalView["server"]): Step["kind"] =>
      kindOf(
        state,
        viewOf(3, { data: foreign, server, saved: { pledge: 2, founding } }),
      );
    assertEquals(at(1, STOPPED), "move_aside");
    assertEquals(at(1, cutStandby()), "stop");
    assertEquals(at(0, STOPPED), "idle");
    assertEquals(at(0, primaryServer()), "idle");
  }
});

Deno.test("a job goes on to its end before anything else (R29)", () => {
  const job = { kind: "rewind", epoch: 2 } as const;
  const server: PrimaryServer = primaryServer();
  assertEquals(kindOf(openState(), viewOf(2, { job, server })), "idle");
  assertEquals(kindOf(followed(), returning(cutStandby(), { job })), "idle");
});

Deno.test("a log on a timeline of nobody's grant is cloned, however its numbers compare (R14, T27)", () => {
  const state = followed({ rules: [] });
  const at = (timeline: number): Step["kind"] =>
    kindOf(state, returning(cutStandby({ timeline })));
  assertEquals([at(1), at(2)], ["follow", "follow"]);
  assertEquals([at(3), at(4)], ["clone", "clone"]);
});

Deno.test("a grant that is forgotten moves nothing", () => {
  const state = followed({ grants: [grantAt(1)] });
  assertEquals(kindOf(state, returning(cutStandby())), "idle");
});
