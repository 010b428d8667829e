import { assertEquals } from "@std/assert";
import { attempt } from "../cluster/command_test_kit.ts";
import type { ClusterState, LossReason, Tags } from "../cluster/mod.ts";
import {
  alive,
  copy,
  done,
  grantAt,
  grantedState,
  member,
  membersOf,
  openState,
  sealedReport,
  sealingState,
  unheard,
} from "./policy_test_kit.ts";
import type { Observation } from "./report.ts";
import { fiveNodes, outcome, sealedAt } from "./sealing_test_kit.ts";

Deno.test("the highest position wins, by epoch first (R14, R16)", () => {
  assertEquals(outcome(sealedAt({ 2: 90, 3: 91 })), ["grant", 3]);
  const state = sealingState({
    phase: {
      kind: "sealing",
      epoch: 3,
      attempt: { kind: "automatic" },
      catchUp: null,
    },
    grants: [grantAt(1), grantAt(2, { winner: copy(9) })],
  });
  const at = (id: number, epoch: number, lsn: number): Observation =>
    alive(sealedReport(id, 0, { sealed: 3, position: { epoch, lsn } }));
  assertEquals(
    outcome({ 2: at(2, 1, 900), 3: at(3, 2, 150) }, state),
    ["grant", 3],
  );
});

Deno.test("among equals the priority wins, then who reigned, then the lowest number (R16)", () => {
  const equal = sealedAt({ 1: 100, 2: 100, 3: 100 });
  const withTags = (
    tags: Readonly<Record<number, Partial<Tags>>>,
  ): ClusterState =>
    sealingState({
      members: membersOf(
        ...[1, 2, 3].map((id) => member(id, { tags: tags[id] ?? {} })),
      ),
    });
  assertEquals(outcome(equal), ["grant", 1]);
  assertEquals(outcome(sealedAt({ 2: 100, 3: 100 })), ["grant", 2]);
  const priority = withTags({ 3: { failoverPriority: 200 } });
  assertEquals(outcome(equal, priority), ["grant", 3]);
  assertEquals(
    outcome(sealedAt({ 1: 100, 2: 100, 3: 99 }), priority),
    ["grant", 1],
  );
  const never = withTags({ 1: { nofailover: true }, 2: { nofailover: true } });
  assertEquals(outcome(equal, never), ["grant", 3]);
});

Deno.test("a sealed member that has died is waited for only where the others don't cover (R2, R16)", () => {
  const dead = unheard("gone", 50, sealedReport(3, 200));
  assertEquals(
    outcome({ ...sealedAt({ 2: 100 }), 3: dead }),
    ["highest_unreachable", null],
  );
  const five = { ...sealedAt({ 2: 100, 4: 90, 5: 80 }), 3: dead };
  assertEquals(outcome(five, fiveNodes()), ["grant", 2]);
  const forced = sealingState({
    phase: {
      kind: "sealing",
      epoch: 2,
      attempt: { kind: "forced", target: null },
      catchUp: null,
    },
  });
  assertEquals(outcome({ ...sealedAt({ 2: 1 }), 3: dead }, forced), [
    "grant",
    2,
  ]);
});

Deno.test("who failed for a reason that lasts wins again only where the others don't cover (R16)", () => {
  const lost = (reason: LossReason): ClusterState =>
    done(openState(), attempt({ reason }));
  const all = sealedAt({ 1: 200, 2: 90, 3: 100 });
  assertEquals(outcome(all, lost("postmaster_gone")), ["grant", 1]);
  assertEquals(outcome(all, lost("disk_full")), ["grant", 3]);
  const few = sealedAt({ 1: 200, 2: 90 });
  assertEquals(outcome(few, lost("disk_full")), ["grant", 1]);
});

Deno.test("who failed covers, and another of the same position wins (R2, R16)", () => {
  const state = done(
    grantedState(),
    attempt({
      epoch: 3,
      expected: { kind: "granted", epoch: 2 },
      reason: "takeover_failed",
    }),
  );
  const seal = (id: number, lsn: number): Observation =>
    alive(sealedReport(id, lsn, { pledge: 3, sealed: 3 }));
  // Node 2 is needed to cover what node 1 let through, and could not take over.
  assertEquals(outcome({ 2: seal(2, 100), 3: seal(3, 100) }, state), [
    "grant",
    3,
  ]);
  assertEquals(outcome({ 2: seal(2, 100), 3: seal(3, 90) }, state), [
    "grant",
    2,
  ]);
});

Deno.test("who failed is not passed over for one that can never have its all (R16, R29)", () => {
  const members = membersOf(
    member(1),
    member(2),
    member(3, { incarnation: 31 }),
  );
  const state = done(
    openState({ members }),
    attempt({ reason: "takeover_failed" }),
  );
  // Node 3 holds the most and is not known; node 2 has something of its own.
  const seen = {
    1: alive(sealedReport(1, 200)),
    2: alive(sealedReport(2, 150, { position: { epoch: 0, lsn: 150 } })),
    3: alive(sealedReport(3, 200)),
  };
  assertEquals(outcome(seen, state), ["grant", 1]);
});

Deno.test("among equals who has much left to replay comes after who has not (R13, R16)", () => {
  const far = 1 << 30;
  const seen = {
    2: alive(sealedReport(2, far, { replayLsn: 100 })),
    3: alive(sealedReport(3, far, { replayLsn: far - 100 })),
  };
  assertEquals(outcome(seen), ["grant", 3]);
});
