import { assertEquals } from "@std/assert";
import { plan } from "./plan.ts";
import { committed, effectOf, kindOf, walk } from "./plan_test_kit.ts";
import {
  copy,
  cutStandby,
  done,
  grantCommand,
  grantedState,
  reigningView,
  sealingState,
  standby,
  viewOf,
  type ViewPatch,
} from "./policy_test_kit.ts";
import type { Step } from "./steps.ts";
import type { LocalView } from "./view.ts";

Deno.test("a standby seals, wins, and has its is closed and replayed before it promotes (R12, R19, R20)", () => {
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
  // No slot may be free: that keeps nobody from his reign (T23).
  assertEquals(at({ slots: [], failures: 1 }) === "set_slots", false);
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
