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
import { performTransaction } from "./kv_transaction.ts";
import { encodeRefusal } from "./result.ts";

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
  const revision = state.revision + 1;
  setKey(state, operation.key, operation.value, before, revision);
  const previous = operation.returnPrevious ? before : null;
  return encodeKvResult({ type: "put", revision, previous });
}

function compareAndSet(
  state: KvState,
  operation: KvCompareAndSet,
  before: KvRecord | null,
): Uint8Array {
  const { key, value } = operation;
  const succeeded = isAsExpected(operation.expected, before);
  const next = state.revision + 1;
  if (succeeded && value !== null) setKey(state, key, value, before, next);
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
