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

/** The value of one key as JSON, "null" when there is none, or {@linkcode UNSEEN}. */
export type KvModelState = string;

/** Stands for every value that no answer and no comparison of the history speaks of. */
const UNSEEN: KvModelState = "a value that nobody saw";

/**
 * Makes the model of a key-value store. Each key is a partition of its own, so operations on several
 * keys at once do not belong in its histories.
 *
 * Values that nobody read or compared with cannot be told apart, so they are one state.
 *
 * @param history The very history that will be checked.
 * @returns The model.
 */
export function createKvModel(
  history: readonly HistoryOperation<KvInput, KvOutput>[],
): SequentialModel<KvModelState, KvInput, KvOutput> {
  const seen = seenValues(history);
  const stateOf = (key: string, value: string | null): KvModelState =>
    value === null || seen.has(JSON.stringify([key, value]))
      ? text(value)
      : UNSEEN;
  return {
    init: text(null),
    step: (state, input, output) => {
      const right = output === undefined || isRight(state, input, output);
      return right ? { state: behind(state, input, stateOf) } : null;
    },
    equal: (a, b) => a === b,
    hash: (state) => state,
    partition: (input) => input.key,
    describe: describeKv,
    describeState: (state) => state,
    isReadOnly: (input, output) =>
      input.type === "get" || (output.type === "changed" && !output.changed),
    requires: requiredByKv,
    produces: (input) => {
      if (input.type === "get") return null;
      return stateOf(input.key, input.type === "delete" ? null : input.value);
    },
    effect: (input) => {
      if (input.type !== "put") return JSON.stringify(input);
      return `put ${stateOf(input.key, input.value)}`;
    },
  };
}

function seenValues(
  history: readonly HistoryOperation<KvInput, KvOutput>[],
): ReadonlySet<string> {
  const seen = new Set<string>();
  for (const operation of history) {
    const { input } = operation;
    if (input.type === "compare_and_set") {
      seen.add(JSON.stringify([input.key, input.expected]));
    }
    if (operation.type === "completed" && operation.output.type === "value") {
      seen.add(JSON.stringify([input.key, operation.output.value]));
    }
  }
  return seen;
}

function behind(
  state: KvModelState,
  input: KvInput,
  stateOf: (key: string, value: string | null) => KvModelState,
): KvModelState {
  switch (input.type) {
    case "get":
      return state;
    case "put":
      return stateOf(input.key, input.value);
    case "delete":
      return text(null);
    case "compare_and_set":
      return state === text(input.expected)
        ? stateOf(input.key, input.value)
        : state;
  }
}

function isRight(
  state: KvModelState,
  input: KvInput,
  output: KvOutput,
): boolean {
  switch (input.type) {
    case "get":
      return output.type === "value" && text(output.value) === state;
    case "put":
      return output.type === "done";
    case "delete":
      return output.type === "done" || (output.type === "changed" &&
        output.changed === (state !== text(null)));
    case "compare_and_set":
      return output.type === "changed" &&
        output.changed === (state === text(input.expected));
  }
}

function requiredByKv(input: KvInput, output: KvOutput): string | null {
  if (output.type === "value") return text(output.value);
  if (output.type === "done") return null;
  if (input.type === "delete") return output.changed ? null : text(null);
  if (input.type !== "compare_and_set") return null;
  return output.changed ? text(input.expected) : null;
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

/**
 * Makes the model of a log whose positions begin at 1 and have no gaps, and which loses no entry
 * (histories of a log with a bound must stay below it).
 *
 * An entry never changes once it has its position, so what anybody was told of a position holds for
 * the whole history, and what nobody was told of does not matter. So the model's state is only the
 * length of the log.
 *
 * @param history The very history that will be checked.
 * @returns The model.
 */
export function createLogModel(
  history: readonly HistoryOperation<LogInput, LogOutput>[],
): SequentialModel<number, LogInput, LogOutput> {
  const { valueAt, positionOf, isUnique } = observe(history);
  return {
    init: 0,
    step: (length, input, output) => {
      if (input.type === "read") {
        return isRead(valueAt, length, input.position, output)
          ? { state: length }
          : null;
      }
      const position = length + 1;
      const right = output === undefined ||
        (output.type === "appended" && output.position === position);
      const fits = (valueAt.get(position) ?? input.value) === input.value &&
        (positionOf.get(input.value) ?? position) === position;
      return right && fits ? { state: position } : null;
    },
    equal: (a, b) => a === b,
    hash: (length) => length,
    partition: () => "",
    describe: describeLog,
    describeState: (length) => `a log of ${length} entries`,
    isReadOnly: (input) => input.type === "read",
    requires: (_, output) =>
      output.type === "appended" ? output.position - 1 : null,
    produces: () => null,
    effect: (input) => {
      if (input.type === "read") return "read";
      const isSeen = positionOf.has(input.value) || !isUnique;
      return isSeen ? `append ${input.value}` : "append what nobody saw";
    },
  };
}

function isRead(
  valueAt: ReadonlyMap<number, string>,
  length: number,
  position: number,
  output: LogOutput | undefined,
): boolean {
  if (output === undefined) return true;
  const value = position <= length ? valueAt.get(position) ?? null : null;
  return output.type === "entry" && output.value === value;
}

/** What a history as a whole tells about a log. */
interface Observations {
  /** Which value some client was told to be at a position. */
  readonly valueAt: ReadonlyMap<number, string>;
  /** The same the other way round; empty when some value was appended twice. */
  readonly positionOf: ReadonlyMap<string, number>;
  /** Whether every value was appended once at most. */
  readonly isUnique: boolean;
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
  return { valueAt, positionOf: isUnique ? positionOf : new Map(), isUnique };
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

function describeLog(input: LogInput, output: LogOutput | undefined): string {
  const answer = output === undefined
    ? "?"
    : text(output.type === "appended" ? output.position : output.value);
  return input.type === "append"
    ? `append(${text(input.value)}) -> ${answer}`
    : `read(${input.position}) -> ${answer}`;
}

function text(value: string | number | boolean | null): string {
  return JSON.stringify(value);
}
