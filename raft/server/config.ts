import { DEFAULT_CORE_OPTIONS } from "../core/mod.ts";
import type { CoreOptions, NodeId } from "../core/mod.ts";
import { RaftError } from "../errors.ts";

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
   * Entries between two snapshots at the least; 0 for none.
   *
   * @default {10000}
   */
  readonly snapshotDistance?: number;
  /**
   * The largest operation.
   *
   * @default {1048576}
   */
  readonly maxEntrySizeBytes?: number;
}

/** The entries behind a snapshot that followers a little behind are fed from, of the distance. */
const TRAILING_RATIO = 1;
/** The entries kept at most for a member that is being sent a snapshot, of the distance. */
const MAX_TRAILING_RATIO = 10;
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
  const problem = problemOf(config, heartbeatIntervalMs, electionTimeoutMs);
  if (problem) throw new RaftError("bad_call", problem);
  return {
    ...DEFAULT_CORE_OPTIONS,
    heartbeatIntervalMs,
    electionTimeoutMs,
    maxEntryBytes: maxEntrySizeBytes,
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

function problemOf(
  config: RaftClusterConfig,
  heartbeatIntervalMs: number,
  electionTimeoutMs: number,
): string | null {
  if (config.clusterId === "") return "The cluster's id is empty; name it";
  if (heartbeatIntervalMs * 2 > electionTimeoutMs) {
    return `electionTimeoutMs ${electionTimeoutMs} must be at least twice ` +
      `heartbeatIntervalMs ${heartbeatIntervalMs}`;
  }
  const ids = new Set<NodeId>();
  for (const { id } of config.nodeEndpoints ?? []) {
    if (!Number.isInteger(id) || id < 1 || id > 1000) {
      return `Member id ${id} is not a whole number from 1 to 1000`;
    }
    if (ids.has(id)) return `Member id ${id} is given twice; ids are unique`;
    ids.add(id);
  }
  return null;
}
