import { join } from "node:path";
import type { Lsn } from "../../base/mod.ts";

/** The number of the file of the log that holds a position. */
export function segmentOf(lsn: Lsn, segmentBytes: number): number {
  return Math.floor(lsn / segmentBytes);
}

function hex(value: number): string {
  return value.toString(16).toUpperCase().padStart(8, "0");
}

/**
 * Names a file of the log as PostgreSQL does: by its timeline and its number, the latter in two halves.
 *
 * @param timeline The timeline.
 * @param segment The number.
 * @param segmentBytes How long files of the log are.
 * @returns Its name.
 */
export function segmentName(
  timeline: number,
  segment: number,
  segmentBytes: number,
): string {
  const perHigh = 2 ** 32 / segmentBytes;
  const high = Math.floor(segment / perHigh);
  return `${hex(timeline)}${hex(high)}${hex(segment % perHigh)}`;
}

/** The files in a data directory's log with names of a kind. */
export async function listLog(
  dataDir: string,
  pattern: RegExp,
): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(join(dataDir, "pg_wal"))) {
    if (pattern.test(name)) names.push(name);
  }
  return names.sort();
}
