import { invariant } from "../../base/mod.ts";
import type { RaftStateMachine } from "../ports.ts";
import type { ByteString } from "./byte_string.ts";
import { decodeKvOperation, type KvRange } from "./kv_operation.ts";
import { type KvListing, listAt } from "./kv_past.ts";
import {
  changesOf,
  type KvChanges,
  type KvChangesOptions,
} from "./kv_changes.ts";
import { type KvLease, remainingMs } from "./kv_leases.ts";
import { performKvOperation } from "./kv_perform.ts";
import type { KvRecord } from "./kv_record.ts";
import { restoreKvState, snapshotKvState } from "./kv_snapshot.ts";
import {
  createKvState,
  digestState,
  type KvState,
  recordOf,
  spanOf,
} from "./kv_state.ts";
import { lazyPieces } from "./pieces.ts";

/** Settings of a key-value store; the same on every member, or the members come apart. */
export interface KvMachineOptions {
  /**
   * The size, with an allowance of 128 bytes a record, at which puts that would enlarge the store
   * are refused as "full". Deletes still pass.
   *
   * @default {1073741824}
   */
  readonly maxSizeBytes?: number;
}

/** Settings of {@linkcode KvMachine.list} and {@linkcode KvMachine.listAt}. */
export interface KvListOptions {
  /**
   * The greatest number of records to return; 0 only counts.
   *
   * @default {1000}
   */
  readonly limit?: number;
}

/** A replicated key-value store in the manner of etcd's. */
export interface KvMachine extends RaftStateMachine {
  /** Returns a key's record, or null. */
  get(key: ByteString): KvRecord | null;
  /** Returns the records of a range, in order of key. */
  list(range: KvRange, options?: KvListOptions): KvListing;
  /**
   * Returns the records of a range as they were at a revision that has come; null when what changed
   * since is no longer remembered here.
   */
  listAt(
    range: KvRange,
    revision: number,
    options?: KvListOptions,
  ): KvListing | null;
  /**
   * Returns the next changes after a revision, as far as they are remembered here: each revision once
   * and whole, about a mebibyte or a thousand keys of them.
   */
  changes(options: KvChangesOptions): KvChanges;
  /** Returns the oldest revision whose changes are remembered here. */
  oldestRevision(): number;
  /** Returns a lease, or null. */
  lease(id: number): KvLease | null;
  /** Returns for how long a lease surely lives on; 0 when there is none. */
  remainingMs(id: number): number;
  /** Returns the numbers of all leases, in order. */
  leaseIds(): number[];
  /** Returns how many leases there are. */
  leaseCount(): number;
  /** Returns the clock by which leases end. */
  clockMs(): number;
  /** Returns the number of operations that changed something: the revision of the newest change. */
  revision(): number;
  /** Returns the number of keys. */
  size(): number;
  /** Returns about how large a snapshot would be; what `maxSizeBytes` limits. */
  sizeBytes(): number;
  /** Computes a checksum of the state, for comparison with other members; goes through every key. */
  digest(): number;
}

/**
 * Makes an empty key-value store.
 *
 * @param options Its limits.
 * @returns The machine.
 *
 * @example Usage
 * ```ts
 * import { textToByteString } from "./byte_string.ts";
 * import { createKvMachine } from "./kv_machine.ts";
 * import { encodeKvOperation } from "./kv_operation.ts";
 * import { decodeKvResult } from "./kv_result.ts";
 *
 * const machine = createKvMachine();
 * const key = textToByteString("color");
 * const value = textToByteString("blue");
 * const data = encodeKvOperation({ type: "put", key, value, returnPrevious: false });
 * const result = decodeKvResult(machine.applyOperation({ kind: "custom", data }, 1));
 * if (result.type !== "put" || result.revision !== 1) throw new Error("First revision expected");
 * if (machine.get(key)?.value !== value) throw new Error("The key must be there");
 * ```
 */
export function createKvMachine(options: KvMachineOptions = {}): KvMachine {
  const { maxSizeBytes = 1024 ** 3 } = options;
  let state = createKvState();
  let lastApplied = 0;
  let snapshotOpen = false;

  function createSnapshot(): Iterable<Uint8Array> {
    invariant(!snapshotOpen, "a second snapshot is begun beside the first");
    snapshotOpen = true;
    const source = snapshotKvState(state);
    return lazyPieces({
      next: source.next,
      release: () => {
        source.release();
        snapshotOpen = false;
      },
    });
  }

  return {
    get: (key) => state.records.get(key) ?? null,
    list: (range, { limit = 1000 } = {}) => list(state, range, limit),
    listAt: (range, revision, { limit = 1000 } = {}) =>
      listAt(state, range, revision, limit),
    changes: (options) => changesOf(state, options),
    oldestRevision: () => state.history.floor() + 1,
    lease: (id) => state.leases.byId.get(id) ?? null,
    remainingMs: (id) => remainingMs(state.leases, id),
    leaseIds: () => [...state.leases.byId.keys()].sort((a, b) => a - b),
    leaseCount: () => state.leases.byId.size,
    clockMs: () => state.leases.clockMs,
    revision: () => state.revision,
    size: () => state.keys.size(),
    sizeBytes: () => state.sizeBytes,
    digest: () => digestState(state),
    applyOperation: ({ data }, index) => {
      invariant(index > lastApplied, "an operation is applied out of turn");
      const operation = decodeKvOperation(data);
      const result = performKvOperation(state, operation, maxSizeBytes);
      lastApplied = index;
      return result;
    },
    createSnapshot,
    restoreFromSnapshot: (index) =>
      restoreKvState((restored) => {
        state = restored;
        lastApplied = index;
      }),
    getLastAppliedIndex: () => lastApplied,
  };
}

function list(state: KvState, range: KvRange, limit: number): KvListing {
  const span = spanOf(range);
  const count = state.keys.count(span);
  const records: KvRecord[] = [];
  for (const key of state.keys.keys(span)) {
    if (records.length >= limit) break;
    records.push(recordOf(state, key));
  }
  return { records, count, more: records.length < count };
}
