import { join } from "node:path";
import type { Cluster, ClusterNode } from "../../tests/nodes/mod.ts";
import { readUsage } from "../usage.ts";
import type { NodeReading } from "./verdict.ts";

/** The node that leads for a while, and is then ended and started again; the others live all the time. */
export const RESTARTED_NODE = 3;

/** How long a restarted node may take on a machine that has other things to do; no measure of it. */
const READY_TIMEOUT_MS = 120_000;

/**
 * Reads what the nodes hold; those that are away are left out.
 *
 * @param cluster The nodes.
 * @param originals The processes that ran from the beginning.
 */
export async function readNodes(
  cluster: Cluster,
  originals: ReadonlySet<number>,
): Promise<NodeReading[]> {
  const readings = await Promise.all(
    cluster.up().map((node) => readNode(node, originals).catch(() => null)),
  );
  return readings.filter((one) => one !== null);
}

async function readNode(
  node: ClusterNode,
  originals: ReadonlySet<number>,
): Promise<NodeReading> {
  const { pid } = node.process();
  const [usage] = await readUsage([pid]);
  return {
    id: node.id,
    isOriginal: originals.has(pid),
    residentBytes: usage?.residentBytes ?? NaN,
    openFiles: (await namesIn(`/proc/${pid}/fd`)).length,
    logBytes: await sizeOf(join(node.directory, "raft")),
  };
}

async function namesIn(path: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(path))).map(({ name }) => name);
}

async function sizeOf(directory: string): Promise<number> {
  const sizes = await Promise.all(
    (await namesIn(directory)).map(async (name) => {
      const path = join(directory, name);
      // What is deleted between the two looks has no size.
      const found = await Deno.stat(path).catch(() => null);
      if (found === null) return 0;
      return found.isDirectory ? await sizeOf(path) : found.size;
    }),
  );
  return sizes.reduce((sum, one) => sum + one, 0);
}

/**
 * Restarts a node again and again: leadership goes to it first, and comes back when it ends, by turns in
 * order and by SIGKILL.
 *
 * @param cluster The nodes.
 * @param everyMs How often.
 * @param pause Waits, and tells whether to go on.
 * @returns How often it was.
 */
export async function restartRepeatedly(
  cluster: Cluster,
  everyMs: number,
  pause: (ms: number) => Promise<boolean>,
): Promise<number> {
  const node = cluster.node(RESTARTED_NODE);
  for (let count = 0;; count++) {
    if (!await pause(everyMs / 2)) return count;
    await node.client.request("POST", "/v1/transfer", { target: node.id });
    if (!await pause(everyMs / 2)) return count;
    if (count % 2 === 0) await node.kill();
    else await node.terminate();
    node.restart();
    await node.ready(READY_TIMEOUT_MS);
  }
}
