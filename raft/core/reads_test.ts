import { assert, assertEquals } from "@std/assert";
import { present } from "../../base/mod.ts";
import {
  configure,
  coreAt,
  crash,
  deliver,
  elapse,
  elect,
  input,
  isolate,
  message,
  nodeOf,
  pass,
  propose,
  restart,
  startCluster,
  type TestCluster,
} from "./cluster_test_kit.ts";
import { leaseHolds } from "./reads.ts";

function read(cluster: TestCluster, id: number, requestId: number): void {
  input(cluster, id, { kind: "read", requestId });
}

/** The outcomes of the reads of a node: the index, or why there is none. */
function outcomes(cluster: TestCluster, id: number): (number | string)[] {
  return nodeOf(cluster, id).reads.map((read) =>
    read.kind === "ready" ? read.index : read.reason
  );
}

/** Whether the leader answers a read without asking around, at the group's time. */
function answersAtOnce(cluster: TestCluster, id: number): boolean {
  const before = nodeOf(cluster, id).reads.length;
  read(cluster, id, 99);
  return nodeOf(cluster, id).reads.slice(before).some((each) =>
    each.kind === "ready"
  );
}

Deno.test("a new leader answers no read before the first commit of its term", () => {
  const cluster = startCluster("1 2 3");
  cluster.lose = ({ kind }) => kind === "append_response";
  elect(cluster, 1);
  read(cluster, 1, 1);
  deliver(cluster);
  assertEquals(outcomes(cluster, 1), []);
  cluster.lose = () => false;
  elapse(cluster, 300);
  assertEquals(outcomes(cluster, 1), [2]);
});

Deno.test("a read waits for a majority's answers to a round that began after it", () => {
  const cluster = startCluster("1 2 3");
  const { term } = elect(cluster, 1);
  elapse(cluster, 200);
  cluster.lose = ({ kind }) => kind === "heartbeat_response";
  read(cluster, 1, 1);
  deliver(cluster);
  const answer = (from: number, round: number): void => {
    const body = { kind: "heartbeat_response", round, sentAtMs: 0 } as const;
    input(cluster, 1, {
      kind: "message",
      message: message(from, 1, term, body),
    });
  };
  const { round } = present(coreAt(cluster, 1).leader, "its term");
  answer(2, round - 1);
  answer(3, round - 1);
  assertEquals(outcomes(cluster, 1), [], "answers to the round before");
  answer(2, round);
  assertEquals(outcomes(cluster, 1), [2]);
});

Deno.test("a read behind a round under way waits for the next one", () => {
  const cluster = startCluster("1 2 3");
  elect(cluster, 1);
  elapse(cluster, 200);
  read(cluster, 1, 1);
  read(cluster, 1, 2);
  const rounds = (): (number | undefined)[] =>
    cluster.wire.map((each) =>
      each.kind === "heartbeat" && each.to === 2 ? each.round : undefined
    ).filter((round) => round !== undefined);
  assertEquals(rounds(), [2], "one round gathers what comes later");
  deliver(cluster);
  assertEquals(outcomes(cluster, 1), [2, 2]);
});

Deno.test("learners and strangers confirm no read", () => {
  const cluster = startCluster("1 2 3 4l 5l");
  elect(cluster, 1);
  elapse(cluster, 200);
  crash(cluster, 2);
  crash(cluster, 3);
  read(cluster, 1, 1);
  elapse(cluster, 500);
  assertEquals(outcomes(cluster, 1), []);
  elapse(cluster, 1000);
  assertEquals(outcomes(cluster, 1), ["no_leader"], "after it stepped down");
});

Deno.test("a follower's read gets an index at which the leader was confirmed", () => {
  const cluster = startCluster("1 2 3");
  read(cluster, 2, 1);
  assertEquals(outcomes(cluster, 2), ["no_leader"], "nobody leads");
  elect(cluster, 1);
  elapse(cluster, 200);
  propose(cluster, 1, 5);
  deliver(cluster);
  read(cluster, 2, 2);
  deliver(cluster);
  assertEquals(outcomes(cluster, 2), ["no_leader", 7]);
  const body = { kind: "read_index", requestId: 3 } as const;
  pass(cluster, message(2, 3, 2, body));
  deliver(cluster);
  assertEquals(
    outcomes(cluster, 2),
    ["no_leader", 7, "no_leader"],
    "of a follower",
  );
});

