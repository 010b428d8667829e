import { assert, assertEquals } from "@std/assert";
import type { ClusterState, Rule } from "../cluster/mod.ts";
import { plan } from "./plan.ts";
import { HUNG_PATIENCE_MS } from "./plan_following.ts";
import { EMPTY, kindOf, STOPPED, UNUSABLE, walk } from "./plan_test_kit.ts";
import {
  copy,
  cutStandby,
  grantAt,
  grantedState,
  openState,
  primaryServer,
  rule,
  standby,
  viewOf,
  type ViewPatch,
} from "./policy_test_kit.ts";
import { reportOf } from "./report_of.ts";
import type { Step } from "./steps.ts";
import type { LocalView, PrimaryServer, StandbyServer } from "./view.ts";

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

Deno.test("who must be rewound stays as it is until the primary has made a checkpoint (T17)", () => {
  const view = returning(cutStandby({ endLsn: 101, replayLsn: 101 }), {
    source: "reigns",
  });
  const waits = { kind: "await_checkpoint", source: 2 } as const;
  assertEquals(plan(followed(), view), waits);
  assertEquals(plan(grantedState(), view), waits);
  const told = reportOf(followed(), view);
  assertEquals([told.awaitsCheckpoint, told.state], [true, "running"]);
  // It is not given up before: it can still be sealed for the next epoch (R2, R12).
  assertEquals(told.position, { epoch: 1, lsn: 101 });
  const ready = { ...view, source: "checkpointed" } as const;
  assertEquals(reportOf(followed(), ready).awaitsCheckpoint, undefined);
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

Deno.test("nothing is given up for a clone of a primary that is not heard (R4, R12)", () => {
  const patch = { canRewind: false } as const;
  const at = (source: LocalView["source"], state = followed()): Step["kind"] =>
    kindOf(
      state,
      returning(cutStandby({ endLsn: 101, replayLsn: 101 }), {
        ...patch,
        source,
      }),
    );
  assertEquals(at("unheard", grantedState()), "idle");
  assertEquals(at("reigns", grantedState()), "clone");
  assertEquals(at("reigns", followed({ rules: [] })), "clone");
});

Deno.test("a standby that is slow is let be while somebody is open, and ended once it is hung (R9, R21)", () => {
  const at = (state: ClusterState, silentMs?: number): Step["kind"] =>
    kindOf(
      state,
      viewOf(3, {
        server: {
          kind: "hung",
          detail: "",
          ...silentMs === undefined ? {} : { silentMs },
        },
        saved: { pledge: 2, epoch: 2, upstream: { id: 2, epoch: 2 } },
      }),
    );
  assertEquals(at(followed(), HUNG_PATIENCE_MS - 1), "idle");
  assertEquals(at(followed(), HUNG_PATIENCE_MS), "stop");
  assertEquals(at(followed()), "stop");
  assertEquals(at(grantedState(), 2000), "stop");
});

Deno.test("a copy is taken anew by order only while somebody is open (R21)", () => {
  const view = returning(cutStandby(), { mustClone: true });
  assertEquals(kindOf(followed({ rules: [] }), view), "clone");
  assertEquals(kindOf(grantedState(), view), "follow");
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
  assertEquals(at({ saved: { upstream: null, rewound: 2 } }), "recover_from");
  const saved = { upstream: { id: 2, epoch: 2 }, rewound: 2 };
  const told = { hba: "closed", rule: 0 } as const;
  assertEquals(
    at({ saved, rendered: { ...told, upstream: null } }),
    "recover_from",
  );
  const uncounted = { ...told, upstream: { id: 2, epoch: 0 } };
  assertEquals(at({ saved, rendered: uncounted }), "idle");
  // Once it is consistent it is told again, by the name that rules have.
  const consistent = {
    server: cutStandby({ receiver: true, streaming: true, timeline: 3 }),
    saved: { ...saved, epoch: 2, rewound: 0 },
    rendered: uncounted,
  };
  assertEquals(at(consistent), "follow");
  assertEquals(at({ saved: { upstream: null, rewound: 1 } }), "clone");
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

Deno.test("a job goes on to its end before anything else (R29)", () => {
  const job = { kind: "rewind", epoch: 2 } as const;
  const server: PrimaryServer = primaryServer();
  assertEquals(kindOf(openState(), viewOf(2, { job, server })), "idle");
  assertEquals(kindOf(followed(), returning(cutStandby(), { job })), "idle");
});
