import type { NodeId } from "../raft/core/mod.ts";
import { setCut } from "./network.ts";
import { type Cluster, crashNode, type SimNode, startNode } from "./node.ts";
import { between, chance, pick, schedule } from "./world.ts";

/** The faults and orders of a run, and how often each came. */
export interface Nemesis {
  readonly cluster: Cluster;
  readonly counts: Map<string, number>;
  /** Members whose disk was lost and who are not back yet: no more than the group can bear. */
  readonly wiped: Set<NodeId>;
  running: boolean;
}

/** Lets a fault come after a delay, unless the faults have ended by then. */
export function later(
  nemesis: Nemesis,
  delayMs: number,
  fault: () => void,
): void {
  schedule(nemesis.cluster.world, delayMs, () => {
    if (nemesis.running) fault();
  });
}

/** Some node. */
export function anyNode({ cluster }: Nemesis): SimNode | undefined {
  return pick(cluster.world, [...cluster.nodes.values()]);
}

/** A node that leads, or believes so. */
export function leaderOf(cluster: Cluster): SimNode | undefined {
  let leader: SimNode | undefined;
  for (const node of cluster.nodes.values()) {
    const core = node.driver?.core;
    if (core?.role !== "leader") continue;
    if (core.term > (leader?.driver?.core.term ?? 0)) leader = node;
  }
  return leader;
}

/** Ends a node's process, and starts it again at once or later. */
export function bounce(nemesis: Nemesis, node: SimNode): void {
  const { world } = nemesis.cluster;
  const quick = chance(world, 0.4);
  restart(nemesis, node, quick ? 5 : between(world, 50, 4000));
}

/** Ends a node's process and starts it again after some time. */
export function restart(
  { cluster }: Nemesis,
  node: SimNode,
  downMs: number = 5,
): void {
  crashNode(cluster, node);
  schedule(cluster.world, downMs, () => revive(cluster, node));
}

/** Starts a node again, unless it has left for good. */
export function revive(cluster: Cluster, node: SimNode): void {
  if (cluster.nodes.get(node.id) === node) startNode(cluster, node);
}

/** Makes a node deaf, mute, or both. */
export function cutOff(
  cluster: Cluster,
  node: SimNode,
  way: "in" | "out" | "both" | null = null,
): void {
  const chosen = way ?? pick(cluster.world, ["in", "out", "both"]);
  for (const other of cluster.nodes.keys()) {
    if (other === node.id) continue;
    if (chosen !== "out") setCut(cluster.network, other, node.id, true);
    if (chosen !== "in") setCut(cluster.network, node.id, other, true);
  }
}
