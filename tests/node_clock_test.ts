import { assert, assertEquals } from "@std/assert";
import { canSetClocks, withClocks } from "./clock_kit.ts";
import {
  type Cluster,
  type ClusterNode,
  until,
  withCluster,
} from "./nodes/mod.ts";
import { statusOf, valueOf } from "./node_test_kit.ts";

const DAY_MS = 86_400_000;
const TTL_SECONDS = 3;

type Json = Readonly<Record<string, unknown>>;

async function ask(
  { client }: ClusterNode,
  path: string,
  body: Json,
): Promise<Json> {
  return valueOf(await client.request("POST", path, body)) as Json;
}

/** By how much a node's time of day is off, as it says itself in an event. */
async function offsetMs({ client, api }: ClusterNode): Promise<number> {
  await client.request("POST", "/v1/metrics/reset", {});
  const response = await fetch(
    `http://${api}/v1/events?last=1&once=true&kinds=metrics_reset`,
  );
  const atMs = Number(/"at_ms":(\d+)/.exec(await response.text())?.[1]);
  return atMs - Date.now();
}

async function keepAlive(cluster: Cluster, id: number): Promise<void> {
  const node = await cluster.leader();
  const { result } = await ask(node, "/v3/lease/keepalive", { ID: id });
  assertEquals((result as Json).TTL, String(TTL_SECONDS), "the lease ended");
}

/** Sees that all goes on: writes through every node, a lease that lives, the same leader. */
async function goesOn(cluster: Cluster, term: number): Promise<void> {
  for (let round = 0; round < 3; round++) {
    for (const node of cluster.nodes) {
      valueOf(await node.client.put(`key${node.id}`, `${round}`));
    }
    await keepAlive(cluster, 1);
  }
  for (const node of cluster.nodes) {
    const { raft } = await statusOf(node);
    assertEquals(raft?.term, term, "a clock has cost an election");
  }
}

Deno.test({
  name:
    "clocks that jump by a day on each node cost no election, no write and no lease",
  ignore: !await canSetClocks(),
  fn: () =>
    withClocks(
      [1, 2, 3],
      null,
      ({ command, set }) =>
        withCluster({ command }, async (cluster) => {
          const leader = await cluster.leader();
          const term = (await statusOf(leader)).raft?.term ?? 0;
          const lease = { TTL: TTL_SECONDS };
          await ask(leader, "/v3/lease/grant", { ...lease, ID: 1 });
          for (const by of ["+1d", "-1d"]) {
            for (const node of cluster.nodes) {
              await set(node.id, by);
              const sign = by.startsWith("+") ? 1 : -1;
              const offMs = await offsetMs(node);
              assert(Math.abs(offMs - sign * DAY_MS) < DAY_MS / 2, `${offMs}`);
              await goesOn(cluster, term);
            }
          }
          // Time goes on all the same: a lease that nobody keeps alive ends.
          await ask(leader, "/v3/lease/grant", { ...lease, ID: 2 });
          await set(leader.id, "-2d");
          await until(async () => {
            const { TTL } = await ask(leader, "/v3/lease/timetolive", {
              ID: 2,
            });
            return TTL === "-1" || null;
          }, { what: "a lease ends by the clock of the cluster" });
        }),
    ),
});
