import { assert, assertEquals } from "@std/assert";
import {
  coreAt,
  deliver,
  elapse,
  elect,
  input,
  nodeOf,
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