Deno.test("reads beyond the bound are refused as busy", () => {
  const cluster = startCluster("1 2 3", { maxPendingReads: 2 });
  cluster.lose = ({ kind }) => kind === "append_response";
  elect(cluster, 1);
  for (let id = 1; id <= 3; id++) read(cluster, 1, id);
  assertEquals(outcomes(cluster, 1), ["busy"]);
});

Deno.test("a lease answers reads at once where it is on, and only while it lasts", () => {
  for (const leases of [false, true]) {
    const cluster = startCluster(configure("1 2 3", leases));
    cluster.nowMs += 1000;
    elect(cluster, 1);
    elapse(cluster, 200);
    assertEquals(answersAtOnce(cluster, 1), leases, `leases ${leases}`);
    deliver(cluster);
    isolate(cluster, 1);
    elapse(cluster, 880, [1]);
    assertEquals(answersAtOnce(cluster, 1), leases, "just before its end");
    elapse(cluster, 40, [1]);
    assertEquals(answersAtOnce(cluster, 1), false, "after its end");
  }
});

Deno.test("a lease ends with a transfer, for the rest of the term", () => {
  const cluster = startCluster(configure("1 2 3", true));
  cluster.nowMs += 1000;
  const leader = elect(cluster, 1);
  elapse(cluster, 200);
  cluster.lose = ({ kind }) => kind === "timeout_now";
  input(cluster, 1, { kind: "transfer", target: 2 });
  assertEquals(answersAtOnce(cluster, 1), false);
  elapse(cluster, 1500);
  assertEquals([leader.role, leader.leader?.transfer], ["leader", null]);
  assertEquals(answersAtOnce(cluster, 1), false);
});

Deno.test("with leases a restarted node keeps the promise that it may have given", () => {
  for (const leases of [false, true]) {
    const cluster = startCluster(configure("1 2 3", leases));
    cluster.nowMs += 1000;
    elect(cluster, 1);
    elapse(cluster, 200);
    restart(cluster, 3);
    const body = {
      kind: "vote",
      lastIndex: 9,
      lastTerm: 9,
      early: true,
      transfer: false,
    } as const;
    pass(cluster, message(2, 3, 9, body));
    assertEquals(coreAt(cluster, 3).votedFor === 2, !leases);
  }
});

Deno.test("turning leases on counts once it is committed, turning them off at once", () => {
  const cluster = startCluster("1 2 3");
  const leader = elect(cluster, 1);
  elapse(cluster, 200);
  const turn = (enabled: boolean): void =>
    input(cluster, 1, {
      kind: "change",
      requestId: 1,
      change: { kind: "lease_reads", enabled },
      expectedIndex: null,
      force: false,
    });
  const holds = (): boolean =>
    leaseHolds(leader, present(leader.leader, "its term"));
  turn(true);
  assertEquals(holds(), false, "not committed yet");
  deliver(cluster);
  assertEquals(holds(), true);
  turn(false);
  assertEquals(holds(), false);
});

Deno.test("a lease rests on members only that will remember their promise after a restart", () => {
  const cluster = startCluster("1 2 3");
  const leader = elect(cluster, 1);
  elapse(cluster, 200);
  cluster.lose = ({ to, kind }) => to === 3 && kind === "append";
  input(cluster, 1, {
    kind: "change",
    requestId: 1,
    change: { kind: "lease_reads", enabled: true },
    expectedIndex: null,
    force: false,
  });
  deliver(cluster);
  // From now on only 3 answers, which has never heard of leases.
  cluster.lose = ({ from, to, kind }) =>
    [from, to].sort().join() === "1,2" || to === 3 && kind === "append";
  elapse(cluster, 950, [1, 3]);
  crash(cluster, 3);
  restart(cluster, 3);
  input(cluster, 2, { kind: "tick" });
  elapse(cluster, 400, [2]);
  assertEquals(coreAt(cluster, 2).role, "leader");
  input(cluster, 1, { kind: "read", requestId: 1 });
  assertEquals([leader.role, nodeOf(cluster, 1).reads], ["leader", []]);
});

Deno.test("a follower whose read a lease answers hears at once of what it needs for it", () => {
  const cluster = startCluster(configure("1 2 3", true));
  cluster.nowMs += 1000;
  const leader = elect(cluster, 1);
  elapse(cluster, 200);
  propose(cluster, 1, 3);
  deliver(cluster);
  assert(coreAt(cluster, 2).commit < leader.commit, "it was told before");

  read(cluster, 2, 7);
  deliver(cluster);

  assertEquals(outcomes(cluster, 2), [leader.commit]);
  assertEquals(coreAt(cluster, 2).commit, leader.commit);
});
