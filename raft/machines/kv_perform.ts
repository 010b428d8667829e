import type { ByteString } from "./byte_string.ts";
import { addedBytes, deleteKeys, setKey } from "./kv_change.ts";
import type {
  KvCompareAndSet,
  KvDelete,
  KvExpectation,
  KvOperation,
  KvPut,
} from "./kv_operation.ts";
import type { KvRecord } from "./kv_record.ts";
import { encodeKvResult } from "./kv_result.ts";
import type { KvState } from "./kv_state.ts";
import { LEASE_NOT_FOUND, performLease } from "./kv_lease_perform.ts";
import { performTransaction } from "./kv_transaction.ts";
import { encodeRefusal } from "./result.ts";

/** Etcd's words, which programs compare. */
export const REVISION_COMPACTED =
  "etcdserver: mvcc: required revision has been compacted";
/** Etcd's words, which programs compare. */
export const REVISION_IN_FUTURE =
  "etcdserver: mvcc: required revision is a future revision";

/**
 * Carries an operation out.
 *
 * @param state Where.
 * @param operation What; null when its bytes were malformed.
 * @param maxSizeBytes The size beyond which nothing may enlarge the store.
 * @returns The encoded result.
 */
export function performKvOperation(
  state: KvState,
  operation: KvOperation | null,
  maxSizeBytes: number,
): Uint8Array {
  if (operation === null) {
    return encodeRefusal("malformed", "These bytes are no key-value operation");
  }
  switch (operation.type) {
    case "put":
    case "compare_and_set":
      return performSet(state, operation, maxSizeBytes);
    case "delete":
      return encodeKvResult(deleteKeys(state, operation, state.revision + 1));
    case "transaction":
      return performTransaction(state, operation, maxSizeBytes);
    case "compact":
      return compact(state, operation.revision);
    default:
      return performLease(state, operation);
  }
}

function performSet(
  state: KvState,
  operation: KvPut | KvCompareAndSet,
  maxSizeBytes: number,
): Uint8Array {
  const { key, value } = operation;
  if (key === "") return encodeRefusal("invalid", "A key must not be empty");
  const before = state.records.get(key) ?? null;
  const added = value === null ? 0 : addedBytes(key, value, before);
  if (added > 0 && state.sizeBytes + added > maxSizeBytes) {
    return refuseFull(maxSizeBytes);
  }
  return operation.type === "put"
    ? put(state, operation, before)
    : compareAndSet(state, operation, before);
}

function compact(state: KvState, compacted: number): Uint8Array {
  const { revision } = state;
  if (compacted <= state.compacted) {
    return encodeRefusal("out_of_range", REVISION_COMPACTED);
  }
  if (compacted > revision) {
    return encodeRefusal("out_of_range", REVISION_IN_FUTURE);
  }
  state.compacted = compacted;
  state.history.forget(compacted);
  return encodeKvResult({ type: "compact", revision });
}

/** Refuses what would enlarge a full store. */
function refuseFull(maxSizeBytes: number): Uint8Array {
  return encodeRefusal(
    "full",
    `The store is full: ${maxSizeBytes} bytes are allowed; delete keys or raise the limit on every member`,
  );
}

function put(
  state: KvState,
  operation: KvPut,
  before: KvRecord | null,
): Uint8Array {
  const { key, value, lease = 0, atMs = 0 } = operation;
  if (lease !== 0 && !state.leases.byId.has(lease)) {
    return encodeRefusal("invalid", LEASE_NOT_FOUND);
  }
  const revision = state.revision + 1;
  setKey(state, key, value, before, { revision, lease, atMs });
  const previous = operation.returnPrevious ? before : null;
  return encodeKvResult({ type: "put", revision, previous });
}

function compareAndSet(
  state: KvState,
  operation: KvCompareAndSet,
  before: KvRecord | null,
): Uint8Array {
  const { key, value, atMs = 0 } = operation;
  const succeeded = isAsExpected(operation.expected, before);
  const next = state.revision + 1;
  if (succeeded && value !== null) {
    const lease = before?.lease ?? 0;
    setKey(state, key, value, before, { revision: next, lease, atMs });
  }
  if (succeeded && value === null && before !== null) {
    deleteKeys(state, deletionOf(key), next);
  }
  const { revision } = state;
  const current = succeeded ? null : before;
  return encodeKvResult({
    type: "compare_and_set",
    revision,
    succeeded,
    current,
  });
}

function deletionOf(key: ByteString): KvDelete {
  return { type: "delete", key, rangeEnd: "", returnPrevious: false };
}

function isAsExpected(
  expected: KvExpectation,
  record: KvRecord | null,
): boolean {
  return expected.type === "value"
    ? record?.value === expected.value
    : (record?.modRevision ?? 0) === expected.modRevision;
}
