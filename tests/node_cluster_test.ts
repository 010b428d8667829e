import { assert, assertEquals } from "@std/assert";
import {
  type Answer,
  type Cluster,
  type ClusterNode,
  type NodeClient,
  until,
  withCluster,
} from "./nodes/mod.ts";
import {
  exists,
  logOf,
  membersOf,
  statusOf,
  untilWritable,
  untilWritten,
  valueOf,
} from "./node_test_kit.ts";

Deno.test("three nodes that start at the same moment form one cluster, which keeps its data when all start again", () =>
  withCluster({}, async (cluster) => {
    const views = await Promise.all(cluster.nodes.map(membersOf));
    for (const view of views) {
      assertEquals(
        view.map(({ id, incarnation, role }) => [id, incarnation, role]),
        views[0]?.map(({ id, incarnation }) => [id, incarnation, "voter"]),
      );
    }
    assertEquals(views[0]?.map(({ id }) => id), [1, 2, 3]);

    for (const { id, client } of cluster.nodes) {
      valueOf(await client.put(`from ${id}`, `value ${id}`));
      valueOf(await client.append(`entry ${id}`));
    }
    await Promise.all(cluster.nodes.map((node) => node.kill()));
    for (const node of cluster.nodes) node.restart();
    await cluster.ready();

    for (const { client } of cluster.nodes) {
      for (const { id } of cluster.nodes) {
        const read = valueOf(await client.get(`from ${id}`));
        assertEquals(read?.value, `value ${id}`);
      }
    }
    const before = await membersOf(cluster.node(1));
    assertEquals(
      before.map(({ incarnation }) => incarnation),
      views[0]?.map(({ incarnation }) => incarnation),
    );
    await until(
      async () => (await logOf(cluster.node(3))).length === 3 || null,
      { what: "node 3 has applied the log" },
    );
    assertEquals(await logOf(cluster.node(3)), [
      "entry 1",
      "entry 2",
      "entry 3",
    ]);
  }));

/** Writes without pause, each write to whichever node takes it, until it is told to stop. */
interface Load {
  stop(): Promise<{ written: string[]; repeated: number }>;
}

const MAX_TRIES = 200;

/** Every node has had its own client made, so that a broken connection of one is nobody else's. */
function startLoad(cluster: Cluster, name: string): Load {
  let isOn = true;
  const clients = cluster.nodes.map(({ client }) => client);
  const written: string[] = [];
  let repeated = 0;
  const run = (async (): Promise<void> => {
    for (let n = 0; isOn; n++) {
      const data = `${name}-${n}`;
      repeated += await appendOnce(clients, data);
      written.push(data);
    }
  })();
  return {
    async stop(): Promise<{ written: string[]; repeated: number }> {
      isOn = false;
      await run;
      return { written, repeated };
    },
  };
}

