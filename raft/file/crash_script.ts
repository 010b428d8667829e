import { assert, assertEquals } from "@std/assert";
import type { Entry, HardState } from "../core/mod.ts";
import type { LogBatch, RaftLogStore, StoredLog } from "../ports.ts";
import type { FileSystem } from "./file_system.ts";
import { createFileLogStore } from "./store.ts";
import { content, entries, entry, writeSnapshot } from "./test_support.ts";

/** Small segments, so that a short script fills several. */
export const SCRIPT_SEGMENT_BYTES = 8 * 1024;

/** What was acknowledged, without regard to what was compacted away. */
export interface Truth {
  /** Every entry by index; null where only a snapshot tells it. */
  readonly log: readonly (Entry | null)[];
  readonly hardState: HardState;
  /** The commit index of the last synced write. */
  readonly syncedCommit: number;
  /** The newest snapshot's index. */
  readonly snapshot: number;
  /** The log's base; a crash may show the one before. */
  readonly base: number;
}

/** One call of the store. */
export interface Step {
  readonly run: (store: RaftLogStore) => Promise<unknown>;
  readonly after: (truth: Truth) => Truth;
}

/** The truth of a new store. */
export const NOTHING: Truth = {
  log: [],
  hardState: { term: 0, votedFor: 0, commit: 0 },
  syncedCommit: 0,
  snapshot: 0,
  base: 0,
};

/** A step of that name. */
export function appendStep(
  list: readonly Entry[],
  term: number,
  commit: number,
  votedFor = 1,
): Step {
  const hardState = { term, votedFor, commit };
  const batch: LogBatch = { hardState, entries: list };
  return {
    run: (store) => store.append(batch),
    after: (truth) => {
      const first = list[0]?.index ?? truth.log.length + 1;
      const log = [...truth.log.slice(0, first - 1), ...list];
      const lazy = list.length === 0 && truth.hardState.term === term &&
        truth.hardState.votedFor === votedFor;
      const syncedCommit = lazy ? truth.syncedCommit : commit;
      return { ...truth, log, hardState, syncedCommit };
    },
  };
}

/** A step of that name. */
export function snapshotStep(index: number, term: number): Step {
  return {
    run: (store) => writeSnapshot(store, index, term),
    after: (truth) =>
      // A snapshot beyond the log puts the log after it, whether or not `reset` was reached.
      index > truth.log.length
        ? installed(truth, index)
        : { ...truth, snapshot: index },
  };
}

function installed(truth: Truth, index: number): Truth {
  const log = new Array<Entry | null>(index).fill(null);
  const hardState = { ...truth.hardState, commit: index };
  return {
    log,
    hardState,
    syncedCommit: index,
    snapshot: index,
    base: index,
  };
}

/** A step of that name. */
export function compactStep(index: number, term: number): Step {
  return {
    run: (store) => store.compact(index, term),
    after: (truth) => ({ ...truth, base: index }),
  };
}

/** A step of that name. */
export function resetStep(index: number, term: number): Step {
  return {
    run: (store) => store.reset(index, term),
    after: (truth) => installed(truth, index),
  };
}

/** Everything a store is asked for in its life, in short. */
export function lifeOfAStore(): Step[] {
  const zeros: Entry = { ...entry(11, 2), data: new Uint8Array(2000) };
  return [
    appendStep([], 1, 0),
    appendStep(entries(1, 1, 1), 1, 0),
    appendStep(entries(2, 6, 1, 300), 1, 1),
    appendStep([], 1, 4),
    appendStep([], 1, 6),
    appendStep(entries(7, 10, 1, 200), 1, 6),
    appendStep([], 2, 6, 0),
    appendStep(entries(8, 10, 2, 200), 2, 6),
    appendStep([zeros], 2, 8),
    appendStep([], 2, 9),
    appendStep(entries(12, 14, 2, 600), 2, 10),
    appendStep(entries(15, 15, 2, 20_000), 2, 11),
    snapshotStep(9, 2),
    compactStep(8, 2),
    appendStep(entries(16, 18, 2, 900), 2, 14),
    appendStep([], 3, 14, 2),
    appendStep(entries(17, 19, 3, 900), 3, 15, 2),
    appendStep([], 3, 17, 2),
    snapshotStep(17, 3),
    compactStep(17, 3),
    appendStep(entries(20, 22, 3, 1000), 3, 19, 2),
    appendStep(entries(21, 22, 4, 10), 4, 19, 3),
    appendStep(entries(23, 25, 4, 800), 4, 20, 3),
    snapshotStep(40, 5),
    resetStep(40, 5),
    appendStep(entries(41, 43, 5, 700), 5, 41, 3),
    appendStep(entries(44, 46, 5, 700), 5, 42, 3),
    appendStep([], 5, 44, 3),
    appendStep(entries(47, 47, 5), 5, 46, 3),
    snapshotStep(44, 5),
    compactStep(43, 5),
    appendStep(entries(48, 49, 5, 500), 5, 47, 3),
  ];
}

