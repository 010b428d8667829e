import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "node:path";
import { present } from "../base/mod.ts";
import { createFileLogStore } from "../raft/file/mod.ts";
import {
  type Cluster,
  type ClusterNode,
  until,
  withCluster,
} from "./nodes/mod.ts";
import { membersOf, valueOf } from "./node_test_kit.ts";

const INCARNATION = 4_711;
/** The name of a cluster that nobody has named. */
const CLUSTER_ID = "pgraft_cluster";

function followersOf(
  cluster: Cluster,
  leader: ClusterNode,
): [ClusterNode, ClusterNode] {
  const [one, two] = cluster.nodes.filter((node) => node !== leader);
  return [present(one, "a follower"), present(two, "another follower")];
}

/** What a member leaves that heard a leader's term, and ended before it heard of any member. */
async function leaveTermOnly(directory: string, id: number): Promise<void> {
  const store = createFileLogStore(join(directory, "raft"));
  await store.open({
    clusterId: CLUSTER_ID,
    nodeId: id,
    incarnation: INCARNATION,
  });
  const hardState = { term: 1, votedFor: 0, commit: 0 };
  await store.append({ hardState, entries: [] });
  await store.close();
}

Deno.test("a node that was killed after it was let in, before it heard of any member, comes in when it is back", () =>
  withCluster({}, async (cluster) => {
    const leader = await cluster.leader();
    valueOf(await leader.client.put("a", "kept"));
    const [door] = followersOf(cluster, leader);
    await door.kill();
    const fourth = cluster.add(4, { "cluster-join": door.raft });
    await fourth.kill();
    await Deno.remove(fourth.directory, { recursive: true }).catch(() => {});
    await leaveTermOnly(fourth.directory, 4);
    door.restart();
    await door.ready();
    valueOf(
      await leader.client.request("POST", "/v1/nodes", {
        id: 4,
        incarnation: INCARNATION,
        raft_address: fourth.raft,
      }),
    );

    fourth.restart();
    await fourth.ready();

    assertMatch(fourth.process().output(), /Joining a cluster/);
    assertEquals(valueOf(await fourth.client.get("a"))?.value, "kept");
    const member = (await membersOf(leader)).find(({ id }) => id === 4);
    assertEquals(member?.incarnation, INCARNATION);
  }));

Deno.test("a transfer that is asked of a follower answers with the leader that it was to have", () =>
  withCluster({}, async (cluster) => {
    for (let round = 0; round < 6; round++) {
      const leader = await cluster.leader();
      const [asked, target] = followersOf(cluster, leader);
      const answer = await asked.client.request("POST", "/v1/transfer", {
        target: target.id,
      });
      const { leader_id } = valueOf(answer) as { leader_id: number };
      assertEquals(leader_id, target.id);
    }
  }));

Deno.test("an order that the leader takes with it has an unknown outcome", () =>
  withCluster({}, async (cluster) => {
    const leader = await cluster.leader();
    const [asked, target] = followersOf(cluster, leader);
    leader.freeze();
    const answer = asked.client.request("DELETE", `/v1/nodes/${target.id}`);
    await until(async () => {
      const metrics = valueOf(await asked.client.request("GET", "/metrics"));
      // The question itself is one of them.
      return /^pgraft_http_requests_in_flight 2$/m.test(String(metrics)) ||
        null;
    }, { what: "the order is under way" });
    await leader.kill();

    const refused = await answer;
    assert(refused.kind === "unknown", JSON.stringify(refused));
    assertEquals(refused.code, "outcome_unknown");
    assertMatch(refused.detail, /did not answer: .*look at \/v1\/nodes/);
  }));
