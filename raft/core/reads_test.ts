import { assertEquals } from "@std/assert";
import {
  coreAt,
  crash,
  deliver,
  elapse,
  elect,
  input,
  nodeOf,
  restart,
  startCluster,
} from "./cluster_test_kit.ts";

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
