import { assert, assertEquals } from "@std/assert";
import { comparePositions, positionOf, relationTo } from "./lineage.ts";
import { copy, grantAt, openState } from "./state_test_kit.ts";

/** Epochs 1 to 3 in a row, which branch off at 100 and 200; 4 went off from 2 at 150. */
const STATE = openState({
  grants: [
    grantAt(1),
    grantAt(2),
    grantAt(3, { winner: copy(3) }),
    grantAt(4, { parent: 2, startLsn: 150, winner: copy(2) }),
  ],
});

Deno.test("a position belongs to the epoch in which its log was written (R14)", () => {
  const at = (followed: number, lsn: number): number =>
    positionOf(STATE, followed, lsn).epoch;
  assertEquals([at(3, 201), at(3, 200), at(3, 101)], [3, 2, 2]);
  assertEquals([at(3, 100), at(3, 1), at(1, 900)], [1, 1, 1]);
  assertEquals([at(4, 151), at(4, 150)], [4, 2]);
});

Deno.test("a position is moved up when a promotion tells an earlier branch than was granted (R17)", () => {
  const provisional = openState({
    grants: [grantAt(1), grantAt(2, { promoted: false })],
  });
  assertEquals(positionOf(provisional, 2, 95).epoch, 1);
  const real = openState({
    grants: [grantAt(1), grantAt(2, { startLsn: 90 })],
  });
  assertEquals(positionOf(real, 2, 95).epoch, 2);
});

Deno.test("the epoch of a position counts before its LSN (R14)", () => {
  const later = { epoch: 3, lsn: 10 };
  assert(comparePositions(later, { epoch: 2, lsn: 900 }) > 0);
  assert(comparePositions({ epoch: 2, lsn: 900 }, later) < 0);
  assert(comparePositions({ epoch: 3, lsn: 11 }, later) > 0);
  assertEquals(comparePositions(later, later), 0);
});

Deno.test("data is told apart by epochs: a beginning, divergence, unknown (R29)", () => {
  const cases = [
    { at: [1, 100, 3], is: { kind: "prefix" } },
    { at: [1, 101, 3], is: { kind: "diverged", sinceLsn: 100, from: 1 } },
    { at: [2, 200, 3], is: { kind: "prefix" } },
    { at: [2, 201, 3], is: { kind: "diverged", sinceLsn: 200, from: 2 } },
    { at: [3, 999, 3], is: { kind: "prefix" } },
    // A reign of its own that the history does not go through.
    { at: [3, 250, 4], is: { kind: "diverged", sinceLsn: 150, from: 2 } },
    { at: [4, 160, 3], is: { kind: "diverged", sinceLsn: 150, from: 2 } },
    { at: [2, 150, 4], is: { kind: "prefix" } },
    { at: [9, 150, 4], is: { kind: "unknown" } },
  ] as const;
  for (const { at: [epoch, lsn, to], is } of cases) {
    assertEquals(relationTo(STATE, { epoch, lsn }, to), is, `${epoch} ${lsn}`);
  }
});

Deno.test("a lost reign shorter than the branch is no beginning of the history (R29)", () => {
  // Epoch 2 wrote 101 to 120; epoch 3 went off from epoch 1 at 130.
  const state = openState({
    grants: [grantAt(1), grantAt(2), grantAt(3, { parent: 1, startLsn: 130 })],
  });
  assertEquals(relationTo(state, { epoch: 2, lsn: 120 }, 3), {
    kind: "diverged",
    sinceLsn: 100,
    from: 1,
  });
});

Deno.test("data from before the remembered grants is unknown, so it is cloned (R29)", () => {
  const state = openState({ grants: [grantAt(3), grantAt(4)] });
  assertEquals(relationTo(state, { epoch: 1, lsn: 50 }, 4).kind, "unknown");
  assertEquals(relationTo(state, { epoch: 2, lsn: 50 }, 4).kind, "prefix");
  assertEquals(positionOf(state, 4, 50), { epoch: 2, lsn: 50 });
});
