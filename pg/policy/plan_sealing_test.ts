import { assert, assertEquals } from "@std/assert";
import type { ClusterState, Rule } from "../cluster/mod.ts";
import { plan } from "./plan.ts";
import { EMPTY, kindOf, STOPPED, UNUSABLE } from "./plan_test_kit.ts";
import {
  copy,
  cutStandby,
  done,
  grantAt,
  primaryServer,
  reigningView,
  rule,
  sealingState,
  standby,
  viewOf,
  type ViewPatch,
} from "./policy_test_kit.ts";
import type { Step } from "./steps.ts";
import type { LocalView, StandbyServer } from "./view.ts";

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

Deno.test("who ended in order comes up for the member that lacks its end (R16, R32)", () => {
  const lacking = (source: number): ClusterState =>
    done(planned(), {
      type: "catch_up",
      epoch: 2,
      catchUp: { source: copy(source), target: copy(2), epoch: 1, lsn: 100 },
    });
  const inOrder = reigningView({
    server: STOPPED,
    data: { kind: "present", systemId: "7000", timeline: 2, shutdownLsn: 100 },
    saved: { pledge: 2 },
  });
  assertEquals(kindOf(lacking(1), inOrder), "start");
  assertEquals(kindOf(lacking(3), inOrder), "idle");
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
