import type { ByteString } from "./byte_string.ts";
import {
  addedBytes,
  deleteKeys,
  MAX_RESULT_BYTES,
  setKey,
} from "./kv_change.ts";
import { LEASE_NOT_FOUND } from "./kv_lease_perform.ts";
import type {
  KvComparison,
  KvPut,
  KvRange,
  KvRangeRead,
  KvRelation,
  KvStep,
  KvTransaction,
} from "./kv_operation.ts";
import type { KvRecord } from "./kv_record.ts";
import {
  encodeKvResult,
  type KvRangeResult,
  type KvStepResult,
} from "./kv_result.ts";
import { type KvState, recordBytes, recordOf, spanOf } from "./kv_state.ts";
import { encodeRefusal } from "./result.ts";

/** How many comparisons, and steps in each list, a transaction may have; etcd's bound. */
export const MAX_TRANSACTION_STEPS = 128;

/** How many keys a transaction may compare in all, which bounds the time that it takes. */
const MAX_COMPARED_KEYS = 10_000;

/**
 * Carries a transaction out: all of it or nothing.
 *
 * @param state Where.
 * @param transaction What.
 * @param maxSizeBytes The size beyond which nothing may enlarge the store.
 * @returns The encoded result.
 */
export function performTransaction(
  state: KvState,
  transaction: KvTransaction,
  maxSizeBytes: number,
): Uint8Array {
  const { comparisons, success, failure, atMs = 0 } = transaction;
  const fault = faultOf(transaction);
  if (fault !== null) return encodeRefusal("invalid", fault);
  if (comparedKeys(state, comparisons) > MAX_COMPARED_KEYS) {
    return encodeRefusal(
      "invalid",
      `A transaction compares ${MAX_COMPARED_KEYS} keys at most; name smaller ranges`,
    );
  }
  const succeeded = comparisons.every((one) => holds(state, one));
  const steps = succeeded ? success : failure;
  if (steps.some((step) => hasLostLease(state, step))) {
    return encodeRefusal("invalid", LEASE_NOT_FOUND);
  }
  const added = addedBySteps(state, steps);
  if (added > 0 && state.sizeBytes + added > maxSizeBytes) {
    return encodeRefusal(
      "full",
      `The store is full: ${maxSizeBytes} bytes are allowed; delete keys or raise the limit on every member`,
    );
  }
  const next = state.revision + 1;
  const answers = steps.map((step) => take(state, step, next, atMs));
  const { revision } = state;
  return encodeKvResult({ type: "transaction", revision, succeeded, answers });
}

/** What is wrong with a transaction, whatever the store holds; in etcd's words, which programs compare. */
function faultOf(
  { comparisons, success, failure }: KvTransaction,
): string | null {
  const lengths = [comparisons, success, failure].map(({ length }) => length);
  if (lengths.some((length) => length > MAX_TRANSACTION_STEPS)) {
    return "etcdserver: too many operations in txn request";
  }
  const all = [...comparisons, ...success, ...failure];
  if (
    all.some((one) => one.key === "" && !("rangeEnd" in one && one.rangeEnd))
  ) {
    return "etcdserver: key is not provided";
  }
  return [success, failure].some(changesTwice)
    ? "etcdserver: duplicate key given in txn request"
    : null;
}

/** Within one revision a key can be set once only, and not be deleted too. */
function changesTwice(steps: readonly KvStep[]): boolean {
  const keys = steps.flatMap((step) => step.type === "put" ? [step.key] : []);
  if (new Set(keys).size < keys.length) return true;
  return steps.some((step) =>
    step.type === "delete" && keys.some((key) => isInRange(key, step))
  );
}

function comparedKeys(
  state: KvState,
  comparisons: readonly KvComparison[],
): number {
  let keys = 0;
  for (const comparison of comparisons) {
    keys += comparison.rangeEnd === ""
      ? 1
      : state.keys.count(spanOf(comparison));
  }
  return keys;
}

function isInRange(key: ByteString, range: KvRange): boolean {
  const { start, end } = spanOf(range);
  return key >= start && (end === null || key < end);
}

function holds(state: KvState, comparison: KvComparison): boolean {
  if (comparison.rangeEnd === "") {
    return holdsFor(comparison, state.records.get(comparison.key) ?? null);
  }
  let isEmpty = true;
  for (const key of state.keys.keys(spanOf(comparison))) {
    if (!holdsFor(comparison, recordOf(state, key))) return false;
    isEmpty = false;
  }
  return !isEmpty || holdsFor(comparison, null);
}

function holdsFor(
  { relation, operand }: KvComparison,
  record: KvRecord | null,
): boolean {
  switch (operand.type) {
    case "value":
      return record !== null && isSo(relation, record.value, operand.value);
    case "version":
      return isSo(relation, record?.version ?? 0, operand.number);
    case "create_revision":
      return isSo(relation, record?.createRevision ?? 0, operand.number);
    case "mod_revision":
      return isSo(relation, record?.modRevision ?? 0, operand.number);
  }
}

function isSo<T extends number | ByteString>(
  relation: KvRelation,
  left: T,
  right: T,
): boolean {
  switch (relation) {
    case "equal":
      return left === right;
    case "not_equal":
      return left !== right;
    case "greater":
      return left > right;
    case "less":
      return left < right;
  }
}

function hasLostLease(state: KvState, step: KvStep): boolean {
  if (step.type !== "put" || (step.lease ?? 0) === 0) return false;
  return !state.leases.byId.has(step.lease ?? 0);
}

/** By how much the steps enlarge the store, whatever they delete. */
function addedBySteps(state: KvState, steps: readonly KvStep[]): number {
  let added = 0;
  for (const step of steps) {
    if (step.type !== "put") continue;
    const before = state.records.get(step.key) ?? null;
    added += addedBytes(step.key, step.value, before);
  }
  return added;
}

function take(
  state: KvState,
  step: KvStep,
  next: number,
  atMs: number,
): KvStepResult {
  switch (step.type) {
    case "put":
      return put(state, step, next, atMs);
    case "delete":
      return deleteKeys(state, step, next);
    case "range":
      return read(state, step);
  }
}

function put(
  state: KvState,
  { key, value, lease = 0, returnPrevious }: KvPut,
  revision: number,
  atMs: number,
): KvStepResult {
  const before = state.records.get(key) ?? null;
  setKey(state, key, value, before, { revision, lease, atMs });
  const previous = returnPrevious ? before : null;
  return { type: "put", revision, previous };
}

function read(state: KvState, range: KvRangeRead): KvRangeResult {
  const span = spanOf(range);
  const records: KvRecord[] = [];
  let bytes = 0;
  for (const key of state.keys.keys(span)) {
    if (records.length >= range.limit || bytes >= MAX_RESULT_BYTES) break;
    const record = recordOf(state, key);
    bytes += recordBytes(key, record.value);
    records.push(record);
  }
  const { revision } = state;
  return { type: "range", revision, count: state.keys.count(span), records };
}
