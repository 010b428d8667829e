import { createHash } from "node:crypto";
import type { Incarnation, NodeId } from "../../raft/mod.ts";

/** A founding member with the identity of its data directory. */
export interface Founder {
  readonly id: NodeId;
  readonly incarnation: Incarnation;
  /** Where it is reached, `host:port`, as the first configuration will have it. */
  readonly address: string;
}

/** A founding member as a node's configuration names it. */
export type FoundingMember = Pick<Founder, "id" | "address">;

/** What a member says when it is asked about the founding. */
export interface FoundingAnswer {
  readonly incarnation: Incarnation;
  /**
   * The founding that it agreed to: of the incarnations that it knows, once it knows all. A founded
   * member names the one that founded it.
   */
  readonly foundingId: string;
  /** With whom it was founded; null while its directory is empty. */
  readonly founded: readonly Founder[] | null;
}

/** What a node with an empty directory does next. */
export type FoundingDecision =
  /** Everybody agreed, or somebody founded with this very directory. */
  | { readonly kind: "found"; readonly founders: readonly Founder[] }
  /** The cluster exists and does not know this directory: the member's disk was wiped. */
  | { readonly kind: "wiped" }
  /** These have not answered yet, or know of another founding. */
  | {
    readonly kind: "wait";
    readonly silent: readonly NodeId[];
    readonly disagreeing: readonly NodeId[];
  };

/**
 * Names a founding: the same for all who know the same directories at the same addresses. All of them
 * write the first entry of the log, unvoted, so it must be the same in every byte.
 *
 * @param clusterId The cluster.
 * @param founders All founding members.
 */
export function foundingIdOf(
  clusterId: string,
  founders: readonly Founder[],
): string {
  const sorted = [...founders].sort((a, b) => a.id - b.id);
  const parts = sorted.map(({ id, incarnation, address }) =>
    `${id}:${incarnation}@${address}`
  );
  const text = JSON.stringify([clusterId, ...parts]);
  return createHash("sha256").update(text).digest("hex").slice(0, 32);
}

/**
 * Decides whether a node with an empty directory may found the cluster (FAILOVER R34): only when
 * every founding member has answered "empty" to the same founding, or one that had all those answers
 * has founded it already.
 *
 * @param clusterId The cluster.
 * @param own This node.
 * @param members All founding members, as this node's configuration has them.
 * @param answers What the others said, null where nothing came.
 */
export function decideFounding(
  clusterId: string,
  own: Founder,
  members: readonly FoundingMember[],
  answers: ReadonlyMap<NodeId, FoundingAnswer | null>,
): FoundingDecision {
  for (const answer of answers.values()) {
    const founders = answer?.founded;
    if (!founders) continue;
    const knowsMe = founders.some(({ id, incarnation }) =>
      id === own.id && incarnation === own.incarnation
    );
    return knowsMe ? { kind: "found", founders } : { kind: "wiped" };
  }
  const others = members.filter(({ id }) => id !== own.id);
  const silent = idsOf(others.filter(({ id }) => !answers.get(id)));
  if (silent.length > 0) return { kind: "wait", silent, disagreeing: [] };
  const founders = foundersOf(own, others, answers);
  const foundingId = foundingIdOf(clusterId, founders);
  const disagreeing = idsOf(
    others.filter(({ id }) => answers.get(id)?.foundingId !== foundingId),
  );
  if (disagreeing.length > 0) return { kind: "wait", silent, disagreeing };
  return { kind: "found", founders };
}

function idsOf(members: readonly FoundingMember[]): NodeId[] {
  return members.map(({ id }) => id);
}

function foundersOf(
  own: Founder,
  others: readonly FoundingMember[],
  answers: ReadonlyMap<NodeId, FoundingAnswer | null>,
): Founder[] {
  return [
    own,
    ...others.map(({ id, address }) => ({
      id,
      address,
      incarnation: answers.get(id)?.incarnation ?? 0,
    })),
  ].sort((a, b) => a.id - b.id);
}
