import { invariant } from "../../base/mod.ts";
import type { RaftStateMachine, SnapshotRestore } from "../ports.ts";
import { DIGEST_START, digestNumber } from "./digest.ts";
import { badSnapshot, lazyPieces } from "./pieces.ts";
import {
  ACCEPTED,
  decodeRefusal,
  encodeRefusal,
  type MachineRefusal,
  unreadableResult,
} from "./result.ts";

/** What a counter can be told to do. */
export type CounterOperation =
  | { readonly type: "increment"; readonly by: number }
  | { readonly type: "get" };

/** What a counter answers. */
export type CounterResult =
  | { readonly type: "value"; readonly value: number }
  | MachineRefusal;

/** A number that all members agree on: the smallest state machine there is. */
export interface CounterMachine extends RaftStateMachine {
  /** Returns the number as this member has it. */
  value(): number;
  /** Returns a checksum of the state, for comparison with other members. */
  digest(): number;
}

const GET = 0;
const INCREMENT = 1;
const SNAPSHOT_FORMAT = 1;
const NUMBER_BYTES = 9;

/**
 * Encodes an operation for a counter.
 *
 * @param operation What to do.
 * @returns The `data` of a `RaftOperation`.
 */
export function encodeCounterOperation(
  operation: CounterOperation,
): Uint8Array {
  if (operation.type === "get") return new Uint8Array([GET]);
  return tagged(INCREMENT, operation.by);
}

/**
 * Decodes an operation.
 *
 * @param data What {@linkcode encodeCounterOperation} made.
 * @returns The operation, or null when the bytes are malformed.
 */
export function decodeCounterOperation(
  data: Uint8Array,
): CounterOperation | null {
  if (data.length === 1 && data[0] === GET) return { type: "get" };
  const by = untagged(INCREMENT, data);
  return by === null ? null : { type: "increment", by };
}

/**
 * Decodes what a counter answered.
 *
 * @param data What `applyOperation` returned.
 * @returns The counter's value behind the operation, or why it was refused.
 * @throws {RangeError} When these bytes are no result of a counter.
 */
export function decodeCounterResult(data: Uint8Array): CounterResult {
  const refusal = decodeRefusal(data);
  if (refusal !== null) return refusal;
  const value = untagged(ACCEPTED, data);
  if (value === null) throw unreadableResult();
  return { type: "value", value };
}

/**
 * Makes a counter at 0.
 *
 * @returns The machine.
 *
 * @example Usage
 * ```ts
 * import {
 *   createCounterMachine,
 *   decodeCounterResult,
 *   encodeCounterOperation,
 * } from "./counter_machine.ts";
 *
 * const machine = createCounterMachine();
 * const data = encodeCounterOperation({ type: "increment", by: 5 });
 * const result = machine.applyOperation({ kind: "custom", data }, 1);
 * const answer = decodeCounterResult(result);
 * if (answer.type !== "value" || answer.value !== 5) {
 *   throw new Error("The counter must stand at 5");
 * }
 * ```
 */
export function createCounterMachine(): CounterMachine {
  let value = 0;
  let lastApplied = 0;
  let snapshotOpen = false;

  function apply(data: Uint8Array): Uint8Array {
    const operation = decodeCounterOperation(data);
    if (operation === null) {
      return encodeRefusal("malformed", "These bytes are no counter operation");
    }
    const by = operation.type === "get" ? 0 : operation.by;
    if (!Number.isSafeInteger(value + by)) {
      return encodeRefusal(
        "out_of_range",
        `The counter stands at ${value} and cannot be changed by ${by}`,
      );
    }
    value += by;
    return tagged(ACCEPTED, value);
  }

  function createSnapshot(): Iterable<Uint8Array> {
    invariant(!snapshotOpen, "a second snapshot is begun beside the first");
    snapshotOpen = true;
    let piece: Uint8Array | null = tagged(SNAPSHOT_FORMAT, value);
    return lazyPieces({
      next: () => {
        const taken = piece;
        piece = null;
        return taken;
      },
      release: () => snapshotOpen = false,
    });
  }

  return {
    value: () => value,
    digest: () => digestNumber(DIGEST_START, value),
    applyOperation: (operation, index) => {
      invariant(index > lastApplied, "an operation is applied out of turn");
      const result = apply(operation.data);
      lastApplied = index;
      return result;
    },
    createSnapshot,
    restoreFromSnapshot: (index) =>
      restoreNumber((restored) => {
        value = restored;
        lastApplied = index;
      }),
    getLastAppliedIndex: () => lastApplied,
  };
}

function restoreNumber(done: (value: number) => void): SnapshotRestore {
  let restored: number | null = null;
  return {
    piece: (data) => {
      const value = untagged(SNAPSHOT_FORMAT, data);
      if (value === null || restored !== null) {
        throw badSnapshot("it is not that of a counter");
      }
      restored = value;
    },
    done: () => {
      if (restored === null) throw badSnapshot("it is empty");
      done(restored);
    },
  };
}

function tagged(tag: number, value: number): Uint8Array {
  const data = new Uint8Array(NUMBER_BYTES);
  data[0] = tag;
  new DataView(data.buffer).setFloat64(1, value);
  return data;
}

function untagged(tag: number, data: Uint8Array): number | null {
  if (data.length !== NUMBER_BYTES || data[0] !== tag) return null;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const value = view.getFloat64(1);
  return Number.isSafeInteger(value) ? value : null;
}
