/**
 * Who may import whom, by top folder. A folder may always import itself; packages and built-ins are
 * not its concern. What is not in the table may not exist.
 */
export const ARROWS: ReadonlyMap<string, readonly string[]> = new Map([
  ["main.ts", ["cli"]],
  ["cli", ["server", "base"]],
  ["server", ["raft", "pg", "base"]],
  ["raft", ["base"]],
  ["pg", ["base"]],
  ["base", []],
  ["sim", ["raft", "pg", "base"]],
  ["std", []],
  ["tests", ["cli", "server", "raft", "pg", "base", "sim"]],
  ["bench", ["cli", "server", "raft", "pg", "base", "sim"]],
  ["examples", ["server", "raft", "pg", "base"]],
]);

/** Another top folder's doors: `raft/mod.ts` and `raft/core/mod.ts`, nothing deeper. */
export const MAX_DOOR_DEPTH = 2;

/** Folders without I/O, clock, randomness and promises: the simulator relies on it. */
export const PURE_FOLDERS: readonly string[] = [
  "raft/core",
  "pg/policy",
  "pg/cluster",
];

/** What a pure folder may import from, beside the pure folders. */
export const PURE_MAY_IMPORT: readonly string[] = ["base"];

/** What no pure folder's code may say, outside of comments and strings. */
export const IMPURE_WORDS: ReadonlyMap<string, RegExp> = new Map([
  ["Date.now", /\bDate\.now\b/],
  ["performance.", /\bperformance\./],
  ["Math.random", /\bMath\.random\b/],
  ["setTimeout", /\bsetTimeout\b/],
  ["setInterval", /\bsetInterval\b/],
  ["fetch(", /\bfetch\(/],
  ["Deno.", /\bDeno\./],
  ["async", /\basync\s/],
  ["await", /\bawait\s/],
  ["Promise", /\bPromise\b/],
  ["crypto.", /\bcrypto\./],
]);

/** A longer function is two functions. Tests and their kits are exempt. */
export const MAX_FUNCTION_LINES = 70;

/** A longer file has two subjects. Tests and their kits are exempt. */
export const MAX_FILE_LINES = 500;
