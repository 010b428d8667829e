import type { NodeId } from "./core/mod.ts";

/** What went wrong, for callers that act on it. */
export type RaftErrorCode =
  /** Only the leader does this; `leader` says who that is. Nothing happened. */
  | "not_leader"
  /** No leader was found in time. Nothing happened. */
  | "no_quorum"
  /** Too much is under way. Nothing happened. */
  | "busy"
  /** The entry exceeds `max_entry_size`. Nothing happened. */
  | "too_large"
  /** The time ran out, or the session expired: it may have happened, or may happen yet. */
  | "outcome_unknown"
  /** The node was stopped before the outcome was known. */
  | "stopped"
  /** A change of membership was refused. Nothing happened. */
  | "membership"
  /** The state machine threw; the node has stopped before the entry. */
  | "apply_failed"
  /** The store failed; the node has stopped. */
  | "storage_failed"
  /** A call that does not fit the node's state. */
  | "bad_call";

/** Where the leader is. */
export interface LeaderHint {
  readonly id: NodeId;
  /** Its address in the configuration in force, empty when that does not know it. */
  readonly address: string;
}

/** An error that a caller of the library acts on, by `code`. */
export class RaftError extends Error {
  override readonly name = "RaftError";
  /** What went wrong. */
  readonly code: RaftErrorCode;
  /** With `not_leader`: the leader, or null when nobody leads. */
  readonly leader: LeaderHint | null;

  /**
   * Makes an error.
   *
   * @param code What went wrong.
   * @param message What happened, to what, and what to do.
   * @param options The leader, and the error behind this one.
   */
  constructor(
    code: RaftErrorCode,
    message: string,
    options: { leader?: LeaderHint | null; cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.code = code;
    this.leader = options.leader ?? null;
  }
}

/** There is no space for what was to be written, and none of it was. The store stays in use. */
export class DiskFullError extends Error {
  override readonly name = "DiskFullError";

  /**
   * Makes the error.
   *
   * @param what What could not be written.
   * @param options The cause.
   */
  constructor(what: string, options?: ErrorOptions) {
    super(`No space is left on the disk for ${what}: free some space`, options);
  }
}
