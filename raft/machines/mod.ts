/**
 * Ready-made state machines: a counter, a key-value store and a log.
 *
 * @module
 */
export {
  bytesToByteString,
  type ByteString,
  byteStringToBytes,
  byteStringToText,
  isByteString,
  textToByteString,
} from "./byte_string.ts";
export {
  type CounterMachine,
  type CounterOperation,
  type CounterResult,
  createCounterMachine,
  decodeCounterOperation,
  decodeCounterResult,
  encodeCounterOperation,
} from "./counter_machine.ts";
export type { KvChanges, KvChangesOptions, KvRevision } from "./kv_changes.ts";
export type { KvChange } from "./kv_history.ts";
export {
  createKvMachine,
  type KvListOptions,
  type KvMachine,
  type KvMachineOptions,
} from "./kv_machine.ts";
export {
  decodeKvOperation,
  encodeKvOperation,
  type KvCompact,
  type KvCompareAndSet,
  type KvComparison,
  type KvDelete,
  type KvExpectation,
  type KvLeaseChange,
  type KvLeaseGrant,
  type KvOperation,
  type KvPut,
  type KvRange,
  type KvRangeRead,
  type KvRelation,
  type KvStep,
  type KvTick,
  type KvTransaction,
  prefixRange,
} from "./kv_operation.ts";
export { type KvLease, MAX_TICK_MS } from "./kv_leases.ts";
export type { KvListing } from "./kv_past.ts";
export { REVISION_COMPACTED, REVISION_IN_FUTURE } from "./kv_perform.ts";
export type { KvRecord } from "./kv_record.ts";
export {
  decodeKvResult,
  type KvClockResult,
  type KvCompactResult,
  type KvCompareAndSetResult,
  type KvDeleteResult,
  type KvLeaseResult,
  type KvPutResult,
  type KvRangeResult,
  type KvResult,
  type KvStepResult,
  type KvTransactionResult,
} from "./kv_result.ts";
export {
  createLogMachine,
  type LogEntry,
  type LogMachine,
  type LogMachineOptions,
  type LogReadOptions,
} from "./log_machine.ts";
export {
  decodeLogOperation,
  decodeLogResult,
  encodeLogOperation,
  type LogOperation,
  type LogResult,
} from "./log_operation.ts";
export {
  type MachineRefusal,
  type MachineRefusalReason,
  REFUSAL_REASONS,
} from "./result.ts";
