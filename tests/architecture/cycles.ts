import type { Violation } from "./arrows.ts";
import type { Import } from "./imports.ts";

/** The imports of every file. */
export type Graph = ReadonlyMap<string, readonly Import[]>;

/**
 * Finds cycles between files.
 *
 * @param graph The imports of every file.
 * @returns A violation for each import that closes a cycle, with the way round.
 */
export function findCycles(graph: Graph): Violation[] {
  const found: Violation[] = [];
  const done = new Set<string>();
  const way: string[] = [];

  function visit(path: string): void {
    way.push(path);
    for (const { target, line } of graph.get(path) ?? []) {
      if (target === null || done.has(target)) continue;
      const start = way.indexOf(target);
      if (start === -1) {
        visit(target);
        continue;
      }
      const round = [...way.slice(start), target].join(" -> ");
      found.push({ path, line, message: `Import cycle: ${round}` });
    }
    way.pop();
    done.add(path);
  }

  for (const path of graph.keys()) {
    if (!done.has(path)) visit(path);
  }
  return found;
}
