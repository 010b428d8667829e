import { assertEquals } from "@std/assert";
import { decide } from "./decide.ts";
import { assessPrimary } from "./loss.ts";
import {
  alive,
  grantedState,
  inputOf,
  member,
  membersOf,
  openState,
  primaryReport,
  report,
  rule,
  sealingState,
  typeOf,
  unheard,
} from "./policy_test_kit.ts";
import type { FollowReport, Observation, Report } from "./report.ts";

const FLOWS: FollowReport = {
  epoch: 1,
  upstream: 1,
  streaming: true,
  silentMs: 10,
  refused: false,
};
const SILENT: FollowReport = { ...FLOWS, silentMs: 1000 };
const REFUSED: FollowReport = { ...FLOWS, streaming: false, refused: true };

function standbys(
  two: FollowReport | null,
  three = two,
): Record<number, Observation> {
  return {
    2: alive(report(2, { following: two })),
    3: alive(report(3, { following: three })),
  };
}

function kindOf(
  observations: Record<number, Observation>,
  state = openState(),
  phaseMs = 10_000,
): string {
  const found = assessPrimary(state, inputOf(observations, { phaseMs }));
  return found.kind === "lost" ? found.reason : found.kind;
}

Deno.test("the primary's own agent says that the reign is lost (R7 a)", () => {
  const told = (patch: Partial<Report>): string =>
    kindOf({ 1: alive(primaryReport({}, patch)), ...standbys(FLOWS) });
  assertEquals(told({}), "fine");
  assertEquals(
    told({ lost: "postmaster_gone", lostEpoch: 1 }),
    "postmaster_gone",
  );
  assertEquals(told({ lost: "disk_full", lostEpoch: 1 }), "disk_full");
  // What it told of another epoch says nothing of this one (R10).
  assertEquals(told({ lost: "postmaster_gone", lostEpoch: 2 }), "fine");
});

Deno.test("a primary whose directory is gone or another is lost, and one that has not told is not (R7 a)", () => {
  const told = (told: Report | null): string =>
    kindOf({ 1: alive(told), ...standbys(FLOWS) });
  assertEquals(told(null), "watch");
  assertEquals(told(report(1, { pledge: 0, incarnation: null })), "watch");
  assertEquals(
    told(report(1, { state: "starting", incarnation: null })),
    "watch",
  );
  assertEquals(told(report(1, { incarnation: 11 })), "postmaster_gone");
  assertEquals(told(report(1, { incarnation: null })), "postmaster_gone");
  const empty = report(1, {
    pledge: 0,
    incarnation: null,
    state: "stopped",
    lost: "postmaster_gone",
    lostEpoch: 1,
  });
  assertEquals(told(empty), "postmaster_gone");
});

Deno.test("a gone agent is a gone primary when its log has stopped too (R7 b)", () => {
  const cases = [
    { agent: "gone", ms: 5, two: REFUSED, three: REFUSED, is: "node_gone" },
    { agent: "gone", ms: 5, two: FLOWS, three: REFUSED, is: "watch" },
    { agent: "gone", ms: 5, two: FLOWS, three: FLOWS, is: "watch" },
    { agent: "gone", ms: 5, two: SILENT, three: REFUSED, is: "node_silent" },
    { agent: "silent", ms: 999, two: REFUSED, three: REFUSED, is: "watch" },
    {
      agent: "silent",
      ms: 1000,
      two: SILENT,
      three: SILENT,
      is: "node_silent",
    },
    { agent: "silent", ms: 1000, two: SILENT, three: FLOWS, is: "watch" },
    // Cut, but the port still answers: nothing has been silent for long enough.
    {
      agent: "gone",
      ms: 5,
      two: { ...REFUSED, refused: false },
      three: REFUSED,
      is: "watch",
    },
  ] as const;
  for (const { agent, ms, two, three, is } of cases) {
    const seen = { 1: unheard(agent, ms), ...standbys(two, three) };
    assertEquals(kindOf(seen), is, JSON.stringify({ agent, ms, two, three }));
  }
});

Deno.test("a report's age counts for the silence that it tells of (R7 b)", () => {
  const seen = (id: number, reportMs: number): Observation =>
    alive(report(id, { following: { ...FLOWS, silentMs: 600 } }), { reportMs });
  const all = (ms: number): Record<number, Observation> => ({
    1: unheard("silent", 1500),
    2: seen(2, 400),
    3: seen(3, ms),
  });
  assertEquals(kindOf(all(400)), "node_silent");
  assertEquals(kindOf(all(399)), "watch");
});

Deno.test("an agent that stays gone is lost after its grace though the log flows (R7 c)", () => {
  const seen = (ms: number): Record<number, Observation> => ({
    1: unheard("gone", ms),
    ...standbys(FLOWS),
  });
  assertEquals(kindOf(seen(2999)), "watch");
  assertEquals(kindOf(seen(3000)), "agent_gone");
  // A new process at its place gets its time to start.
  const returning = { ...unheard("gone", 9000), absentMs: 2999 };
  assertEquals(kindOf({ ...seen(0), 1: returning }), "watch");
  // Seen by nobody, the log tells nothing.
  const blind = { 1: unheard("gone", 2999), ...standbys(null) };
  assertEquals(kindOf(blind), "watch");
});

