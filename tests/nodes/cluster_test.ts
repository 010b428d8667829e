import { startCluster, withCluster } from "./cluster.ts";
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { until } from "./until.ts";
import { messageOf } from "../../base/mod.ts";

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

Deno.test("a cluster writes on through the loss, the freezing and the return of its leader", () =>
  withCluster({}, async (cluster) => {
    const first = await cluster.leader();
    const [other] = cluster.nodes.filter((node) => node !== first);
    assert(other !== undefined);
    assertEquals((await other.client.put("a", "1")).kind, "ok");

    await first.kill();
    assertEquals(cluster.up().length, 2);
    await writeUntilOk(() => other.client.put("a", "2"));
    first.restart();
    await cluster.ready();

    const second = await cluster.leader();
    second.freeze();
    const awake = cluster.up();
    assertEquals(awake.length, 2);
    for (const { client } of awake) {
      await writeUntilOk(() => client.put("a", "3", { timeoutMs: 1000 }));
    }
    second.thaw();
    await cluster.ready();

    const read = await second.client.get("a");
    assert(read.kind === "ok");
    assertEquals(read.value?.value, "3");
  }));

async function writeUntilOk(
  write: () => Promise<{ kind: string }>,
): Promise<void> {
  await until(async () => (await write()).kind === "ok" || null, {
    what: "a put is acknowledged again",
  });
}

Deno.test("a node that is asked to stop ends by itself, and finds its data again", () =>
  withCluster({ size: 1 }, async (cluster) => {
    const node = cluster.node(1);
    assertEquals((await node.client.put("a", "kept")).kind, "ok");

    assertEquals(await node.terminate(), 0);
    node.restart();
    await cluster.ready();

    const read = await node.client.get("a");
    assert(read.kind === "ok");
    assertEquals(read.value?.value, "kept");
  }));

Deno.test("the end of its scope ends a cluster's processes and removes its directories", async () => {
  const cluster = await startCluster({ size: 1 });
  const node = cluster.node(1);

  await cluster[Symbol.asyncDispose]();

  assertEquals(node.process().status()?.signal, "SIGKILL");
  assert(!await exists(node.directory));
});

Deno.test("a node that cannot start fails its cluster at once, with what it wrote", async () => {
  const error = await assertRejects(
    () =>
      startCluster({ size: 1, command: [Deno.execPath(), "eval", "x", "--"] }),
    Error,
    "The cluster did not start",
  );

  assertMatch(error.message, /--- node 1\n[^]*x is not defined/);
  assertMatch(messageOf(error.cause), /node 1 ended with code 1/);
});

Deno.test("withCluster() shows what the nodes wrote when something fails", async () => {
  const script =
    "console.error('I am here'); Deno.serve({port: Number(/api-listen=.*?:(\\d+)/.exec(Deno.args.join(' '))[1])}, () => new Response());";
  const options = {
    size: 1,
    command: [Deno.execPath(), "eval", script, "--"],
  };

  const error = await assertRejects(
    () =>
      withCluster(
        options,
        () => Promise.reject(new Error("Something")),
      ),
    Error,
    "I am here",
  );

  assertEquals(messageOf(error.cause), "Something");
});
