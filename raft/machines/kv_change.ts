import type { ByteString } from "./byte_string.ts";
import { moveKey } from "./kv_leases.ts";
import type { KvDelete } from "./kv_operation.ts";
import type { KvRecord } from "./kv_record.ts";
import type { KvDeleteResult } from "./kv_result.ts";
import {
  deleteSpan,
  type KvState,
  putRecord,
  recordBytes,
  spanOf,
} from "./kv_state.ts";

/** Bytes of records that a result returns at most, but for its last record. */
export const MAX_RESULT_BYTES = 1024 * 1024;

/**
 * Says by how much a value enlarges the store.
 *
 * @param key Its key.
 * @param value The value.
 * @param before What it replaces, null for nothing.
 * @returns The bytes; fewer than none where it is smaller.
 */
export function addedBytes(
  key: ByteString,
  value: ByteString,
  before: KvRecord | null,
): number {
  if (before === null) return recordBytes(key, value);
  return value.length - before.value.length;
}

/** What a key is set by. */
export interface Setting {
  /** The revision that it is part of. */
  readonly revision: number;
  /** The lease that the key gets, which exists; 0 for none. */
  readonly lease: number;
  /** When it was asked for; 0 where that is not known. */
  readonly atMs: number;
}

/**
 * Sets a key.
 *
 * @param state Where.
 * @param key The key.
 * @param value Its new value.
 * @param before What it replaces, null for nothing.
 * @param setting What it is set by.
 */
export function setKey(
  state: KvState,
  key: ByteString,
  value: ByteString,
  before: KvRecord | null,
  { revision, lease, atMs }: Setting,
): void {
  state.revision = revision;
  const record: KvRecord = {
    // The index and the map keep the key's first string: a second one would only take memory.
    key: before?.key ?? key,
    value,
    createRevision: before?.createRevision ?? revision,
    modRevision: revision,
    version: (before?.version ?? 0) + 1,
    lease,
    createdAtMs: before?.createdAtMs ?? atMs,
    updatedAtMs: atMs,
  };
  putRecord(state, record, before);
  state.history.note(record, before);
  const former = before?.lease ?? 0;
  if (lease !== former) moveKey(state.leases, record.key, former, lease);
}

function tombstoneOf(key: ByteString, modRevision: number): KvRecord {
  return {
    key,
    value: "",
    createRevision: 0,
    modRevision,
    version: 0,
    lease: 0,
    createdAtMs: 0,
    updatedAtMs: 0,
  };
}

/**
 * Deletes a range.
 *
 * @param state Where.
 * @param operation Which, and whether to return it.
 * @param revision The revision that this is part of, if there is anything to delete.
 * @returns What was deleted.
 */
export function deleteKeys(
  state: KvState,
  operation: KvDelete,
  revision: number,
): KvDeleteResult {
  const previous: KvRecord[] = [];
  let deleted = 0;
  let previousBytes = 0;
  deleteSpan(state, spanOf(operation), (record) => {
    deleted += 1;
    state.history.note(tombstoneOf(record.key, revision), record);
    if (record.lease !== 0) moveKey(state.leases, record.key, record.lease, 0);
    if (!operation.returnPrevious || previousBytes >= MAX_RESULT_BYTES) {
      return;
    }
    previousBytes += recordBytes(record.key, record.value);
    previous.push(record);
  });
  if (deleted > 0) state.revision = revision;
  return { type: "delete", revision: state.revision, deleted, previous };
}