Deno.test("an agent that left on purpose is not lost by its silence, but with its log (R8)", () => {
  const state = openState({
    members: membersOf(member(1, { away: true }), member(2), member(3)),
  });
  assertEquals(
    kindOf({ 1: unheard("gone", 9000), ...standbys(FLOWS) }, state),
    "watch",
  );
  assertEquals(
    kindOf({ 1: unheard("gone", 9000), ...standbys(REFUSED) }, state),
    "node_gone",
  );
});

Deno.test("what streamed from the primary of another epoch says nothing (R7 b)", () => {
  const old = { ...REFUSED, epoch: 0 };
  assertEquals(
    kindOf({ 1: unheard("gone", 5), ...standbys(old, REFUSED) }),
    "node_gone",
  );
  const flows = { ...FLOWS, epoch: 0 };
  assertEquals(
    kindOf({ 1: unheard("gone", 5), ...standbys(flows, REFUSED) }),
    "node_gone",
  );
  assertEquals(
    kindOf({ 1: unheard("gone", 5), ...standbys(old, old) }),
    "watch",
  );
});

Deno.test("nobody is deposed whom the others can't replace without losing commits (R2, R6)", () => {
  const gone = { 1: unheard("gone", 9000), ...standbys(REFUSED) };
  const one = { ...gone, 3: unheard("gone", 9000, report(3)) };
  assertEquals(kindOf(one), "watch");
  const other = { ...gone, 3: alive(report(3, { incarnation: 31 })) };
  assertEquals(kindOf(other), "watch");
  const none = { ...gone, 3: alive(report(3, { position: null })) };
  assertEquals(kindOf(none), "watch");
  // k = 0: nobody but the primary covers it.
  assertEquals(kindOf(gone, openState({ rules: [rule([], 0)] })), "watch");
  assertEquals(kindOf(gone), "node_gone");
});

Deno.test("a winner that falls silent before it has opened is given up at once (R21)", () => {
  const state = grantedState({
    grants: grantedState().grants.map((one) => ({ ...one, promoted: false })),
  });
  const others = { 1: alive(report(1)), 3: alive(report(3)) };
  assertEquals(
    kindOf({ ...others, 2: unheard("gone", 5) }, state),
    "node_gone",
  );
  assertEquals(
    kindOf({ ...others, 2: unheard("silent", 999) }, state),
    "watch",
  );
  assertEquals(
    kindOf({ ...others, 2: unheard("silent", 1000) }, state),
    "node_silent",
  );
  assertEquals(
    kindOf({ 3: alive(report(3)), 2: unheard("gone", 5) }, state),
    "watch",
  );
});

Deno.test("mode off waits until the primary has closed itself, and never fails over from a living one (R30)", () => {
  const state = openState({ mode: "off", rules: [rule([], 0)] });
  const kind = (ms: number, sees: FollowReport | null): string =>
    kindOf({ 1: unheard("gone", ms), ...standbys(sees) }, state);
  assertEquals(kind(1999, REFUSED), "watch");
  assertEquals(kind(2000, REFUSED), "node_gone");
  assertEquals(kind(9000, FLOWS), "watch");
  assertEquals(kind(9000, null), "agent_gone");
});

Deno.test("a leader that has not heard of the primary waits as long as for a silent one (R10)", () => {
  assertEquals(kindOf(standbys(SILENT), openState(), 999), "watch");
  assertEquals(kindOf(standbys(SILENT), openState(), 1000), "node_silent");
});

Deno.test("a lost primary is an attempt on the next epoch, once (R10, R11)", () => {
  const seen = { 1: unheard("gone", 5), ...standbys(REFUSED) };
  assertEquals(decide(openState(), inputOf(seen)).command, {
    type: "attempt",
    epoch: 2,
    expected: { kind: "open", epoch: 1 },
    attempt: { kind: "automatic" },
    reason: "node_gone",
    detail: "The agent of node 1 is gone and its write-ahead log has stopped",
    lostAtMs: 49_995,
    atMs: 50_000,
  });
  assertEquals(typeOf(decide(sealingState(), inputOf(seen))), null);
});

Deno.test("an attempt counts on who can't have acknowledged in the epoch, and needs somebody with data (R2, R6)", () => {
  const gone = { 1: unheard("gone", 5) };
  const blank = (id: number, followed: number): Observation =>
    alive(report(id, { position: null, followed, following: REFUSED }));
  const last = alive(report(3, { following: REFUSED }));
  const kindWith = (two: Observation, three: Observation): string =>
    kindOf({ ...gone, 2: two, 3: three });
  assertEquals(kindWith(blank(2, 0), last), "node_gone");
  assertEquals(kindWith(blank(2, 1), last), "watch");
  assertEquals(kindWith(blank(2, 0), blank(3, 0)), "watch");
});

Deno.test("a pause begins no attempt, and says so (R33)", () => {
  const seen = { 1: unheard("gone", 5), ...standbys(REFUSED) };
  const { command, findings } = decide(
    openState({ paused: true }),
    inputOf(seen),
  );
  assertEquals(command, null);
  assertEquals(findings.map(({ code }) => code), ["node_gone", "paused"]);
});

Deno.test("nobody reigns while members seal, so nobody is lost", () => {
  assertEquals(kindOf({}, sealingState()), "fine");
});
