import { present } from "../../base/mod.ts";
import type { ByteString } from "./byte_string.ts";
import { DIGEST_START, digestByteString, digestNumber } from "./digest.ts";
import { createKeyMap, type KeyMap } from "./key_map.ts";
import { createKvLeases, type KvLeases } from "./kv_leases.ts";
import type { KvRange } from "./kv_operation.ts";
import { createKvHistory, type KvHistory } from "./kv_history.ts";
import { type KvRecord, RECORD_OVERHEAD_BYTES } from "./kv_record.ts";
import {
  createSortedKeys,
  type KeySpan,
  type SortedKeys,
} from "./sorted_keys.ts";

/** Hears of a record just before it is made (`before` is null), replaced or deleted. */
export type BeforeChange = (
  key: ByteString,
  before: KvRecord | null,
  change: "put" | "delete",
) => void;

/** Everything that a key-value store holds. */
export interface KvState {
  readonly records: KeyMap<KvRecord>;
  /** The keys of `records`, in order. */
  readonly keys: SortedKeys;
  /** The last changes; what is put in place of a snapshot has none. */
  history: KvHistory;
  leases: KvLeases;
  /** The newest revision that was compacted away, on all members. */
  compacted: number;
  /** How many operations have changed something. */
  revision: number;
  /** The size of all records, with an allowance for each. */
  sizeBytes: number;
  /** Set while a snapshot of this state is taken. */
  beforeChange: BeforeChange | null;
}

/**
 * Makes an empty state.
 *
 * @returns The state.
 */
export function createKvState(): KvState {
  return {
    records: createKeyMap(),
    keys: createSortedKeys(),
    history: createKvHistory(0),
    leases: createKvLeases(),
    compacted: 0,
    revision: 0,
    sizeBytes: 0,
    beforeChange: null,
  };
}

/**
 * Says what a record counts for.
 *
 * @param key Its key.
 * @param value Its value.
 * @returns The size in bytes.
 */
export function recordBytes(key: ByteString, value: ByteString): number {
  return RECORD_OVERHEAD_BYTES + key.length + value.length;
}

/**
 * Puts a record in its place.
 *
 * @param state Where.
 * @param record The new record.
 * @param before The record that it replaces, null for none.
 */
export function putRecord(
  state: KvState,
  record: KvRecord,
  before: KvRecord | null,
): void {
  state.beforeChange?.(record.key, before, "put");
  state.records.set(record.key, record);
  if (before === null) {
    state.keys.insert(record.key);
    state.sizeBytes += recordBytes(record.key, record.value);
  } else {
    state.sizeBytes += record.value.length - before.value.length;
  }
}

/**
 * Deletes a stretch of keys.
 *
 * @param state Where.
 * @param span Which.
 * @param deleted Called with each record, in order.
 */
export function deleteSpan(
  state: KvState,
  span: KeySpan,
  deleted: (record: KvRecord) => void,
): void {
  for (const key of state.keys.removeSpan(span)) {
    const record = recordOf(state, key);
    state.beforeChange?.(key, record, "delete");
    state.records.remove(key);
    state.sizeBytes -= recordBytes(key, record.value);
    deleted(record);
  }
}

/**
 * Finds the record of a key that exists.
 *
 * @param state Where.
 * @param key A key of `state.keys`.
 * @returns Its record.
 */
export function recordOf(state: KvState, key: ByteString): KvRecord {
  return present(state.records.get(key), "the record of an indexed key");
}

/**
 * Translates a range.
 *
 * @param range The range, as in etcd.
 * @returns The same keys as a stretch.
 */
export function spanOf(range: KvRange): KeySpan {
  const { key, rangeEnd } = range;
  if (rangeEnd === "") return { start: key, end: key + "\0" };
  return { start: key, end: rangeEnd === "\0" ? null : rangeEnd };
}

/**
 * Computes a checksum of the state.
 *
 * @param state The state.
 * @returns 32 bits; equal for equal states, whatever way they came about.
 */
export function digestState(state: KvState): number {
  let digest = digestNumber(DIGEST_START, state.revision);
  digest = digestNumber(digest, state.compacted);
  digest = digestNumber(digest, state.leases.clockMs);
  const leases = [...state.leases.byId.values()].sort((a, b) => a.id - b.id);
  for (const { id, ttlMs, deadlineMs } of leases) {
    for (const number of [id, ttlMs, deadlineMs]) {
      digest = digestNumber(digest, number);
    }
  }
  for (const key of state.keys.keys({ start: "", end: null })) {
    const record = recordOf(state, key);
    digest = digestByteString(digest, record.key);
    digest = digestByteString(digest, record.value);
    digest = digestNumber(digest, record.createRevision);
    digest = digestNumber(digest, record.modRevision);
    digest = digestNumber(digest, record.version);
    digest = digestNumber(digest, record.lease);
    digest = digestNumber(digest, record.createdAtMs);
    digest = digestNumber(digest, record.updatedAtMs);
  }
  return digest;
}
