import { present } from "../../base/mod.ts";
import { type KvRecord, RECORD_OVERHEAD_BYTES } from "./kv_record.ts";

/** How many changes are remembered at most; a power of two. */
export const MAX_HISTORY_CHANGES = 16_384;
/** How large the remembered records are together at most. */
export const MAX_HISTORY_BYTES = 32 * 1024 * 1024;

const MASK = MAX_HISTORY_CHANGES - 1;

/** A change of one key. */
export interface KvChange {
  /** The key as it was set; with version 0 and no value where it was deleted. */
  readonly after: KvRecord;
  /** What it was before; null for nothing. */
  readonly before: KvRecord | null;
}

/**
 * The last changes of a store, oldest first. Every member has its own: a history is no part of the
 * state, it does not stand in snapshots, and one that was lost only sends watchers back to a read. So
 * it costs a put no more than two words.
 */
export interface KvHistory {
  /** The newest revision of which not everything is remembered; all later ones are whole. */
  floor(): number;
  /** Remembers a change; revisions never go back. */
  note(after: KvRecord, before: KvRecord | null): void;
  /** Forgets a revision and all before it. */
  forget(revision: number): void;
  /** Goes through the changes after a revision, which is not below the floor. */
  after(revision: number): Iterable<KvChange>;
  /** Goes back through the changes after a revision, the newest first. */
  backTo(revision: number): Iterable<KvChange>;
}

/**
 * Makes an empty history.
 *
 * @param revision The revision at which it begins.
 * @returns The history.
 */
export function createKvHistory(revision: number): KvHistory {
  const afters: (KvRecord | undefined)[] = [];
  const befores: (KvRecord | null)[] = [];
  let first = 0;
  let end = 0;
  let bytes = 0;
  let floor = revision;

  function dropFirst(): void {
    const at = first & MASK;
    const after = afterAt(first);
    floor = after.modRevision;
    bytes -= sizeOf(after, befores[at] ?? null);
    afters[at] = undefined;
    befores[at] = null;
    first += 1;
  }

  function afterAt(position: number): KvRecord {
    return present(afters[position & MASK], "a change that is remembered");
  }

  function changeAt(position: number): KvChange {
    const before = befores[position & MASK] ?? null;
    return { after: afterAt(position), before };
  }

  /** The first position whose revision is later. */
  function positionAfter(revision: number): number {
    let low = first;
    let high = end;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (afterAt(middle).modRevision > revision) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  function* goForward(revision: number): Iterable<KvChange> {
    const from = positionAfter(revision);
    for (let at = from; at < end; at++) yield changeAt(at);
  }

  function* goBack(revision: number): Iterable<KvChange> {
    const from = positionAfter(revision);
    for (let at = end - 1; at >= from; at--) yield changeAt(at);
  }

  return {
    floor: () => floor,
    note: (after, before) => {
      if (end - first === MAX_HISTORY_CHANGES) dropFirst();
      const at = end & MASK;
      afters[at] = after;
      befores[at] = before;
      end += 1;
      bytes += sizeOf(after, before);
      while (bytes > MAX_HISTORY_BYTES) dropFirst();
    },
    forget: (revision) => {
      while (first < end && afterAt(first).modRevision <= revision) dropFirst();
      floor = Math.max(floor, revision);
    },
    after: goForward,
    backTo: goBack,
  };
}

function sizeOf(after: KvRecord, before: KvRecord | null): number {
  const old = before === null ? 0 : before.value.length;
  return RECORD_OVERHEAD_BYTES + after.key.length + after.value.length + old;
}
