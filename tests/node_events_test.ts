import { assert, assertEquals } from "@std/assert";
import { join } from "node:path";
import { readEvents } from "../base/mod.ts";
import {
  type ClusterNode,
  startProcess,
  until,
  withCluster,
} from "./nodes/mod.ts";
import { untilWritten, valueOf } from "./node_test_kit.ts";

const MAIN = join(import.meta.dirname ?? ".", "..", "main.ts");

/** Everything that a node remembers, as `kind text`. */
async function remembered({ api }: ClusterNode): Promise<string[]> {
  const response = await fetch(
    `http://${api}/v1/events?last=1024&once=true`,
  );
  assert(response.body);
  const events = await Array.fromAsync(readEvents(response.body));
  return events.slice(1).map(({ event, data }) =>
    `${event} ${JSON.parse(data).text}`
  );
}

Deno.test("every node tells of a leader that is lost and of the next one, and a node that comes back of nothing old", () =>
  withCluster({}, async (cluster) => {
    const first = await cluster.leader();
    valueOf(await first.client.request("POST", "/v1/pause", {}));
    await first.kill();
    const next = await cluster.leader();
    for (const node of cluster.up()) {
      await until(async () => {
        const events = await remembered(node);
        const at = [
          `leader Node ${first.id} leads in term`,
          `leader Node ${next.id} leads in term`,
        ].map((text) => events.findIndex((one) => one.startsWith(text)));
        const isTold = at.every((place, i) => place > (at[i - 1] ?? -1));
        const isPaused = events.includes(
          "paused Automatic failover is paused",
        );
        return isTold && isPaused || null;
      }, { what: `node ${node.id} tells of both leaders, and of the pause` });
    }
    first.restart();
    await first.ready();
    const told = await until(async () => {
      const events = await remembered(first);
      return events.some((one) => one.includes(`Node ${next.id} leads`))
        ? events
        : null;
    }, { what: "the node that came back tells who leads" });
    assertEquals(told.filter((one) => one.startsWith("paused")), []);
    // What is committed before it has caught up is nothing new to it: a read of its own comes after that.
    valueOf(
      await first.client.request("POST", "/v3/kv/range", { key: btoa("k") }),
    );
    valueOf(await next.client.request("POST", "/v1/resume", {}));
    await until(
      async () =>
        (await remembered(first)).includes(
          "paused Automatic failover is resumed",
        ) || null,
      { what: "it tells of what is new" },
    );
  }));

Deno.test("ctl watch prints every revision once and in order across leaders and nodes that are killed", () =>
  withCluster({}, async (cluster) => {
    const apis = cluster.nodes.map(({ api }) => api).join(",");
    await using watching = startProcess({
      name: "ctl watch",
      command: Deno.execPath(),
      args: ["run", "-A", MAIN, "ctl", "--api", apis].concat(
        ["--quiet", "watch", "k", "--json", "--from", "1"],
      ),
    });
    const revisions = (): number[] =>
      watching.output().split("\n").filter((line) => line !== "").map((line) =>
        JSON.parse(line).revision
      );
    let written = 0;
    const write = async (count: number): Promise<void> => {
      for (const upTo = written + count; written < upTo; written++) {
        const key = `k${written % 5}`;
        const options = { idempotencyKey: `write-${written}` };
        await until(async () => {
          const [node] = cluster.up();
          const answer = await node?.client.put(key, `${written}`, options);
          return answer?.kind === "ok" || null;
        }, { what: `write ${written} is acknowledged` });
      }
      await until(() => revisions().at(-1) === written || null, {
        what: `revision ${written} is printed`,
      });
    };
    await write(10);
    // Its own node, and the leader: node 1 is asked first.
    for (const node of [cluster.node(1), await cluster.leader()]) {
      if (node.isUp()) await node.kill();
      await cluster.leader();
      await write(10);
      for (const each of cluster.nodes) if (!each.isUp()) each.restart();
      await cluster.ready();
    }
    assertEquals(
      revisions(),
      Array.from({ length: written }, (_, at) => at + 1),
    );
    watching.signal("SIGINT");
    assertEquals((await watching.ended).code, 130);
  }));

Deno.test("changes are written down in a node's log with who made them, and no secret of theirs", () =>
  withCluster({ size: 1 }, async (cluster) => {
    const { client } = cluster.node(1);
    const secret = "hunter2hunter2";
    valueOf(await client.request("POST", "/v1/pause", {}));
    const { kind } = await client.request("POST", "/v1/config", {
      parameters: { primary_conninfo: `password=${secret}` },
    });
    assert(kind !== "ok");
    valueOf(await client.put("key", secret));
    const node = cluster.node(1);
    await untilWritten(
      node,
      /audit: A changing call was answered caller=loopback from=127\.0\.0\.1 call="POST \/v1\/pause" outcome=done/,
    );
    await untilWritten(
      node,
      /call="POST \/v1\/config" request="?parameters=\(primary_conninfo\)"? outcome=\w+/,
    );
    assertEquals(node.output().includes(secret), false);
    assertEquals(node.output().includes("/v1/kv/key"), false);
  }));
