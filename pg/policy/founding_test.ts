import { assertEquals } from "@std/assert";
import { type ClusterState, EMPTY_STATE } from "../cluster/mod.ts";
import { decide } from "./decide.ts";
import {
  alive,
  inputOf,
  member,
  membersOf,
  report,
  unheard,
} from "./policy_test_kit.ts";
import type { Observation, Report } from "./report.ts";

/** Three members that have registered; an attempt of node 1, where one is asked for. */
function state(attempt = 0, founder = 1): ClusterState {
  const fresh = { incarnation: null, counted: false };
  return {
    ...EMPTY_STATE,
    members: membersOf(member(1, fresh), member(2, fresh), member(3, fresh)),
    phase: attempt === 0
      ? { kind: "unformed" }
      : { kind: "founding", founder, attempt },
  };
}

function empty(id: number, patch: Partial<Report> = {}): Observation {
  return alive(report(id, {
    pledge: 0,
    incarnation: null,
    state: "stopped",
    role: "none",
    position: null,
    following: null,
    ...patch,
  }));
}

/** Who is appointed, and after which attempt; null for nobody. */
function appointed(
  seen: Readonly<Record<number, Observation>>,
  of = state(),
  phaseMs = 10_000,
): readonly [number, number] | null {
  const { command } = decide(of, inputOf(seen, { phaseMs }));
  return command?.type === "appoint" ? [command.founder, command.after] : null;
}

Deno.test("the lowest member with an empty directory makes the database (R34)", () => {
  assertEquals(appointed({}), null);
  assertEquals(appointed({ 2: empty(2), 1: empty(1), 3: empty(3) }), [1, 0]);
  const others = [
    unheard("gone", 5),
    alive(null),
    empty(1, { state: "failed" }),
    empty(1, { state: "starting" }),
  ];
  for (const other of others) {
    assertEquals(appointed({ 1: other, 2: empty(2), 3: empty(3) }), [2, 0]);
  }
});

Deno.test("members have a while to tell about themselves, witnesses too (R34)", () => {
  assertEquals(appointed({ 2: empty(2) }, state(), 499), null);
  assertEquals(appointed({ 2: empty(2) }, state(), 500), [2, 0]);
  const all = { 1: empty(1), 2: empty(2), 3: alive(null) };
  assertEquals(appointed(all, state(), 0), [1, 0]);
});

Deno.test("a founder that is lost is replaced, one that works is not (R34)", () => {
  const rest = { 2: empty(2), 3: empty(3) };
  const of = state(4);
  const busy = empty(1, { state: "starting" });
  assertEquals(appointed({ ...rest, 1: busy }, of), null);
  assertEquals(appointed({ ...rest, 1: unheard("silent", 1999) }, of), null);
  assertEquals(appointed({ ...rest, 1: unheard("silent", 2000) }, of), [2, 4]);
  assertEquals(appointed({ ...rest, 1: unheard("gone", 5) }, of), [2, 4]);
  const failed = empty(1, { state: "failed" });
  assertEquals(appointed({ ...rest, 1: failed }, of), [2, 4]);
  assertEquals(appointed({ 1: failed }, of), null);
  assertEquals(appointed(rest, of, 1999), null);
  assertEquals(appointed(rest, of, 2000), [2, 4]);
});

Deno.test("who has made a database in vain is asked again when nobody else is left (R34)", () => {
  const made = empty(1, { incarnation: 10 });
  const of = state(2, 2);
  assertEquals(appointed({ 1: made, 2: unheard("gone", 5) }, of), [1, 2]);
});

/** What they tell where a database is adopted: who has one. */
function adopting(...having: number[]): Record<number, Observation> {
  const all = [1, 2, 3].map((id) => [
    id,
    empty(id, having.includes(id) ? { adopts: true } : {}),
  ]);
  return Object.fromEntries(all);
}

/** Who is appointed where all shall adopt. */
function adopter(
  seen: Readonly<Record<number, Observation>>,
  of = state(),
  phaseMs = 10_000,
): number | null {
  const input = inputOf(seen, { phaseMs });
  const settings = { ...input.settings, adopts: true };
  const { command } = decide(of, { ...input, settings });
  return command?.type === "appoint" ? command.founder : null;
}

Deno.test("where a database is adopted, its member founds and nobody makes another (R34)", () => {
  assertEquals(adopter(adopting(2)), 2);
  assertEquals(adopter(adopting()), null);
  // Also where the leader was not told.
  assertEquals(appointed(adopting(3)), [3, 0]);
  const failed = { 2: empty(2, { adopts: true, state: "failed" }) };
  assertEquals(adopter({ ...adopting(), ...failed }), null);
});

Deno.test("of two databases none is adopted, and a second one is not overlooked (R34)", () => {
  assertEquals(adopter(adopting(1, 3)), null);
  const failed = { 3: empty(3, { adopts: true, state: "failed" }) };
  assertEquals(adopter({ ...adopting(1), ...failed }), null);
  const silent = { ...adopting(1), 3: unheard("silent", 2000) };
  const mute = { ...adopting(1), 3: alive(null) };
  for (const seen of [silent, mute]) {
    assertEquals(adopter(seen, state(), 4999), null);
    assertEquals(adopter(seen, state(), 5000), 1);
  }
});

Deno.test("nobody takes the place of a member whose database is adopted (R34)", () => {
  const of = state(1, 2);
  const rest = { 1: empty(1), 3: empty(3) };
  for (const seen of [unheard("gone", 9999), empty(2, { state: "failed" })]) {
    assertEquals(adopter({ ...rest, 2: seen }, of), null);
  }
});
