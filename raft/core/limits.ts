import { invariant } from "../../base/mod.ts";

/** The bounds and times of a core. Every queue and wait in it is bounded by one of these. */
export interface CoreOptions {
  /** How often a leader speaks up. */
  readonly heartbeatIntervalMs: number;
  /** T: a follower waits T to 1.3 T for its leader; a leader without a quorum for T steps down. */
  readonly electionTimeoutMs: number;
  /** The largest payload of one entry. */
  readonly maxEntryBytes: number;
  /** What one append carries, unless a single entry is larger. */
  readonly maxAppendBytes: number;
  /** How many entries one append carries. */
  readonly maxAppendEntries: number;
  /** How many appends a follower may have unanswered. */
  readonly maxInflightMessages: number;
  /** How many bytes of entries a follower may have unanswered. */
  readonly maxInflightBytes: number;
  /** Beyond this many bytes not yet committed, proposals are refused as busy. */
  readonly maxUncommittedBytes: number;
  /** How many reads may wait for a leader's confirmation. */
  readonly maxPendingReads: number;
  /** A leader whose oldest write to disk has taken this long gives leadership away. */
  readonly diskStallTimeoutMs: number;
  /** A learner this close to the end of the log has caught up. */
  readonly promotionLagEntries: number;
  /** How much of a snapshot travels in one message. */
  readonly snapshotChunkBytes: number;
  /** A chunk that is not answered by then is sent again. */
  readonly snapshotRetryMs: number;
  /** Entries kept behind a snapshot, so that a follower a little behind needs none. */
  readonly trailingEntries: number;
  /** Entries kept at most for members that are being sent a snapshot. */
  readonly maxTrailingEntries: number;
}

/** The part of the lease that is given up for clocks that run at different speeds. */
export const LEASE_DRIFT_RATIO = 0.1;
/** An election timeout is drawn from T to this many times T. */
export const ELECTION_SPREAD_RATIO = 1.3;
/** A witness waits this many times longer, so that a data member wins where one can. */
export const WITNESS_DELAY_RATIO = 1.5;
/** A witness that leads asks a data member to take over this many election timeouts apart. */
export const WITNESS_YIELD_INTERVAL_RATIO = 10;
/** How long news of a commit waits for an append that carries it along. */
export const COMMIT_NEWS_DELAY_MS = 2;
/** While an append is unanswered, further entries gather for as long as this, for the next one. */
export const GATHER_MS = 1;
/** As many entries go out without gathering. */
export const GATHER_ENTRIES = 256;
/** So many bytes of them as well. */
export const GATHER_BYTES = 64 << 10;
/** For how long after its last request a member is told of commits at once, in election timeouts. */
export const EAGER_RATIO = 1;
/** When a leader's process is gone, survivors start this far apart. */
export const FAST_ELECTION_STEP_MS = 20;
/** A fast election that failed is tried again after a random time of at least this. */
export const FAST_RETRY_MIN_MS = 10;
/** A fast election that failed is tried again after a random time of at most this. */
export const FAST_RETRY_MAX_MS = 50;

/** The defaults, which DESIGN's numbers were measured with. */
export const DEFAULT_CORE_OPTIONS: CoreOptions = {
  heartbeatIntervalMs: 100,
  electionTimeoutMs: 1000,
  maxEntryBytes: 1 << 20,
  maxAppendBytes: 1 << 20,
  maxAppendEntries: 4096,
  maxInflightMessages: 64,
  maxInflightBytes: 16 << 20,
  maxUncommittedBytes: 64 << 20,
  maxPendingReads: 16384,
  diskStallTimeoutMs: 2000,
  promotionLagEntries: 64,
  snapshotChunkBytes: 256 << 10,
  snapshotRetryMs: 1000,
  trailingEntries: 10000,
  maxTrailingEntries: 100000,
};

/**
 * Asserts that bounds fit together.
 *
 * @param options The options to check.
 */
export function assertCoreOptions(options: CoreOptions): void {
  invariant(
    options.heartbeatIntervalMs > 0 &&
      options.heartbeatIntervalMs * 2 <= options.electionTimeoutMs,
    `heartbeatIntervalMs ${options.heartbeatIntervalMs} must fit twice into electionTimeoutMs ${options.electionTimeoutMs}`,
  );
  invariant(
    options.maxEntryBytes <= options.maxUncommittedBytes,
    "an entry of the largest size must fit into maxUncommittedBytes",
  );
  invariant(
    options.trailingEntries <= options.maxTrailingEntries,
    "trailingEntries must not exceed maxTrailingEntries",
  );
}
