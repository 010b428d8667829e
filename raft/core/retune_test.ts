import { assert, assertEquals } from "@std/assert";
import {
  coreAt,
  deliver,
  elapse,
  elect,
  input,
  startCluster,
} from "./cluster_test_kit.ts";

Deno.test("a leader that is to speak up more often does so at once", () => {
  const cluster = startCluster("1 2 3");
  const leader = elect(cluster, 1);
  elapse(cluster, 100);
  const before = leader.leader?.heartbeatDueMs ?? 0;
  const options = { ...leader.options, heartbeatIntervalMs: 10 };
  input(cluster, 1, { kind: "retune", options });
  deliver(cluster);
  assert((leader.leader?.heartbeatDueMs ?? 0) <= cluster.nowMs + 10);
  assert(before > cluster.nowMs + 10, "it was due later before");
  assertEquals(coreAt(cluster, 1).options.heartbeatIntervalMs, 10);
});

Deno.test("a follower waits for its leader by the new election timeout", () => {
  const cluster = startCluster("1 2 3");
  elect(cluster, 1);
  const follower = coreAt(cluster, 2);
  const options = { ...follower.options, electionTimeoutMs: 9000 };
  input(cluster, 2, { kind: "retune", options });
  assert(follower.electionDeadlineMs >= cluster.nowMs + 9000);
});

Deno.test("a group stays together while its members change their times one after the other", () => {
  const cluster = startCluster("1 2 3");
  const leader = elect(cluster, 1);
  const { term } = leader;
  for (
    const [heartbeatIntervalMs, electionTimeoutMs] of [[20, 300], [200, 2000], [
      100,
      1000,
    ]]
  ) {
    for (const id of [1, 2, 3]) {
      const options = {
        ...coreAt(cluster, id).options,
        heartbeatIntervalMs: heartbeatIntervalMs ?? 0,
        electionTimeoutMs: electionTimeoutMs ?? 0,
      };
      input(cluster, id, { kind: "retune", options });
      deliver(cluster);
      for (let step = 0; step < 30; step++) elapse(cluster, 20);
    }
  }
  assertEquals([leader.role, leader.term], ["leader", term]);
});
