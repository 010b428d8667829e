/**
 * What clients see while nodes are cut off from each other. Run by `node_cut_off_test.ts` in a network
 * of its own, for it makes and cuts networks.
 *
 * @module
 */
import { assert } from "@std/assert";
import {
  type Cluster,
  type ClusterNode,
  type HostNetwork,
  startNetwork,
  until,
  withCluster,
} from "./nodes/mod.ts";
import { checkHistories, type Fault, letRun } from "./histories.ts";

const SIZE = 3;
const OPERATIONS = 60;

function othersThan(cluster: Cluster, node: ClusterNode): ClusterNode[] {
  return cluster.nodes.filter((other) => other !== node);
}

/** Waits until all of these nodes follow one of them. */
async function leaderAmong(
  nodes: readonly ClusterNode[],
): Promise<ClusterNode> {
  return await until(async () => {
    const ids = await Promise.all(nodes.map(({ client }) => client.leaderId()));
    const leader = nodes.find(({ id }) => id === ids[0]);
    return new Set(ids).size === 1 && leader ? leader : null;
  }, { what: `nodes ${nodes.map(({ id }) => id)} have a leader of theirs` });
}

function faultsOf(network: HostNetwork): readonly Fault[] {
  const healed = async (cluster: Cluster): Promise<void> => {
    await network.heal();
    await cluster.leader();
  };
  return [
    ["the leader is cut off", async (cluster, histories) => {
      const leader = await cluster.leader();
      const others = othersThan(cluster, leader);
      for (const { id } of others) await network.cutApart(leader.id, id);
      await leaderAmong(others);
      await letRun(histories, OPERATIONS);
      await healed(cluster);
      await letRun(histories, OPERATIONS);
    }],
    ["the leader hears nobody", async (cluster, histories) => {
      const leader = await cluster.leader();
      const others = othersThan(cluster, leader);
      for (const { id } of others) await network.cut(id, leader.id);
      await leaderAmong(others);
      await letRun(histories, OPERATIONS);
      await healed(cluster);
    }],
    ["nobody hears the leader", async (cluster, histories) => {
      const leader = await cluster.leader();
      const others = othersThan(cluster, leader);
      for (const { id } of others) await network.cut(leader.id, id);
      await leaderAmong(others);
      await letRun(histories, OPERATIONS);
      await healed(cluster);
    }],
    ["a follower and the leader are cut apart", async (cluster, histories) => {
      const leader = await cluster.leader();
      const [follower] = othersThan(cluster, leader);
      assert(follower);
      await network.cutApart(leader.id, follower.id);
      await letRun(histories, OPERATIONS);
      await healed(cluster);
    }],
    ["a leader that is cut off is killed", async (cluster, histories) => {
      const leader = await cluster.leader();
      const others = othersThan(cluster, leader);
      for (const { id } of others) await network.cutApart(leader.id, id);
      await leaderAmong(others);
      await leader.kill();
      await letRun(histories, OPERATIONS);
      await network.heal();
      leader.restart();
      await cluster.ready();
      await letRun(histories, OPERATIONS);
    }],
    ["all are cut apart", async (cluster, histories) => {
      await network.cutApart(1, 2);
      await network.cutApart(2, 3);
      await network.cutApart(1, 3);
      await until(async () => {
        const ids = await Promise.all(
          cluster.nodes.map(({ client }) => client.leaderId()),
        );
        return ids.every((id) => id === 0) || null;
      }, { what: "nobody claims to lead" });
      await healed(cluster);
      await letRun(histories, OPERATIONS);
    }],
  ];
}

if (import.meta.main) {
  await using network = await startNetwork(SIZE);
  const faults = faultsOf(network);
  await withCluster({
    size: SIZE,
    hosts: network.hosts,
    flags: { "raft-election-timeout": "600" },
  }, (cluster) => checkHistories(cluster, [...faults, ...faults]));
}
