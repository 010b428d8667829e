import { type NodeContext, requireMember, requirePart } from "./context.ts";

/** Reads as the caller asked: everything acknowledged before, or this node's own copy. */
export async function readAs<T>(
  context: NodeContext,
  stale: boolean,
  query: () => T,
): Promise<T> {
  if (stale) requirePart(context);
  else requireMember(context);
  const consistency = stale ? "stale" : "linearizable";
  return await context.raft.read(query, { consistency });
}
