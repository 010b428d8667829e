import type { NodeId } from "../core/mod.ts";

const MAX_ID = 1000;

/** What is wrong with the ids of members, or null. */
export function idsProblem(ids: readonly NodeId[]): string | null {
  const seen = new Set<NodeId>();
  for (const id of ids) {
    if (!Number.isInteger(id) || id < 1 || id > MAX_ID) {
      return `Member id ${id} is not a whole number from 1 to ${MAX_ID}`;
    }
    if (seen.has(id)) return `Member id ${id} is given twice; ids are unique`;
    seen.add(id);
  }
  return null;
}
