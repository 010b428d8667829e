import { posix } from "node:path";
import { lineAt, type Source } from "./source.ts";

/** One import of a file. */
export interface Import {
  /** As it is written. */
  readonly specifier: string;
  /** The path inside the repository, or null for a package or built-in. */
  readonly target: string | null;
  /** The line that the specifier is on. */
  readonly line: number;
}

const FORMS: readonly RegExp[] = [
  /\b(?:import|export)\b[\w$\s{},*]*?\bfrom\s*(?=["'])/g,
  /\bimport\s*(?=["'])/g,
  /\bimport\s*\(\s*(?=["'])/g,
];
/** A worker's or a child's module, named by its place. */
const PLACE = /\b(?:new\s+URL|import\.meta\.resolve)\s*\(\s*(?=["'])/g;

/**
 * Finds the imports of a file: static, dynamic, of types, and of workers.
 *
 * @param path The file's path inside the repository.
 * @param source The file.
 * @returns The imports, in the order of their lines.
 */
export function importsOf(path: string, source: Source): Import[] {
  const found: Import[] = [];
  const add = (position: number, onlyModules: boolean): void => {
    const specifier = source.strings.get(position);
    if (specifier === undefined) return;
    const relative = /^\.\.?\//.test(specifier);
    if (onlyModules && !(relative && specifier.endsWith(".ts"))) return;
    found.push({
      specifier,
      target: relative ? posix.join(posix.dirname(path), specifier) : null,
      line: lineAt(source.code, position),
    });
  };
  for (const form of FORMS) {
    for (const match of source.code.matchAll(form)) {
      add(match.index + match[0].length, false);
    }
  }
  for (const match of source.code.matchAll(PLACE)) {
    add(match.index + match[0].length, true);
  }
  return found.sort((a, b) => a.line - b.line);
}
