/**
 * The durable log store: a node's log, hard state and snapshots in a directory of files.
 *
 * @module
 */
export * from "./errors.ts";
export type * from "./file_system.ts";
export * from "./deno_file_system.ts";
export * from "./memory_file_system.ts";
export { FORMAT_VERSION } from "./format.ts";
export {
  batchBytes,
  encodeBase,
  encodeBatch,
  type LogPosition,
  MAX_ENTRY_BYTES,
  MAX_RECORD_BYTES,
  type RecordPlace,
} from "./record.ts";
export {
  type RecoveredLog,
  type RecoveredSegment,
  type RecoveredTail,
  recoverSegments,
  type SegmentBytes,
} from "./recovery.ts";
export {
  encodeSegmentHeader,
  SEGMENT_HEADER_BYTES,
  type SegmentHeader,
} from "./segment.ts";
export { createFileLogStore, type FileLogStoreOptions } from "./store.ts";
