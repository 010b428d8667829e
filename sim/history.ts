/** An operation whose caller got an answer. */
export interface CompletedOperation<I, O> {
  readonly type: "completed";
  readonly client: number;
  readonly input: I;
  readonly output: O;
  /** When the call was made, in any unit that orders the whole history. */
  readonly calledAt: number;
  /** When the answer arrived. */
  readonly returnedAt: number;
}

/** An operation whose caller never learned what came of it: it took effect later, or never. */
export interface UnknownOperation<I> {
  readonly type: "unknown";
  readonly client: number;
  readonly input: I;
  readonly calledAt: number;
}

/** One operation of a history. What certainly failed does not belong in a history. */
export type HistoryOperation<I, O> =
  | CompletedOperation<I, O>
  | UnknownOperation<I>;

/**
 * What an object should do, one operation at a time. `S` is its state (never changed in place), `I`
 * what it is told, `O` what it answers.
 */
export interface SequentialModel<S, I, O> {
  /** The state before everything. */
  readonly init: S;
  /**
   * Carries out one operation.
   *
   * @param state The state before it.
   * @param input What is asked.
   * @param output What was answered; undefined when nobody knows.
   * @returns The state behind it, or null when the object would not have answered so.
   */
  step(state: S, input: I, output: O | undefined): { readonly state: S } | null;
  /** Says whether two states are the same. */
  equal(a: S, b: S): boolean;
  /** Returns the same for equal states, and mostly different things for others. */
  hash(state: S): string | number;
  /** Names the independent part of the object that an operation is about, such as its key. */
  partition(input: I): string;
  /** Puts an operation into words. */
  describe(input: I, output: O | undefined): string;
  /** Puts a state into words. */
  describeState(state: S): string;

  // What follows only shortens the search: `false` and `null` are always right.

  /**
   * Says that an operation with this answer changes nothing, in whatever state it is carried out: a
   * read, or a compare-and-set that failed.
   */
  isReadOnly(input: I, output: O): boolean;
  /** Returns the hash of the only state in which an operation can have been answered so. */
  requires(input: I, output: O): string | number | null;
  /** Returns the hash of the only state that an operation can lead to, if it changes anything. */
  produces(input: I): string | number | null;
  /** Names an effect: unknown operations with the same name can stand in for each other. */
  effect(input: I): string | null;
}
