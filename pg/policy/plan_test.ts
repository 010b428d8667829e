import { assertEquals } from "@std/assert";
import { type ClusterState, EMPTY_STATE, type Phase } from "../cluster/mod.ts";
import { plan } from "./plan.ts";
import { EMPTY, kindOf, STOPPED, UNUSABLE, walk } from "./plan_test_kit.ts";
import {
  cutStandby,
  done,
  grantedState,
  member,
  membersOf,
  openState,
  primaryServer,
  sealingState,
  viewOf,
  type ViewPatch,
} from "./policy_test_kit.ts";
import type { Step } from "./steps.ts";
import type { LocalView } from "./view.ts";

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
