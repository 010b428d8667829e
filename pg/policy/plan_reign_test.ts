import { assert, assertEquals } from "@std/assert";
import { plan } from "./plan.ts";
import { kindOf, STOPPED, walk } from "./plan_test_kit.ts";
import {
  copy,
  cutStandby,
  done,
  grantedState,
  member,
  membersOf,
  openState,
  primaryServer,
  reigningView,
  rule,
  viewOf,
  type ViewPatch,
} from "./policy_test_kit.ts";
import type { Step } from "./steps.ts";
import type { LocalView } from "./view.ts";

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

Deno.test("what an earlier agent began to close is closed, and opens behind a barrier (R24, R28)", () => {
  const at = (patch: ViewPatch): Step["kind"] =>
    kindOf(
      openState(),
      reigningView({ rendered: { hba: "closing", rule: 1 }, ...patch }),
    );
  assertEquals(at({ lonelyMs: 3000, unacknowledgedMs: 3000 }), "close");
  assertEquals(at({ barrier: 0 }), "barrier");
  assertEquals(at({}), "open");
});

Deno.test("a switchover's checkpoint is made once, while the primary serves on (R32)", () => {
  const state = done(openState(), { type: "handover", epoch: 1, target: 2 });
  assertEquals(plan(state, reigningView()), {
    kind: "checkpoint",
    handover: 1,
  });
  assertEquals(kindOf(state, reigningView({ checkpointed: 1 })), "idle");
  // Beside it, a rule is followed and a lonely primary closes itself (R6, R28).
  const during = reigningView({ checkpointingFor: 1 });
  assertEquals(kindOf(state, during), "idle");
  const rendered = { ...during.rendered, rule: 0 };
  assertEquals(kindOf(state, { ...during, rendered }), "set_rule");
});

Deno.test("a primary keeps slots of all others, and none of who left (T23)", () => {
  const state = openState({ members: membersOf(member(1), member(2)) });
  assertEquals(plan(state, reigningView()), {
    kind: "set_slots",
    wanted: ["pgraft_2"],
  });
});
