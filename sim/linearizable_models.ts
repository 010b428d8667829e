import type { HistoryOperation, SequentialModel } from "./history.ts";

/** What a client asks of a key-value store, one key at a time. */
export type KvInput =
  | { readonly type: "get"; readonly key: string }
  | { readonly type: "put"; readonly key: string; readonly value: string }
  | { readonly type: "delete"; readonly key: string }
  | {
    readonly type: "compare_and_set";
    readonly key: string;
    /** The value that the key must have; null: it must not exist. */
    readonly expected: string | null;
    /** The new value; null deletes. */
    readonly value: string | null;
  };

/** What a key-value store answers. */
export type KvOutput =
  /** To a get: the value, null when there is none. */
  | { readonly type: "value"; readonly value: string | null }
  /** To a put, and to a delete that does not say whether there was something. */
  | { readonly type: "done" }
  /** To a compare-and-set, and to a delete: whether it changed something. */
  | { readonly type: "changed"; readonly changed: boolean };

/**
 * Makes the model of a key-value store. Each key is a partition of its own, so operations on several
 * keys at once do not belong in its histories.
 *
 * @returns The model; its state is the value of one key.
 */
export function createKvModel(): SequentialModel<
  string | null,
  KvInput,
  KvOutput
> {
  return {
    init: null,
    step: stepKv,
    isReadOnly: (input, output) =>
      input.type === "get" || (output.type === "changed" && !output.changed),
    equal: (a, b) => a === b,
    hash: (state) => JSON.stringify(state),
    partition: (input) => input.key,
    describe: describeKv,
    describeState: (state) => state === null ? "no value" : text(state),
  };
}

function stepKv(
  state: string | null,
  input: KvInput,
  output: KvOutput | undefined,
): { readonly state: string | null } | null {
  const answered = (right: KvOutput): boolean =>
    output === undefined || isSame(output, right);
  switch (input.type) {
    case "get":
      return answered({ type: "value", value: state }) ? { state } : null;
    case "put":
      return answered({ type: "done" }) ? { state: input.value } : null;
    case "delete": {
      const right = answered({ type: "done" }) ||
        answered({ type: "changed", changed: state !== null });
      return right ? { state: null } : null;
    }
    case "compare_and_set": {
      const changed = state === input.expected;
      if (!answered({ type: "changed", changed })) return null;
      return { state: changed ? input.value : state };
    }
  }
}

function isSame(a: KvOutput, b: KvOutput): boolean {
  if (a.type === "value" && b.type === "value") return a.value === b.value;
  if (a.type === "changed" && b.type === "changed") {
    return a.changed === b.changed;
  }
  return a.type === b.type;
}

function describeKv(input: KvInput, output: KvOutput | undefined): string {
  const answer = output === undefined
    ? "?"
    : output.type === "done"
    ? "done"
    : text(output.type === "value" ? output.value : output.changed);
  switch (input.type) {
    case "get":
      return `get(${input.key}) -> ${answer}`;
    case "put":
      return `put(${input.key}, ${text(input.value)}) -> ${answer}`;
    case "delete":
      return `delete(${input.key}) -> ${answer}`;
    case "compare_and_set":
      return `compare_and_set(${input.key}, ${text(input.expected)} to ${
        text(input.value)
      }) -> ${answer}`;
  }
}

/** What a client asks of a log. */
export type LogInput =
  | { readonly type: "append"; readonly value: string }
  | { readonly type: "read"; readonly position: number };

/** What a log answers. */
export type LogOutput =
  | { readonly type: "appended"; readonly position: number }
  /** To a read: the entry, null when the log ends before it. */
  | { readonly type: "entry"; readonly value: string | null };

/** A log's newest entry, which knows the one before it and one far before; null for an empty log. */
export type LogModelState = LogNode | null;

/** An entry of a log that is never changed: appending makes a new end and shares the rest. */
export interface LogNode {
  readonly position: number;
  readonly value: string;
  readonly before: LogNode | null;
  /** Some earlier entry, chosen so that any is found in a logarithmic number of steps. */
  readonly jump: LogNode | null;
  /** Depends on all values up to here. */
  readonly hash: number;
}

/**
 * Makes the model of a log whose positions begin at 1 and have no gaps, and which loses no entry
 * (histories of a log with a bound must stay below it).
 *
 * An entry never changes once it has its position, so what anybody read there tells which append
 * took it. The model uses that to reject early an order that would be found wrong much later.
 *
 * @param history The history that will be checked.
 * @returns The model.
 */