/** Appends an entry with one key until a node has acknowledged it; returns how many tries failed. */
async function appendOnce(
  clients: readonly NodeClient[],
  data: string,
): Promise<number> {
  let last: Answer<number> | null = null;
  for (let at = 0; at < MAX_TRIES; at++) {
    const client = clients[at % clients.length];
    assert(client);
    const options = { idempotencyKey: data, timeoutMs: 2000 };
    last = await client.append(data, options);
    if (last.kind === "ok") return at;
    if (at % clients.length === clients.length - 1) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  throw new Error(`${data} was never written: ${JSON.stringify(last)}`);
}

Deno.test("nodes that are restarted one after the other under load lose no write and repeat none", () =>
  withCluster({}, async (cluster) => {
    const loads = ["a", "b", "c"].map((name) => startLoad(cluster, name));

    for (const node of cluster.nodes) {
      assertEquals(await node.terminate(), 0);
      node.restart();
      await node.ready();
    }
    const done = await Promise.all(loads.map((load) => load.stop()));

    const written = done.flatMap((load) => load.written);
    assert(written.length > 30, `only ${written.length} writes were made`);
    for (const node of cluster.nodes) {
      const log = await until(async () => {
        const entries = await logOf(node);
        return entries.length >= written.length ? entries : null;
      }, { what: `node ${node.id} has the whole log` });
      assertEquals(log.toSorted(), written.toSorted());
    }
  }));

Deno.test("a follower that lags behind the snapshot comes back", () =>
  withCluster(
    { flags: { "raft-snapshot-distance": "100" } },
    async (cluster) => {
      const leader = await cluster.leader();
      const follower = otherThan(cluster, leader);
      const { raft: before } = await statusOf(follower);
      await follower.kill();

      for (let n = 0; n < 300; n++) {
        valueOf(await leader.client.put(`key ${n % 20}`, `value ${n}`));
      }
      valueOf(await leader.client.request("POST", "/v1/snapshot", {}));
      await until(async () => {
        const { raft } = await statusOf(leader);
        return raft && before && raft.first_index > before.last_index + 1 ||
          null;
      }, { what: "the leader has cut its log beyond the follower's" });
      follower.restart();
      await follower.ready();

      await until(async () => {
        const { raft: after } = await statusOf(follower);
        return after && before && after.snapshot_index > before.last_index ||
          null;
      }, { what: "the follower has installed a snapshot" });
      for (let n = 280; n < 300; n++) {
        const read = valueOf(await follower.client.get(`key ${n % 20}`));
        assertEquals(read?.value, `value ${n}`);
      }
      const [a, b] = await Promise.all(
        [leader, follower].map(async ({ client }) =>
          valueOf(await client.request("GET", "/v1/kv"))
        ),
      );
      assertEquals(a, b);
    },
  ));

function otherThan(cluster: Cluster, node: ClusterNode): ClusterNode {
  const [other] = cluster.up().filter((one) => one !== node);
  assert(other);
  return other;
}

Deno.test("a leader that is told to stop hands over first, exits 0 and leaves nothing behind", () =>
  withCluster({}, async (cluster) => {
    const leader = await cluster.leader();
    const { raft: before } = await statusOf(leader);
    const other = otherThan(cluster, leader);
    valueOf(await leader.client.put("a", "1"));

    assertEquals(await leader.terminate(), 0);

    // Nobody had to find out that it is gone: its successor leads already.
    const views = await Promise.all(cluster.up().map(statusOf));
    const terms = views.map(({ raft }) => raft?.term ?? 0);
    const leaders = views.map(({ raft }) => raft?.leader_id);
    assert(before && Math.max(...terms) > before.term, "the term is the old");
    // Who is named does not have to ask whether it may stand.
    const asked = `asking for an election, no leader term=${before.term}`;
    for (const node of cluster.up()) {
      assert(!node.output().includes(asked), `node ${node.id} was not named`);
    }
    assert(
      cluster.up().some(({ id }, at) => leaders[at] === id),
      `nobody leads: ${leaders}`,
    );
    valueOf(await other.client.put("a", "2"));

    assert(!await exists(`/proc/${leader.process().pid}`));
    const left = await namesIn(leader.directory);
    assertEquals(left.filter((name) => /\.(new|tmp|partial)$/.test(name)), []);
    const port = Number(leader.raft.split(":")[1]);
    Deno.listen({ hostname: "127.0.0.1", port }).close();
  }));

async function namesIn(directory: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(directory)) {
    names.push(name);
    if (isDirectory) names.push(...await namesIn(`${directory}/${name}`));
  }
  return names;
}

Deno.test("a second signal ends a node at once", () =>
  withCluster({}, async (cluster) => {
    const leader = await cluster.leader();
    // Nobody answers, so the leader can't hand over and waits.
    for (const node of cluster.nodes) if (node !== leader) node.freeze();

    leader.process().signal("SIGTERM");
    await untilWritten(leader, /Stopping/);
    leader.process().signal("SIGTERM");

    const { code } = await leader.process().ended;
    assertEquals(code, 130);

    for (const node of cluster.nodes) if (node !== leader) node.thaw();
    leader.restart();
    await cluster.ready();
    await untilWritable(leader);
  }));

Deno.test("a node without quorum stops when it is told to", () =>
  withCluster({}, async (cluster) => {
    const [one, ...others] = cluster.nodes;
    assert(one);
    await Promise.all(others.map((node) => node.kill()));
    await one.kill();
    one.restart();
    await untilWritten(one, /Serving the API/);

    assertEquals(await one.terminate(), 0);
  }));
