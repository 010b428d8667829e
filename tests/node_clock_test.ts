import { assert, assertEquals } from "@std/assert";
import { join } from "node:path";
import {
  type Cluster,
  type ClusterNode,
  until,
  withCluster,
} from "./nodes/mod.ts";
import { statusOf, valueOf } from "./node_test_kit.ts";

const LIBRARY =
  `/usr/lib/${Deno.build.arch}-linux-gnu/faketime/libfaketimeMT.so.1`;
const DAY_MS = 86_400_000;
const TTL_SECONDS = 3;

async function isThere(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

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
  ignore: !await isThere(LIBRARY),
  fn: async () => {
    const directory = await Deno.makeTempDir({ prefix: "pgraft-clocks-" });
    const clockOf = (id: number): string => join(directory, `clock${id}`);
    /** The file is read anew for every look at the time; a jump is whole or not at all. */
    const jump = async ({ id }: { id: number }, by: string): Promise<void> => {
      await Deno.writeTextFile(`${clockOf(id)}.new`, `${by}\n`);
      await Deno.rename(`${clockOf(id)}.new`, clockOf(id));
    };
    const hosts = [1, 2, 3].map((id) => ({
      address: "127.0.0.1",
      enter: [
        "env",
        `LD_PRELOAD=${LIBRARY}`,
        `FAKETIME_TIMESTAMP_FILE=${clockOf(id)}`,
        "FAKETIME_NO_CACHE=1",
        // What a machine's monotonic clock never does.
        "FAKETIME_DONT_FAKE_MONOTONIC=1",
      ],
    }));
    try {
      for (const id of [1, 2, 3]) await jump({ id }, "+0");
      await withCluster({ hosts }, async (cluster) => {
        const leader = await cluster.leader();
        const term = (await statusOf(leader)).raft?.term ?? 0;
        const lease = { TTL: TTL_SECONDS };
        await ask(leader, "/v3/lease/grant", { ...lease, ID: 1 });
        for (const by of ["+1d", "-1d"]) {
          for (const node of cluster.nodes) {
            await jump(node, by);
            const sign = by.startsWith("+") ? 1 : -1;
            const offMs = await offsetMs(node);
            assert(Math.abs(offMs - sign * DAY_MS) < DAY_MS / 2, `${offMs}`);
            await goesOn(cluster, term);
          }
        }
        // Time goes on all the same: a lease that nobody keeps alive ends.
        await ask(leader, "/v3/lease/grant", { ...lease, ID: 2 });
        await jump(leader, "-1d");
        await until(async () => {
          const { TTL } = await ask(leader, "/v3/lease/timetolive", { ID: 2 });
          return TTL === "-1" || null;
        }, { what: "a lease ends by the clock of the cluster" });
      });
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
});
