import { assertEquals } from "@std/assert";
import {
  coreAt,
  deliver,
  elapse,
  elect,
  isolate,
  nodeOf,
  propose,
  startCluster,
  type TestCluster,
} from "./cluster_test_kit.ts";

/** What a node's refused proposals were refused for. */
function reasons(cluster: TestCluster, id: number): string[] {
  return nodeOf(cluster, id).refused.map((each) => each.reason);
}

Deno.test("a proposal is refused where nobody leads, and forwarded where somebody does", () => {
  const cluster = startCluster("1 2 3");
  propose(cluster, 2);
  assertEquals(reasons(cluster, 2), ["not_leader"]);
  elect(cluster, 1);
  elapse(cluster, 100);
  propose(cluster, 2, 3);
  deliver(cluster);
  assertEquals([reasons(cluster, 2), coreAt(cluster, 2).commit], [[
    "not_leader",
  ], 5]);
});

Deno.test("limits refuse each proposal by itself, on the leader and through a follower", () => {
  const limits = { maxEntryBytes: 100, maxUncommittedBytes: 200 };
  for (const id of [1, 2]) {
    const cluster = startCluster("1 2 3", limits);
    elect(cluster, 1);
    elapse(cluster, 100);
    propose(cluster, id, 1, 101);
    deliver(cluster);
    assertEquals(reasons(cluster, id), ["too_large"], `at ${id}`);
    cluster.lose = ({ kind }) => kind === "append_response";
    propose(cluster, id, 4, 100);
    deliver(cluster);
    assertEquals(reasons(cluster, id), ["too_large", "busy", "busy"]);
    cluster.lose = () => false;
    elapse(cluster, 500);
    propose(cluster, id, 1, 100);
    deliver(cluster);
    assertEquals(
      reasons(cluster, id).length,
      3,
      "once committed there is room",
    );
  }
});

Deno.test("a leader that has lost its quorum refuses what it would take for ever", () => {
  const cluster = startCluster("1 2 3", {
    maxEntryBytes: 100,
    maxUncommittedBytes: 200,
  });
  elect(cluster, 1);
  isolate(cluster, 1);
  propose(cluster, 1, 5, 100);
  assertEquals(reasons(cluster, 1), ["busy", "busy", "busy"]);
  elapse(cluster, 1200, [1]);
  propose(cluster, 1);
  assertEquals(reasons(cluster, 1).at(-1), "not_leader");
});

Deno.test("forwarded proposals travel in messages of a bounded size", () => {
  const cluster = startCluster("1 2 3", { maxAppendBytes: 250 });
  elect(cluster, 1);
  elapse(cluster, 100);
  propose(cluster, 2, 5, 100);
  const sizes = cluster.wire.map((each) =>
    each.kind === "forward" ? each.proposals.length : 0
  );
  assertEquals(sizes, [2, 2, 1]);
});
