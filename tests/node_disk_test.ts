import { assert, assertEquals } from "@std/assert";
import { type ClusterNode, until, withCluster } from "./nodes/mod.ts";
import { statusOf, untilWritable, valueOf } from "./node_test_kit.ts";

/** Mounts a small disk; null where that is not allowed. */
async function mountDisk(sizeMb: number): Promise<
  (AsyncDisposable & { path: string }) | null
> {
  const path = await Deno.makeTempDir({ prefix: "pgraft-disk-" });
  const { success } = await run(
    "mount",
    "-t",
    "tmpfs",
    "-o",
    `size=${sizeMb}m`,
    "tmpfs",
    path,
  );
  if (!success) {
    await Deno.remove(path);
    return null;
  }
  return {
    path,
    async [Symbol.asyncDispose](): Promise<void> {
      await run("umount", path);
      await Deno.remove(path);
    },
  };
}

async function run(
  command: string,
  ...args: string[]
): Promise<{ success: boolean }> {
  return await new Deno.Command(command, {
    args,
    stdout: "null",
    stderr: "null",
  }).output();
}

/** Writes into a file until there is no space. */
async function fill(path: string): Promise<void> {
  using file = await Deno.open(path, {
    write: true,
    create: true,
    append: true,
  });
  for (const size of [1 << 20, 4096]) {
    try {
      while (true) await file.write(new Uint8Array(size));
    } catch (error) {
      if (!/no space/i.test(String(error))) throw error;
    }
  }
}

const canMount = Deno.build.os === "linux" && Deno.uid() === 0;

async function untilDisk(node: ClusterNode, isFull: boolean): Promise<void> {
  await until(
    async () => (await statusOf(node)).disk_full === isFull || null,
    { what: `the node says disk_full: ${isFull}` },
  );
}

Deno.test({
  name:
    "a node whose disk is full goes on reading, and writes again when there is space",
  ignore: !canMount,
  async fn(): Promise<void> {
    await using disk = await mountDisk(64);
    assert(disk, "root can't mount a tmpfs here");
    await withCluster({ size: 1, directory: disk.path }, async (cluster) => {
      const node = cluster.node(1);
      valueOf(await node.client.put("a", "before"));
      const ballast = `${disk.path}/ballast`;
      await fill(ballast);

      // What has its space already is still written; then a write waits.
      const value = "x".repeat(500_000);
      let refusals = 0;
      await until(async () => {
        const answer = await node.client.put("b", value, { timeoutMs: 1000 });
        if (answer.kind !== "ok") refusals += 1;
        return refusals > 0 || null;
      }, { what: "a write is not acknowledged" });
      await untilDisk(node, true);
      assertEquals(
        valueOf(await node.client.get("a"))?.value,
        "before",
      );
      assertEquals(
        valueOf(await node.client.getStale("a"))?.value,
        "before",
      );

      await Deno.remove(ballast);
      await untilDisk(node, false);
      await untilWritable(node);
      valueOf(await node.client.put("a", "after"));

      await node.kill();
      node.restart();
      await node.ready();
      assertEquals(valueOf(await node.client.get("a"))?.value, "after");
    });
  },
});
