import { assert } from "@std/assert";
import { withCluster } from "./nodes/mod.ts";
import { checkHistories, type Fault, letRun } from "./histories.ts";

const FAULTS: readonly Fault[] = [
  ["the leader is killed", async (cluster, histories) => {
    const leader = await cluster.leader();
    await leader.kill();
    await letRun(histories, 60);
    leader.restart();
    await leader.ready();
  }],
  ["the leader is frozen", async (cluster, histories) => {
    const leader = await cluster.leader();
    leader.freeze();
    await cluster.leader();
    await letRun(histories, 60);
    leader.thaw();
    await letRun(histories, 60);
  }],
  ["a follower is frozen and another killed", async (cluster, histories) => {
    const leader = await cluster.leader();
    const [one, two] = cluster.up().filter((node) => node !== leader);
    assert(one && two);
    one.freeze();
    await letRun(histories, 60);
    await two.kill();
    one.thaw();
    await letRun(histories, 30);
    two.restart();
    await cluster.ready();
  }],
  ["all are killed", async (cluster, histories) => {
    await Promise.all(cluster.nodes.map((node) => node.kill()));
    for (const node of cluster.nodes) node.restart();
    await cluster.ready();
    await letRun(histories, 60);
  }],
];

Deno.test("what clients see is linearizable while nodes are killed, frozen and thawed", () =>
  withCluster(
    { flags: { "raft-election-timeout": "600" } },
    (cluster) => checkHistories(cluster, [...FAULTS, ...FAULTS]),
  ));
