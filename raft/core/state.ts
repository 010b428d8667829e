import type { RandomState } from "../../base/mod.ts";
import { draw, invariant } from "../../base/mod.ts";
import {
  configurationAt,
  type ConfigurationHistory,
  decodeConfiguration,
  EMPTY_CONFIGURATION,
  latestConfiguration,
  memberOf,
} from "./configuration.ts";
import type {
  ChangeOutcome,
  ReadOutcome,
  RefusedProposal,
  SnapshotCommand,
  TransferOutcome,
} from "./effects.ts";
import {
  assertCoreOptions,
  type CoreOptions,
  ELECTION_SPREAD_RATIO,
  WITNESS_DELAY_RATIO,
} from "./limits.ts";
import { createLog, lastIndex, type Log } from "./log.ts";
import type { Message, VoteRequest } from "./messages.ts";
import type { Progress } from "./progress.ts";
import type {
  Configuration,
  Entry,
  HardState,
  Incarnation,
  Index,
  Member,
  NodeId,
  Role,
  SnapshotMeta,
  Term,
} from "./types.ts";

/** A read that waits for confirmation; `from` 0 is this node's own. */
export interface PendingRead {
  readonly requestId: number;
  readonly from: NodeId;
}

/** Reads that one heartbeat round confirms together. */
export interface ReadRound {
  readonly round: number;
  readonly index: Index;
  readonly sentAtMs: number;
  readonly reads: readonly PendingRead[];
}

/** A transfer of leadership under way. */
export interface Transfer {
  readonly target: NodeId;
  readonly deadlineMs: number;
  sent: boolean;
}

/** What only a leader has. */
export interface LeaderState {
  readonly progress: Map<NodeId, Progress>;
  /** The index of the entry that opened the term; nothing older commits by counting. */
  readonly termStartIndex: Index;
  heartbeatDueMs: number;
  /** When members that were not told of a commit are told; Infinity when all were. */
  newsDueMs: number;
  /** When there is something to do at the latest, if nothing happens before. */
  dueMs: number;
  /** The last round that was sent out. */
  round: number;
  /** Reads that no round carries yet. */
  readonly queuedReads: PendingRead[];
  /** Rounds whose answers are awaited, oldest first. */
  readonly readRounds: ReadRound[];
  transfer: Transfer | null;
  /** When a leader that is a witness tries next to hand leadership over. */
  yieldDueMs: number;
  /** Set for the rest of the term once somebody may win in spite of the lease. */
  leaseRevoked: boolean;
  /** The size of the entries that are not committed yet. */
  uncommittedBytes: number;
}

/** A snapshot on its way in. */
export interface Receiving {
  readonly snapshot: SnapshotMeta;
  readonly from: NodeId;
  readonly fromIncarnation: Incarnation;
  readonly term: Term;
  /** The next byte wanted, once the piece under way is written. */
  offset: number;
  /** A piece is being written, or the whole is being installed. */
  stage: "idle" | "writing" | "installing";
}

/** A batch on its way to disk. */
export interface InflightPersist {
  readonly seq: number;
  /** How far the log is durable once it is written; lowered when entries of it are truncated. */
  lastIndex: Index;
  readonly hardState: HardState | null;
  readonly startedAtMs: number;
  /** What may be said once it is durable. */
  readonly messages: Message[];
}

/** What steps have produced and nobody has taken yet. */
export interface Outbox {
  messages: Message[];
  /** To be sent once everything known so far is durable. */
  deferred: Message[];
  reads: ReadOutcome[];
  refused: RefusedProposal[];
  changes: ChangeOutcome[];
  transfers: TransferOutcome[];
  snapshots: SnapshotCommand[];
  probes: NodeId[];
}

/** The state of one node's core. Changed by `step` and `drain` only; others read it. */
export interface Core {
  readonly id: NodeId;
  readonly incarnation: Incarnation;
  options: CoreOptions;
  readonly random: RandomState;
  nowMs: number;
  role: Role;
  term: Term;
  votedFor: NodeId;
  /** The leader of this term as far as is known, 0 for none. */
  leaderId: NodeId;
  /** Which directory of that member speaks: this node's configuration may know a former one only. */
  leaderIncarnation: Incarnation;
  commit: Index;
  readonly log: Log;
  readonly configurations: ConfigurationHistory;
  /** The newest durable snapshot of this node. */
  snapshot: SnapshotMeta | null;
  /** The hard state that was handed out last, and the one known to be durable. */
  savedHardState: HardState;
  durableHardState: HardState;
  readonly persists: InflightPersist[];
  persistSeq: number;
  /** When a follower or candidate starts an election. */
  electionDeadlineMs: number;
  /** Until when this node promised its leader to vote for nobody (dissertation §6.4.1). */
  stickyUntilMs: number;
  /** Peers whose process is gone. */
  readonly gone: Set<NodeId>;
  /** The last leader's process is gone and nobody leads since. */
  fast: boolean;
  /** Early vote requests that wait for a probe of the leader. */
  readonly heldVotes: Map<NodeId, VoteRequest>;
  /** Above 0: a committed configuration, made there, no longer has this node. */
  removedAt: Index;
  receiving: Receiving | null;
  /** Votes of the election under way. */
  readonly votes: Map<NodeId, boolean>;
  /** Whether the election under way was asked for by the leader. */
  transferElection: boolean;
  leader: LeaderState | null;
  readonly outbox: Outbox;
}