export function createLogModel(
  history: readonly HistoryOperation<LogInput, LogOutput>[],
): SequentialModel<LogModelState, LogInput, LogOutput> {
  const { valueAt, positionOf } = observe(history);
  return {
    init: null,
    step: (state, input, output) => {
      if (input.type === "read") return stepRead(state, input.position, output);
      const position = (state?.position ?? 0) + 1;
      const right = output === undefined ||
        (output.type === "appended" && output.position === position);
      const fits = (valueAt.get(position) ?? input.value) === input.value &&
        (positionOf.get(input.value) ?? position) === position;
      return right && fits ? { state: append(state, input.value) } : null;
    },
    isReadOnly: (input) => input.type === "read",
    equal: isSameLog,
    hash: (state) => state === null ? 0 : state.hash,
    partition: () => "",
    describe: describeLog,
    describeState: (state) =>
      state === null
        ? "an empty log"
        : `a log of ${state.position} entries, the last ${text(state.value)}`,
  };
}

/** What a history as a whole tells about a log. */
interface Observations {
  /** Which value some client was told to be at a position. */
  readonly valueAt: ReadonlyMap<number, string>;
  /** The same the other way round; empty when some value was appended twice. */
  readonly positionOf: ReadonlyMap<string, number>;
}

function observe(
  history: readonly HistoryOperation<LogInput, LogOutput>[],
): Observations {
  const valueAt = new Map<number, string>();
  const positionOf = new Map<string, number>();
  const appended = new Set<string>();
  let isUnique = true;
  for (const operation of history) {
    const { input } = operation;
    if (input.type === "append") {
      isUnique &&= !appended.has(input.value);
      appended.add(input.value);
    }
    if (operation.type === "unknown") continue;
    const seen = seenBy(input, operation.output);
    if (seen === null) continue;
    if (!valueAt.has(seen.position)) valueAt.set(seen.position, seen.value);
    if (!positionOf.has(seen.value)) positionOf.set(seen.value, seen.position);
  }
  return { valueAt, positionOf: isUnique ? positionOf : new Map() };
}

function seenBy(
  input: LogInput,
  output: LogOutput,
): { readonly position: number; readonly value: string } | null {
  if (input.type === "append" && output.type === "appended") {
    return { position: output.position, value: input.value };
  }
  if (input.type !== "read" || output.type !== "entry") return null;
  const { value } = output;
  return value === null ? null : { position: input.position, value };
}

function append(state: LogModelState, value: string): LogNode {
  const position = (state?.position ?? 0) + 1;
  const hash = Math.imul((state?.hash ?? 0) ^ hashText(value), 0x01000193) | 0;
  return { position, value, before: state, jump: jumpFrom(state), hash };
}

/** Skip-list by arithmetic (Myers 1983): jumps double whenever two of the same length follow. */
function jumpFrom(state: LogModelState): LogNode | null {
  const jump = state?.jump ?? null;
  if (state === null || jump === null) return state;
  const length = state.position - jump.position;
  const lengthBefore = jump.position - (jump.jump?.position ?? 0);
  return length === lengthBefore ? jump.jump : state;
}

function entryAt(state: LogModelState, position: number): LogNode | null {
  let node = state;
  while (node !== null && node.position > position) {
    const far = node.jump;
    node = far !== null && far.position >= position ? far : node.before;
  }
  return node?.position === position ? node : null;
}

function stepRead(
  state: LogModelState,
  position: number,
  output: LogOutput | undefined,
): { readonly state: LogModelState } | null {
  if (output === undefined) return { state };
  const value = entryAt(state, position)?.value ?? null;
  return output.type === "entry" && output.value === value ? { state } : null;
}

function isSameLog(a: LogModelState, b: LogModelState): boolean {
  let left = a;
  let right = b;
  while (left !== right) {
    if (left?.hash !== right?.hash || left?.value !== right?.value) {
      return false;
    }
    if (left?.position !== right?.position) return false;
    left = left?.before ?? null;
    right = right?.before ?? null;
  }
  return true;
}

function describeLog(input: LogInput, output: LogOutput | undefined): string {
  const answer = output === undefined
    ? "?"
    : text(output.type === "appended" ? output.position : output.value);
  return input.type === "append"
    ? `append(${text(input.value)}) -> ${answer}`
    : `read(${input.position}) -> ${answer}`;
}

function hashText(value: string): number {
  let hash = value.length;
  for (let i = 0; i < value.length; i++) {
    hash = (Math.imul(hash, 31) + value.charCodeAt(i)) | 0;
  }
  return hash;
}

function text(value: string | number | boolean | null): string {
  return JSON.stringify(value);
}
