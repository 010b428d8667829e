import { numberAt, type Shape, shape, shapesAt, textAt } from "../ctl/shape.ts";
import type { DemoNode } from "./node.ts";

/** What a node says of one member. */
export interface MemberView {
  readonly id: number;
  readonly role: string;
  readonly state: string;
  readonly isOpen: boolean;
  readonly raft: string;
  readonly timeline: number | null;
  readonly lagBytes: number | null;
}

/** What a node says of its cluster. */
export interface ClusterView {
  readonly term: number;
  readonly hasQuorum: boolean;
  readonly primary: { readonly id: number; readonly epoch: number } | null;
  /** How many standbys must hold a commit. */
  readonly required: number;
  readonly members: readonly MemberView[];
}

const LOOK_TIMEOUT_MS = 400;

function memberOf(member: Shape): MemberView {
  return {
    id: numberAt(member, "id") ?? 0,
    role: textAt(member, "role") ?? "none",
    state: textAt(member, "state") ?? "-",
    isOpen: member["open"] === true,
    raft: textAt(member, "raft") ?? "-",
    timeline: numberAt(member, "timeline"),
    lagBytes: numberAt(member, "lag_bytes"),
  };
}

/** Reads `/v1/cluster`. */
export function clusterOf(body: unknown): ClusterView {
  const cluster = shape(body);
  const primary = shape(cluster["primary"]);
  const id = numberAt(primary, "id");
  return {
    term: numberAt(cluster, "term") ?? 0,
    hasQuorum: cluster["has_quorum"] === true,
    primary: id === null
      ? null
      : { id, epoch: numberAt(primary, "epoch") ?? 0 },
    required: numberAt(shape(cluster["sync"]), "required") ?? 0,
    members: shapesAt(cluster, "members").map(memberOf),
  };
}

async function ask({ ports }: DemoNode): Promise<ClusterView | null> {
  try {
    const response = await fetch(`http://127.0.0.1:${ports.api}/v1/cluster`, {
      signal: AbortSignal.timeout(LOOK_TIMEOUT_MS),
    });
    if (response.ok) return clusterOf(await response.json());
    await response.body?.cancel();
    return null;
  } catch {
    return null;
  }
}

/**
 * Asks all nodes for the picture that they have, and takes that of one with a leader.
 *
 * @param nodes The nodes.
 * @returns The newest picture; null when no node answers.
 */
export async function look(
  nodes: readonly DemoNode[],
): Promise<ClusterView | null> {
  const asked = nodes.filter((node) => node.condition() === "running");
  const views = await Promise.all(asked.map(ask));
  const worth = ({ hasQuorum, term }: ClusterView): number =>
    (hasQuorum ? 1e12 : 0) + term;
  return views.filter((view) => view !== null)
    .sort((a, b) => worth(b) - worth(a))[0] ?? null;
}