/** What a core starts from. */
export interface CoreStart {
  readonly id: NodeId;
  readonly incarnation: Incarnation;
  readonly options: CoreOptions;
  /** Determines every draw of the core. */
  readonly seed: number;
  readonly nowMs: number;
  readonly hardState: HardState;
  readonly snapshot: SnapshotMeta | null;
  readonly baseIndex: Index;
  readonly baseTerm: Term;
  readonly entries: Entry[];
}

/**
 * Makes the core of a node that starts with what its store held.
 *
 * @param start Identity, options and stored state.
 * @returns A follower.
 */
export function createCore(start: CoreStart): Core {
  assertCoreOptions(start.options);
  const log = createLog(start.baseIndex, start.baseTerm, start.entries);
  const commit = Math.max(
    start.hardState.commit,
    start.snapshot?.index ?? 0,
    start.baseIndex,
  );
  invariant(
    commit <= lastIndex(log),
    `the commit index ${commit} lies beyond the log's end ${lastIndex(log)}`,
  );
  const core: Core = {
    id: start.id,
    incarnation: start.incarnation,
    options: start.options,
    random: { state: start.seed | 0 },
    nowMs: start.nowMs,
    role: "follower",
    term: start.hardState.term,
    votedFor: start.hardState.votedFor,
    leaderId: 0,
    leaderIncarnation: 0,
    commit,
    log,
    configurations: configurationsOf(start),
    snapshot: start.snapshot,
    savedHardState: start.hardState,
    durableHardState: start.hardState,
    persists: [],
    persistSeq: 0,
    electionDeadlineMs: 0,
    stickyUntilMs: -Infinity,
    gone: new Set(),
    fast: false,
    heldVotes: new Map(),
    removedAt: 0,
    receiving: null,
    votes: new Map(),
    transferElection: false,
    leader: null,
    outbox: emptyOutbox(),
  };
  // A promise made before the restart is unknown now, so it is taken as just made.
  if (mayHaveLeases(core)) {
    core.stickyUntilMs = start.nowMs + start.options.electionTimeoutMs;
  }
  resetElectionDeadline(core);
  return core;
}

function configurationsOf(start: CoreStart): ConfigurationHistory {
  const { snapshot } = start;
  const history: ConfigurationHistory = [
    snapshot
      ? {
        index: snapshot.configurationIndex,
        configuration: snapshot.configuration,
      }
      : { index: 0, configuration: EMPTY_CONFIGURATION },
  ];
  for (const entry of start.entries) {
    if (entry.kind !== "configuration") continue;
    if (snapshot && entry.index <= snapshot.index) continue;
    const configuration = decodeConfiguration(entry.data);
    history.push({ index: entry.index, configuration });
  }
  return history;
}

/** Makes an outbox with nothing in it. */
export function emptyOutbox(): Outbox {
  return {
    messages: [],
    deferred: [],
    reads: [],
    refused: [],
    changes: [],
    transfers: [],
    snapshots: [],
    probes: [],
  };
}

/** The configuration in force. */
export function configurationOf(core: Core): Configuration {
  return latestConfiguration(core.configurations).configuration;
}

/** This node's membership in the configuration in force, under this very incarnation. */
export function ownMember(core: Core): Member | undefined {
  const member = memberOf(configurationOf(core), core.id);
  return member?.incarnation === core.incarnation ? member : undefined;
}

/** Whether some leader might rely on this node's promise: any configuration still possible has leases. */
export function mayHaveLeases(core: Core): boolean {
  const { index } = configurationAt(core.configurations, core.commit);
  return core.configurations.some((at) =>
    at.index >= index && at.configuration.leaseReads
  );
}

/** Draws when to start the next election: T to 1.3 T from now, later for a witness. */
export function resetElectionDeadline(core: Core): void {
  const spread = 1 + draw(core.random) * (ELECTION_SPREAD_RATIO - 1);
  const ratio = ownMember(core)?.role === "witness" ? WITNESS_DELAY_RATIO : 1;
  core.electionDeadlineMs = core.nowMs +
    core.options.electionTimeoutMs * spread * ratio;
}

/** Whether a write to disk has been under way for too long. */
export function diskStalled(core: Core): boolean {
  const oldest = core.persists[0];
  return oldest !== undefined &&
    core.nowMs - oldest.startedAtMs >= core.options.diskStallTimeoutMs;
}
