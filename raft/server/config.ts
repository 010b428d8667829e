import { DEFAULT_CORE_OPTIONS } from "../core/mod.ts";
import type { CoreOptions, NodeId } from "../core/mod.ts";
import { COMMAND_HEADER_BYTES } from "../driver/mod.ts";
import { RaftError } from "../errors.ts";
import { idsProblem } from "./member_ids.ts";

/** A member that founds the cluster, and where its peers reach it. */
export interface RaftEndpoint {
  /** The member's number. */
  readonly id: NodeId;
  /** `host:port`; empty where the transport needs none. */
  readonly address: string;
}

/** What all members of a cluster share. */
export interface RaftClusterConfig {
  /** Stores and messages of another cluster are refused. */
  readonly clusterId: string;
  /**
   * The members that found the cluster. Once it is founded, the replicated configuration rules.
   *
   * @default {[]}
   */
  readonly nodeEndpoints?: readonly RaftEndpoint[];
  /**
   * How often a leader speaks up.
   *
   * @default {100}
   */
  readonly heartbeatIntervalMs?: number;
  /**
   * How long a follower waits for its leader, up to 1.3 times as long.
   *
   * @default {1000}
   */
  readonly electionTimeoutMs?: number;
  /**
   * Entries between two snapshots at the least; 0 for none. The next one is also put off until the log is
   * as large as the state, and has 16 MiB or five times as many entries.
   *
   * @default {10000}
   */
  readonly snapshotDistance?: number;
  /**
   * The largest operation; at most 32 MiB.
   *
   * @default {1048576}
   */
  readonly maxEntrySizeBytes?: number;
}

/** The entries behind a snapshot that followers a little behind are fed from, of the distance. */
const TRAILING_RATIO = 1;
/** The entries kept at most for a member that is being sent a snapshot, of the distance. */
const MAX_TRAILING_RATIO = 10;
/** Two of them must fit, beside all else that is not committed, into one write of any store. */
const MAX_ENTRY_SIZE_BYTES = 32 << 20;
/** The default distance between two snapshots. */
export const DEFAULT_SNAPSHOT_DISTANCE = 10_000;

/**
 * Checks a cluster's configuration and makes a core's options of it.
 *
 * @param config What all members share.
 * @returns The options.
 * @throws {RaftError} When something does not fit together; the message names it.
 */
export function coreOptionsOf(config: RaftClusterConfig): CoreOptions {
  const {
    heartbeatIntervalMs = DEFAULT_CORE_OPTIONS.heartbeatIntervalMs,
    electionTimeoutMs = DEFAULT_CORE_OPTIONS.electionTimeoutMs,
    maxEntrySizeBytes = DEFAULT_CORE_OPTIONS.maxEntryBytes,
    snapshotDistance = DEFAULT_SNAPSHOT_DISTANCE,
  } = config;
  const problem = timingProblem(heartbeatIntervalMs, electionTimeoutMs) ??
    sizeProblem(maxEntrySizeBytes, snapshotDistance) ?? nameProblem(config);
  if (problem) throw new RaftError("bad_call", problem);
  return {
    ...DEFAULT_CORE_OPTIONS,
    heartbeatIntervalMs,
    electionTimeoutMs,
    maxEntryBytes: maxEntrySizeBytes + COMMAND_HEADER_BYTES,
    maxUncommittedBytes: Math.max(
      DEFAULT_CORE_OPTIONS.maxUncommittedBytes,
      2 * maxEntrySizeBytes,
    ),
    diskStallTimeoutMs: 2 * electionTimeoutMs,
    snapshotRetryMs: electionTimeoutMs,
    trailingEntries: snapshotDistance * TRAILING_RATIO,
    maxTrailingEntries: snapshotDistance * MAX_TRAILING_RATIO,
  };
}

function timingProblem(
  heartbeatIntervalMs: number,
  electionTimeoutMs: number,
): string | null {
  if (!(heartbeatIntervalMs > 0)) {
    return `heartbeatIntervalMs ${heartbeatIntervalMs} must be above 0`;
  }
  if (heartbeatIntervalMs * 2 <= electionTimeoutMs) return null;
  return `electionTimeoutMs ${electionTimeoutMs} must be at least twice ` +
    `heartbeatIntervalMs ${heartbeatIntervalMs}`;
}

function sizeProblem(
  maxEntrySizeBytes: number,
  snapshotDistance: number,
): string | null {
  const fits = maxEntrySizeBytes >= 1 &&
    maxEntrySizeBytes <= MAX_ENTRY_SIZE_BYTES;
  if (!fits) {
    return `maxEntrySizeBytes ${maxEntrySizeBytes} must be from 1 to ` +
      `${MAX_ENTRY_SIZE_BYTES}`;
  }
  if (Number.isInteger(snapshotDistance) && snapshotDistance >= 0) return null;
  return `snapshotDistance ${snapshotDistance} must be a whole number, 0 for none`;
}

function nameProblem(config: RaftClusterConfig): string | null {
  if (config.clusterId === "") return "The cluster's id is empty; name it";
  return idsProblem((config.nodeEndpoints ?? []).map(({ id }) => id));
}
