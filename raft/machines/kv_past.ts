import type { ByteString } from "./byte_string.ts";
import type { KvRange } from "./kv_operation.ts";
import type { KvRecord } from "./kv_record.ts";
import { type KvState, recordOf, spanOf } from "./kv_state.ts";

/** Part of a key-value store, in order of key. */
export interface KvListing {
  readonly records: readonly KvRecord[];
  /** How many keys the range has in all. */
  readonly count: number;
  /** Whether there are more than were returned. */
  readonly more: boolean;
}

/**
 * Finds the records of a range as they were at a revision, by taking back what changed since.
 *
 * @param state The store.
 * @param range Which keys.
 * @param revision A revision that has come.
 * @param limit How many records to return at most.
 * @returns The records, or null when a change since is forgotten.
 */
export function listAt(
  state: KvState,
  range: KvRange,
  revision: number,
  limit: number,
): KvListing | null {
  if (revision < state.history.floor()) return null;
  const span = spanOf(range);
  const old = new Map<ByteString, KvRecord | null>();
  for (const { after, before } of state.history.backTo(revision)) {
    const { key } = after;
    if (key < span.start || (span.end !== null && key >= span.end)) continue;
    old.set(key, before);
  }
  let count = state.keys.count(span);
  for (const [key, before] of old) {
    count += (before === null ? 0 : 1) - (state.records.get(key) ? 1 : 0);
  }
  const records: KvRecord[] = [];
  for (const key of keysOfBoth(state.keys.keys(span), [...old.keys()].sort())) {
    if (records.length >= limit) break;
    const before = old.get(key);
    const record = before === undefined ? recordOf(state, key) : before;
    if (record !== null) records.push(record);
  }
  return { records, count, more: records.length < count };
}

/** Goes through two lists of keys in order, and through a key of both once. */
function* keysOfBoth(
  left: Iterable<ByteString>,
  right: readonly ByteString[],
): Iterable<ByteString> {
  let at = 0;
  for (const key of left) {
    for (let next = right[at]; next !== undefined && next < key;) {
      yield next;
      at += 1;
      next = right[at];
    }
    if (right[at] === key) at += 1;
    yield key;
  }
  yield* right.slice(at);
}
