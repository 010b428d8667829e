import { posix } from "node:path";
import type { Import } from "./imports.ts";
import {
  ARROWS,
  MAX_DOOR_DEPTH,
  PURE_FOLDERS,
  PURE_MAY_IMPORT,
} from "./rules.ts";

/** Something that a rule forbids. */
export interface Violation {
  /** The file. */
  readonly path: string;
  /** The line, from 1. */
  readonly line: number;
  /** What is wrong. */
  readonly message: string;
}

/**
 * Tells tests from shipped code.
 *
 * @param path A file.
 * @returns Whether it is a test.
 */
export function isTest(path: string): boolean {
  return path.endsWith("_test.ts");
}

/**
 * Tells code that only tests use.
 *
 * @param path A file.
 * @returns Whether it is a test or helps tests.
 */
export function isForTests(path: string): boolean {
  return isTest(path) || path.endsWith("_test_kit.ts");
}

/**
 * Tells whether a file may know nothing of the world.
 *
 * @param path A file.
 * @returns Whether it belongs to a pure folder and is no test.
 */
export function isPure(path: string): boolean {
  return !isTest(path) && PURE_FOLDERS.some((folder) => within(path, folder));
}

/**
 * Checks one import against the tables: arrows, doors and purity.
 *
 * @param path The importing file.
 * @param one Its import.
 * @param paths All files, for their doors.
 * @returns What is wrong with it.
 */
export function checkImport(
  path: string,
  one: Import,
  paths: ReadonlySet<string>,
): Violation[] {
  const messages = [
    one.target === null ? null : wrongArrow(path, one.target),
    one.target === null ? null : pastDoor(path, one.target, paths),
    impureImport(path, one),
  ];
  return messages.filter((message) => message !== null)
    .map((message) => ({ path, line: one.line, message }));
}

function wrongArrow(path: string, target: string): string | null {
  const from = topOf(path);
  const to = topOf(target);
  const allowed = ARROWS.get(from);
  if (allowed === undefined) return `${from} is no folder of the house`;
  // Data beside the code, such as the version in deno.json, belongs to nobody.
  if (from === to || !target.endsWith(".ts")) return null;
  return allowed.includes(to) ? null : `${from} may not import ${to}`;
}

function pastDoor(
  path: string,
  target: string,
  paths: ReadonlySet<string>,
): string | null {
  const folder = folderOf(target, paths);
  if (!target.endsWith(".ts") || folder === "." || within(path, folder)) {
    return null;
  }
  if (isTest(path) && within(target, folderOf(path, paths))) return null;
  // What helps the tests of one folder may help those of its neighbours.
  const isKit = isForTests(target) && !isTest(target);
  if (isForTests(path) && isKit && topOf(path) === topOf(target)) return null;
  const door = `${folder}/mod.ts`;
  if (target !== door) return `${target} is past the door ${door}`;
  const deep = folder.split("/").length > MAX_DOOR_DEPTH;
  return deep && topOf(path) !== topOf(target)
    ? `${door} is a door inside ${topOf(target)} only`
    : null;
}

function impureImport(path: string, one: Import): string | null {
  if (!isPure(path)) return null;
  const { specifier, target } = one;
  const allowed = [...PURE_FOLDERS, ...PURE_MAY_IMPORT];
  if (target !== null && allowed.some((folder) => within(target, folder))) {
    return null;
  }
  return `A pure folder may not import ${specifier}`;
}

function topOf(path: string): string {
  return path.split("/")[0] ?? path;
}

/** The innermost folder with a door of its own, else the top folder; "." for files of the root. */
function folderOf(path: string, paths: ReadonlySet<string>): string {
  let folder = posix.dirname(path);
  while (folder.includes("/") && !paths.has(`${folder}/mod.ts`)) {
    folder = posix.dirname(folder);
  }
  return folder;
}

function within(path: string, folder: string): boolean {
  return path.startsWith(`${folder}/`);
}
