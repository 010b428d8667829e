import { invariant, present } from "../../base/mod.ts";
import type { Entry, EntryKind, Index, Term } from "./types.ts";

/** What an entry costs in accounts beside its data. */
export const ENTRY_OVERHEAD_BYTES = 32;

/** The log as the core sees it: in memory from its base on, durable up to `stableIndex`. */
export interface Log {
  /** The position before the first entry. */
  baseIndex: Index;
  baseTerm: Term;
  readonly entries: Entry[];
  /** Up to here entries were handed out to be written. */
  savedIndex: Index;
  /** Up to here entries are durable. */
  stableIndex: Index;
  /** The size of all entries, as {@linkcode sizeOf} counts. */
  sizeBytes: number;
}

/** Makes a log of what a store held: all of it is durable. */
export function createLog(
  baseIndex: Index,
  baseTerm: Term,
  entries: Entry[],
): Log {
  const last = baseIndex + entries.length;
  let sizeBytes = 0;
  for (const [i, entry] of entries.entries()) {
    invariant(
      entry.index === baseIndex + 1 + i,
      `entry ${entry.index} stands where ${baseIndex + 1 + i} belongs`,
    );
    sizeBytes += sizeOf(entry);
  }
  return {
    baseIndex,
    baseTerm,
    entries,
    savedIndex: last,
    stableIndex: last,
    sizeBytes,
  };
}

/** What an entry counts for in every limit by size. */
export function sizeOf(entry: Entry): number {
  return entry.data.length + ENTRY_OVERHEAD_BYTES;
}

/** The index of the last entry, or the base of an empty log. */
export function lastIndex(log: Log): Index {
  return log.baseIndex + log.entries.length;
}

/** The term of the last entry, or that of the base. */
export function lastTerm(log: Log): Term {
  const last = log.entries[log.entries.length - 1];
  return last ? last.term : log.baseTerm;
}

/** The term of the entry at `index`, or null where the log does not reach. */
export function termAt(log: Log, index: Index): Term | null {
  if (index === log.baseIndex) return log.baseTerm;
  const entry = log.entries[index - log.baseIndex - 1];
  return entry ? entry.term : null;
}

/** The entry at `index`, which must be there. */
export function entryAt(log: Log, index: Index): Entry {
  return present(
    log.entries[index - log.baseIndex - 1],
    `the entry at ${index} (the log holds ${log.baseIndex + 1} to ${
      lastIndex(log)
    })`,
  );
}

/** The entries from `from` on, bounded by number and size, but at least one if there is one. */
export function slice(
  log: Log,
  from: Index,
  maxEntries: number,
  maxBytes: number,
): Entry[] {
  invariant(from > log.baseIndex, `entry ${from} was compacted`);
  const start = from - log.baseIndex - 1;
  const limit = Math.min(log.entries.length, start + maxEntries);
  let end = start;
  let bytes = 0;
  while (end < limit) {
    bytes += sizeOf(present(log.entries[end], "an entry"));
    if (bytes > maxBytes && end > start) break;
    end++;
  }
  return log.entries.slice(start, end);
}

/** Appends an entry of the leader's own. */
export function appendNew(
  log: Log,
  term: Term,
  kind: EntryKind,
  data: Uint8Array,
): Entry {
  const entry: Entry = { index: lastIndex(log) + 1, term, kind, data };
  append(log, entry);
  return entry;
}

/** Appends an entry, which must be the next. */
export function append(log: Log, entry: Entry): void {
  invariant(
    entry.index === lastIndex(log) + 1 && entry.term >= lastTerm(log),
    `entry ${entry.index} of term ${entry.term} can't follow ${
      lastIndex(log)
    } of term ${lastTerm(log)}`,
  );
  log.entries.push(entry);
  log.sizeBytes += sizeOf(entry);
}

/** Drops the entries from `index` on. */
export function truncate(log: Log, index: Index): void {
  invariant(index > log.baseIndex, `can't truncate at ${index}: compacted`);
  while (lastIndex(log) >= index) {
    log.sizeBytes -= sizeOf(present(log.entries.pop(), "the last entry"));
  }
  log.savedIndex = Math.min(log.savedIndex, index - 1);
  log.stableIndex = Math.min(log.stableIndex, index - 1);
}

/** Lets go of the entries up to and including `index`. */
export function compact(log: Log, index: Index): void {
  if (index <= log.baseIndex) return;
  invariant(
    index <= log.stableIndex,
    `can't compact to ${index} beyond the durable ${log.stableIndex}`,
  );
  log.baseTerm = entryAt(log, index).term;
  for (const entry of log.entries.splice(0, index - log.baseIndex)) {
    log.sizeBytes -= sizeOf(entry);
  }
  log.baseIndex = index;
}

/** Starts the log anew after an installed snapshot. */
export function reset(log: Log, index: Index, term: Term): void {
  log.entries.length = 0;
  log.sizeBytes = 0;
  log.baseIndex = index;
  log.baseTerm = term;
  log.savedIndex = index;
  log.stableIndex = index;
}

/** Whether a log that ends at (`index`, `term`) is at least as complete as this one (paper §5.4.1). */
export function isUpToDate(log: Log, index: Index, term: Term): boolean {
  const ownTerm = lastTerm(log);
  return term > ownTerm || (term === ownTerm && index >= lastIndex(log));
}

/**
 * The highest index at or below `index` whose term is at most `term`: no entry above it can match
 * a log whose entry at `index` has that term.
 */
export function conflictByTerm(log: Log, index: Index, term: Term): Index {
  let at = Math.min(index, lastIndex(log));
  while (at > log.baseIndex && (termAt(log, at) ?? 0) > term) at--;
  return Math.max(at, log.baseIndex);
}
