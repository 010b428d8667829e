import { assert, assertEquals } from "@std/assert";
import {
  coreAt,
  deliver,
  elapse,
  elect,
  input,
  message,
  nodeOf,
  pass,
  propose,
  startCluster,
} from "./cluster_test_kit.ts";

Deno.test("asking again for the same transfer does not put its end off", () => {
  const cluster = startCluster("1 2 3");
  elect(cluster, 1);
  elapse(cluster, 100);
  cluster.lose = ({ kind }) => kind === "timeout_now";
  for (let asked = 0; asked < 8; asked++) {
    input(cluster, 2, { kind: "campaign" });
    deliver(cluster);
    elapse(cluster, 300);
  }
  assert(nodeOf(cluster, 1).transfers.includes("failed"));
});

Deno.test("a witness hands leadership over also under load", () => {
  const cluster = startCluster("1w 2 3");
  cluster.lose = ({ kind }) => kind === "timeout_now";
  elect(cluster, 1);
  cluster.lose = () => false;
  for (let round = 0; round < 240; round++) {
    propose(cluster, 1);
    cluster.nowMs += 50;
    input(cluster, 1, { kind: "tick" });
    deliver(cluster);
  }
  assertEquals(coreAt(cluster, 1).role, "follower");
});

Deno.test("a witness takes proposals between attempts to hand leadership over", () => {
  const cluster = startCluster("1w 2 3");
  cluster.lose = ({ kind }) => kind === "timeout_now";
  const leader = elect(cluster, 1);
  let accepted = 0;
  for (let round = 0; round < 40; round++) {
    elapse(cluster, 100);
    const refused = nodeOf(cluster, 1).refused.length;
    propose(cluster, 1);
    deliver(cluster);
    if (nodeOf(cluster, 1).refused.length === refused) accepted++;
  }
  assertEquals(leader.role, "leader");
  assert(accepted >= 10, `${accepted} of 40 proposals were accepted`);
});

Deno.test("a transfer makes the target the leader and loses no proposal", () => {
  for (const target of [0, 3]) {
    const cluster = startCluster("1 2 3");
    elect(cluster, 1);
    elapse(cluster, 100);
    propose(cluster, 1, 5);
    input(cluster, 1, { kind: "transfer", target });
    propose(cluster, 1);
    deliver(cluster);
    assertEquals(nodeOf(cluster, 1).transfers, ["started"]);
    const refused = nodeOf(cluster, 1).refused.map(({ reason }) => reason);
    assertEquals(refused, ["transferring"]);
    const leader = coreAt(cluster, target || 2);
    assertEquals([leader.role, leader.commit], ["leader", 8]);
  }
});

Deno.test("a transfer waits for the target to have the whole log", () => {
  const cluster = startCluster("1 2 3");
  elect(cluster, 1);
  elapse(cluster, 100);
  cluster.lose = ({ to, kind }) => to === 3 && kind === "append";
  propose(cluster, 1, 5);
  deliver(cluster);
  input(cluster, 1, { kind: "transfer", target: 3 });
  deliver(cluster);
  assertEquals(cluster.sent.some(({ kind }) => kind === "timeout_now"), false);
  cluster.lose = () => false;
  elapse(cluster, 500);
  assertEquals(coreAt(cluster, 3).role, "leader");
});

Deno.test("only a leader transfers, and only to a voter", () => {
  const cluster = startCluster("1 2 3l");
  elect(cluster, 1);
  for (const target of [1, 3, 9]) {
    input(cluster, 1, { kind: "transfer", target });
  }
  input(cluster, 2, { kind: "transfer", target: 1 });
  assertEquals(nodeOf(cluster, 1).transfers, [
    "no_target",
    "no_target",
    "no_target",
  ]);
  assertEquals(nodeOf(cluster, 2).transfers, ["not_leader"]);
});

Deno.test("a failed transfer is said, and the leader takes proposals again", () => {
  const cluster = startCluster("1 2 3");
  const leader = elect(cluster, 1);
  elapse(cluster, 100);
  cluster.lose = ({ kind }) => kind === "timeout_now";
  input(cluster, 1, { kind: "transfer", target: 2 });
  elapse(cluster, 1200);
  propose(cluster, 1);
  deliver(cluster);
  assertEquals(nodeOf(cluster, 1).transfers, ["started", "failed"]);
  assertEquals([nodeOf(cluster, 1).refused, leader.commit], [[], 3]);
});

Deno.test("an order to stand that comes late, or to a learner, changes nothing", () => {
  const cluster = startCluster("1 2 3l");
  const { term } = elect(cluster, 1);
  elapse(cluster, 100);
  const order = { kind: "timeout_now" } as const;
  pass(cluster, message(1, 2, term - 1, order));
  pass(cluster, message(1, 3, term, order));
  deliver(cluster);
  assertEquals([2, 3].map((id) => coreAt(cluster, id).role), [
    "follower",
    "follower",
  ]);
  assertEquals(coreAt(cluster, 1).term, term);
});

Deno.test("a follower that is asked to campaign gets leadership from the leader", () => {
  const cluster = startCluster("1 2 3");
  elect(cluster, 1);
  elapse(cluster, 100);
  input(cluster, 2, { kind: "campaign" });
  deliver(cluster);
  assertEquals(coreAt(cluster, 2).role, "leader");
});