/** Makes a store over files, with the script's sizes. */
export function scriptStore(
  fileSystem: FileSystem,
  warn: (message: string) => void = () => {},
): RaftLogStore {
  const segmentBytes = SCRIPT_SEGMENT_BYTES;
  return createFileLogStore("dir", { fileSystem, segmentBytes, warn });
}

/** Returns the truth after each number of steps. */
export function truthsOf(steps: readonly Step[]): Truth[] {
  const truths = [NOTHING];
  let truth = NOTHING;
  for (const step of steps) {
    truth = step.after(truth);
    truths.push(truth);
  }
  return truths;
}

/** Says how a recovered log differs from the truth, or null when it does not. */
export function difference(stored: StoredLog, truth: Truth): string | null {
  const last = stored.baseIndex + stored.entries.length;
  const { hardState } = stored;
  if (last !== truth.log.length) {
    return `ends at ${last}, not at ${truth.log.length}`;
  }
  if (
    hardState.term !== truth.hardState.term ||
    hardState.votedFor !== truth.hardState.votedFor
  ) return `has term ${hardState.term} and vote ${hardState.votedFor}`;
  if (
    hardState.commit < truth.syncedCommit ||
    hardState.commit > truth.hardState.commit
  ) return `has commit ${hardState.commit}`;
  if (stored.baseIndex > truth.base) return `begins after ${stored.baseIndex}`;
  if ((stored.snapshot?.index ?? 0) > truth.snapshot) {
    return `has snapshot ${stored.snapshot?.index}`;
  }
  return differentEntry(stored, truth);
}

function differentEntry(stored: StoredLog, truth: Truth): string | null {
  for (const found of stored.entries) {
    const wanted = truth.log[found.index - 1] ?? null;
    if (wanted === null) return `has entry ${found.index} of nowhere`;
    const same = found.term === wanted.term && found.kind === wanted.kind &&
      found.data.length === wanted.data.length &&
      found.data.every((byte, at) => byte === wanted.data[at]);
    if (!same) return `has another entry ${found.index}`;
  }
  return null;
}

/** Asserts that a store holds one of some truths, and nothing is missing between snapshot and log. */
export function assertHolds(
  stored: StoredLog,
  truths: readonly Truth[],
  where: string,
): Truth {
  assert(
    stored.baseIndex <= (stored.snapshot?.index ?? 0),
    `${where}: base ${stored.baseIndex} without snapshot`,
  );
  const found: string[] = [];
  for (const truth of truths) {
    const different = difference(stored, truth);
    if (different === null) return truth;
    found.push(different);
  }
  throw new Error(`${where}: the log ${found.join("; or ")}`);
}

/** Asserts that an open store goes on: it takes more, and has it when opened again without power. */
export async function assertGoesOn(
  store: RaftLogStore,
  stored: StoredLog,
): Promise<StoredLog> {
  const last = stored.baseIndex + stored.entries.length;
  const term = stored.hardState.term + 1;
  const hardState = { term, votedFor: 9, commit: stored.hardState.commit };
  const more = entries(last + 1, last + 2, term, 100);
  await store.append({ hardState, entries: more });
  return {
    ...stored,
    hardState,
    entries: [...stored.entries, ...more],
  };
}

/** Asserts that two openings found the same. */
export function assertSame(found: StoredLog, wanted: StoredLog): void {
  assertEquals(found.hardState, wanted.hardState);
  assertEquals(found.baseIndex, wanted.baseIndex);
  assertEquals(found.snapshot, wanted.snapshot);
  const plain = (list: readonly Entry[]): unknown[] =>
    list.map(({ index, term, kind, data }) => [index, term, kind, [...data]]);
  assertEquals(plain(found.entries), plain(wanted.entries));
}

/** Asserts that the newest snapshot can be read whole. */
export async function assertSnapshotReads(
  store: RaftLogStore,
  stored: StoredLog,
): Promise<void> {
  const meta = stored.snapshot;
  if (meta === null) return;
  const data = await store.readSnapshot(meta.index, 0, meta.sizeBytes + 1);
  assertEquals([...data], [...content(meta.index, meta.term, meta.sizeBytes)]);
}
