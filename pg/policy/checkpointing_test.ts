import { assertEquals } from "@std/assert";
import type { ClusterState } from "../cluster/mod.ts";
import { wantsCheckpoint } from "./checkpointing.ts";
import {
  cutStandby,
  grantedState,
  openState,
  primaryServer,
  type Rendered,
  viewOf,
  type ViewPatch,
} from "./policy_test_kit.ts";

/** Epoch 2 of node 2 is open. */
function opened(): ClusterState {
  return grantedState({ phase: { kind: "open", epoch: 2, handover: null } });
}

function wants(
  state: ClusterState,
  hba: Rendered["hba"],
  isAwaited: boolean,
  patch: ViewPatch = {},
): boolean {
  const view = viewOf(2, {
    server: primaryServer({ timeline: 3 }),
    rendered: { hba, rule: 2 },
    saved: { pledge: 2, epoch: 2, upstream: null },
    ...patch,
  });
  return wantsCheckpoint(state, view, isAwaited);
}

Deno.test("a primary makes its checkpoint once it is open, so that no client waits for it (T17)", () => {
  assertEquals(wants(opened(), "open", false), true);
  assertEquals(wants(opened(), "closed", false), false);
  assertEquals(wants(grantedState(), "closed", false), false);
});

Deno.test("who must be rewound before the barrier gets the checkpoint before it (T17, R20)", () => {
  assertEquals(wants(grantedState(), "closed", true), true);
  assertEquals(wants(opened(), "closed", true), true);
});

Deno.test("one checkpoint is enough for a reign, and only who reigns makes it (T17)", () => {
  assertEquals(wants(opened(), "open", true, { checkpointEpoch: 2 }), false);
  assertEquals(wants(opened(), "open", true, { checkpointEpoch: 1 }), true);
  assertEquals(wants(openState(), "open", true), false);
  assertEquals(wants(opened(), "open", true, { server: cutStandby() }), false);
  const older = { saved: { pledge: 1, epoch: 1 } };
  assertEquals(wants(opened(), "open", true, older), false);
});
