/**
 * The rules of the house, checked over the text of its files: who may import whom, by which door, no
 * cycles, and what a file may hold. Pure; `architecture_test.ts` reads the files.
 *
 * @module
 */
import { checkImport, type Violation } from "./arrows.ts";
import { findCycles } from "./cycles.ts";
import { importsOf } from "./imports.ts";
import { parseSource } from "./source.ts";
import { checkTidy } from "./tidy.ts";

export type { Violation } from "./arrows.ts";

/**
 * Checks the house.
 *
 * @param files The text of every source file, by its path inside the repository.
 * @returns What breaks a rule.
 */
export function checkArchitecture(
  files: ReadonlyMap<string, string>,
): Violation[] {
  const paths = new Set(files.keys());
  const sources = [...files].map(([path, text]) =>
    [path, parseSource(text)] as const
  );
  const graph = new Map(
    sources.map(([path, source]) => [path, importsOf(path, source)]),
  );
  return [
    ...[...graph].flatMap(([path, imports]) =>
      imports.flatMap((one) => checkImport(path, one, paths))
    ),
    ...findCycles(graph),
    ...sources.flatMap(([path, source]) => checkTidy(path, source)),
  ];
}

/**
 * Says where a rule is broken.
 *
 * @param violation What breaks it.
 * @returns One line.
 */
export function describe({ path, line, message }: Violation): string {
  return `${path}:${line}: ${message}`;
}
