import { invariant, present } from "../../base/mod.ts";
import type { RaftStateMachine } from "../ports.ts";
import { decodeLogOperation, encodeAppended } from "./log_operation.ts";
import { restoreLogState, snapshotLogState } from "./log_snapshot.ts";
import {
  appendEntry,
  createLogState,
  digestLog,
  entryAt,
  type LogRetention,
  retain,
} from "./log_state.ts";
import { lazyPieces } from "./pieces.ts";
import { encodeRefusal } from "./result.ts";

/** Settings of a log; the same on every member, or the members come apart. */
export interface LogMachineOptions {
  /**
   * The greatest number of entries that are kept; at least 1.
   *
   * @default {100000}
   */
  readonly retainEntries?: number;
  /**
   * The greatest size of all entries that are kept. The newest is kept even if it is larger.
   *
   * @default {67108864}
   */
  readonly retainBytes?: number;
}

/** Settings of {@linkcode LogMachine.readRange}. */
export interface LogReadOptions {
  /**
   * The greatest number of entries to return.
   *
   * @default {1000}
   */
  readonly limit?: number;
  /**
   * The size at which no further entry is added; the first is returned whatever its size.
   *
   * @default {1048576}
   */
  readonly maxBytes?: number;
}

/** An entry of a log. */
export interface LogEntry {
  readonly position: number;
  readonly data: Uint8Array;
}

/** A replicated log: positions begin at 1 and have no gaps; the oldest entries go. */
export interface LogMachine extends RaftStateMachine {
  /** Returns a copy of an entry; null when there is none yet, or no longer. */
  read(position: number): Uint8Array | null;
  /** Returns copies of entries from `from` on, or from the oldest kept if that is later. */
  readRange(from: number, options?: LogReadOptions): LogEntry[];
  /** Returns the position of the oldest entry kept; one more than the last when there is none. */
  firstPosition(): number;
  /** Returns the position of the newest entry; 0 before the first append. */
  lastPosition(): number;
  /** Returns the size of all entries that are kept. */
  sizeBytes(): number;
  /** Computes a checksum of the state, for comparison with other members; goes through every entry. */
  digest(): number;
}

/**
 * Makes an empty log.
 *
 * @param options How much it keeps.
 * @returns The machine.
 * @throws {RangeError} When an option is out of range.
 *
 * @example Usage
 * ```ts
 * import { createLogMachine } from "./log_machine.ts";
 * import { decodeLogResult, encodeLogOperation } from "./log_operation.ts";
 *
 * const machine = createLogMachine({ retainEntries: 10, retainBytes: 1024 });
 * const entry = new TextEncoder().encode("hello");
 * const data = encodeLogOperation({ type: "append", data: entry });
 * const result = decodeLogResult(machine.applyOperation({ kind: "custom", data }, 1));
 * if (result.type !== "appended" || result.position !== 1) {
 *   throw new Error("The first position must be 1");
 * }
 * ```
 */
export function createLogMachine(options: LogMachineOptions = {}): LogMachine {
  const retention = checkRetention(options);
  let state = createLogState(0);
  let lastApplied = 0;
  let snapshotOpen = false;

  function append(data: Uint8Array): Uint8Array {
    const operation = decodeLogOperation(data);
    if (operation === null) {
      return encodeRefusal("malformed", "These bytes are no log operation");
    }
    appendEntry(state, operation.data);
    retain(state, retention);
    return encodeAppended(state.last);
  }

  function createSnapshot(): Iterable<Uint8Array> {
    invariant(!snapshotOpen, "a second snapshot is begun beside the first");
    snapshotOpen = true;
    const source = snapshotLogState(state);
    return lazyPieces({
      next: source.next,
      release: () => {
        source.release();
        snapshotOpen = false;
      },
    });
  }

  function readRange(from: number, options: LogReadOptions = {}): LogEntry[] {
    const { limit = 1000, maxBytes = 1024 * 1024 } = options;
    const entries: LogEntry[] = [];
    let bytes = 0;
    let position = Math.max(from, state.first);
    while (position <= state.last && entries.length < limit) {
      const data = present(entryAt(state, position), "an entry of the log");
      bytes += data.length;
      if (entries.length > 0 && bytes > maxBytes) break;
      entries.push({ position, data: data.slice() });
      position += 1;
    }
    return entries;
  }

  return {
    // A view would keep its whole page alive for as long as somebody holds it.
    read: (position) => entryAt(state, position)?.slice() ?? null,
    readRange,
    firstPosition: () => state.first,
    lastPosition: () => state.last,
    sizeBytes: () => state.sizeBytes,
    digest: () => digestLog(state),
    applyOperation: (operation, index) => {
      invariant(index > lastApplied, "an operation is applied out of turn");
      const result = append(operation.data);
      lastApplied = index;
      return result;
    },
    createSnapshot,
    restoreFromSnapshot: (index) =>
      restoreLogState((restored) => {
        state = restored;
        lastApplied = index;
      }),
    getLastAppliedIndex: () => lastApplied,
  };
}

function checkRetention(options: LogMachineOptions): LogRetention {
  const { retainEntries = 100_000, retainBytes = 64 * 1024 * 1024 } = options;
  if (!Number.isSafeInteger(retainEntries) || retainEntries < 1) {
    throw new RangeError(
      `Cannot keep ${retainEntries} entries of a log: give a whole number from 1 on`,
    );
  }
  if (!Number.isSafeInteger(retainBytes) || retainBytes < 0) {
    throw new RangeError(
      `Cannot keep ${retainBytes} bytes of a log: give a whole number from 0 on`,
    );
  }
  return { retainEntries, retainBytes };
}
