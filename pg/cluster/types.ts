/** A member's number, the same as in Raft. */
export type MemberId = number;
/** The reign of one primary; a number that only grows. */
export type Epoch = number;
/** The identity of one data directory. */
export type Incarnation = number;
/** A position in the write-ahead log, in bytes. */
export type Lsn = number;
/** PostgreSQL's number of a history of write-ahead log. */
export type Timeline = number;

/** One data directory of a member (FAILOVER R3). */
export interface Copy {
  readonly id: MemberId;
  readonly incarnation: Incarnation;
}

/** Who must hold a commit. */
export type SyncMode = "quorum" | "strict" | "off";

/** What an operator says about a member. */
export interface Tags {
  /** Covers and is a source, but is never primary. */
  readonly nofailover: boolean;
  /** Is not led to by the router. */
  readonly noloadbalance: boolean;
  /** Does not count for commits. */
  readonly nosync: boolean;
  /** Others clone from it first. */
  readonly clonefrom: boolean;
  /** Among equals the highest wins. */
  readonly failoverPriority: number;
  /** The standby that it streams from instead of the primary, while that one streams; null for none. */
  readonly cascadeFrom: MemberId | null;
}

/** The tags of a member of which nothing was said. */
export const NO_TAGS: Tags = {
  nofailover: false,
  noloadbalance: false,
  nosync: false,
  clonefrom: false,
  failoverPriority: 100,
  cascadeFrom: null,
};

/** A member with PostgreSQL. */
export interface DataMember {
  readonly id: MemberId;
  /** Where its PostgreSQL is reached. */
  readonly host: string;
  readonly port: number;
  /** PostgreSQL's version there. */
  readonly version: string;
  readonly tags: Tags;
  /** Its data directory; null before it has one of this cluster. */
  readonly incarnation: Incarnation | null;
  /** Whether it counts in n, from which k follows (R6). */
  readonly counted: boolean;
  /** It is about to leave: no rule shall name it any more (R18). */
  readonly leaving: boolean;
  /** Its agent was stopped on purpose and left PostgreSQL running (R8). */
  readonly away: boolean;
  /** An operator works on it: it gets no clients and is never primary. */
  readonly maintenance: boolean;
  /** What an operator has asked of it last; null for nothing. */
  readonly order: MemberOrder | null;
}

/** Work on one member that an operator asks for; its agent does it when nothing else is under way. */
export interface MemberOrder {
  readonly number: number;
  readonly kind: OrderKind;
  /** Whether a primary may be stopped for it, with a loss of service. */
  readonly inPlace: boolean;
  readonly atMs: number;
  /** Null until it is done, or can't be. */
  readonly outcome: OrderOutcome | null;
}

/** `restart` and `reload` are PostgreSQL's own; `reinit` takes a new copy of the primary's data. */
export type OrderKind = "restart" | "reload" | "reinit";

/** What became of an order. */
export interface OrderOutcome {
  readonly done: boolean;
  /** Why not, in words; empty when it is done. */
  readonly why: string;
}

/** The members' fields that no agent and no operator has said anything about. */
export const NEW_MEMBER: Omit<DataMember, "id" | "host" | "port" | "version"> =
  {
    tags: NO_TAGS,
    incarnation: null,
    counted: false,
    leaving: false,
    away: false,
    maintenance: false,
    order: null,
  };

/** What counts for the cluster as a whole, beside PostgreSQL's parameters. */
export interface ClusterSettings {
  readonly synchronousMode: SyncMode;
  /** What mode `off` may lose when another member takes over by itself; null for what the leader's file says. */
  readonly maximumLagBytes: number | null;
}

/** The configuration of the whole cluster, as it was from one change to the next. */
export interface ConfigVersion {
  /** Counts from 1. */
  readonly version: number;
  /** PostgreSQL's parameters for all members, all of them, by name in lower case. */
  readonly parameters: Readonly<Record<string, string>>;
  /** Absent in versions that are older than its being kept here. */
  readonly cluster?: ClusterSettings;
  /** Who made it, as they call themselves. */
  readonly author: string;
  readonly comment: string;
  /** Milliseconds since 1970. */
  readonly atMs: number;
}

/**
 * While `primary` reigns it acknowledges a commit only when at least `required` of `standbys` hold it
 * flushed. In force from its entry until a later one retires it (R1).
 */
export interface Rule {
  readonly number: number;
  readonly epoch: Epoch;
  readonly primary: Copy;
  readonly standbys: readonly Copy[];
  readonly required: number;
}

/** The start of a reign (R17). */
export interface Grant {
  readonly epoch: Epoch;
  readonly winner: Copy;
  readonly timeline: Timeline;
  /** The epoch of the write-ahead log that it goes on from; 0 for the first. */
  readonly parent: Epoch;
  /** Where its own log begins: the winner's position at first, the real branch once promoted. */
  readonly startLsn: Lsn;
  readonly promoted: boolean;
}

/** Where a member's data ends: the epoch of its last write-ahead log first (R14). */
export interface Position {
  readonly epoch: Epoch;
  readonly lsn: Lsn;
}

/** Why a reign ends. */
export type LossReason =
  | "postmaster_gone"
  | "postmaster_hung"
  | "disk_hung"
  | "disk_full"
  | "crash_loop"
  | "node_gone"
  | "node_silent"
  | "agent_gone"
  | "takeover_failed"
  | "switchover"
  | "forced"
  | "founding";

/** What an attempt may do beside choosing the highest position. */
export type AttemptKind =
  | { readonly kind: "automatic" }
  /** R32: the old primary stops in order, and the target is preferred. */
  | { readonly kind: "planned"; readonly target: MemberId | null }
  /** R31: rules that nobody covers are given up. */
  | { readonly kind: "forced"; readonly target: MemberId | null };

/** A standby that streams the difference from another before it can win (R16). */
export interface CatchUp {
  readonly source: Copy;
  readonly target: Copy;
  /** The epoch of the source's last log: what the target follows from now on (R14). */
  readonly epoch: Epoch;
  readonly lsn: Lsn;
}

/** Where the cluster is between two reigns. */
export type Phase =
  /** There is no database yet. */
  | { readonly kind: "unformed" }
  /** One member makes it. */
  | {
    readonly kind: "founding";
    readonly founder: MemberId;
    readonly attempt: number;
  }
  /** Every data member seals for `epoch` (R11). */
  | {
    readonly kind: "sealing";
    readonly epoch: Epoch;
    readonly attempt: AttemptKind;
    readonly catchUp: CatchUp | null;
  }
  /** The winner promotes and passes its barrier, closed. */
  | { readonly kind: "granted"; readonly epoch: Epoch }
  /** Clients may get in. */
  | {
    readonly kind: "open";
    readonly epoch: Epoch;
    /** A switchover that is being prepared while the old primary still serves. */
    readonly handover: Handover | null;
  };

/** A switchover before its attempt: the primary makes a checkpoint first. */
export interface Handover {
  readonly number: number;
  readonly target: MemberId | null;
}

/** What a sealed member had when a winner was chosen. */
export interface SealedAt {
  readonly id: MemberId;
  readonly incarnation: Incarnation;
  readonly position: Position | null;
  /** The last epoch that it was told to follow, where its position is not known; absent otherwise. */
  readonly followed?: Epoch;
}

/** One change of primary. Times are milliseconds since 1970 of whoever proposed the step. */
export interface HistoryRecord {
  readonly epoch: Epoch;
  readonly kind: "founding" | "failover" | "switchover" | "forced" | "restart";
  readonly reason: LossReason;
  /** In words. */
  readonly detail: string;
  /** 0 for none. */
  readonly from: MemberId;
  /** 0 as long as nobody was granted the epoch. */
  readonly to: MemberId;
  readonly timeline: Timeline;
  readonly startLsn: Lsn;
  readonly sealed: readonly SealedAt[];
  /** Why this one, in words. */
  readonly why: string;
  /** Rules that a forced failover gave up, in words. */
  readonly gaveUp: readonly string[];
  readonly lostAtMs: number;
  readonly detectedAtMs: number;
  readonly grantedAtMs: number | null;
  readonly promotedAtMs: number | null;
  readonly barrierAtMs: number | null;
  readonly openedAtMs: number | null;
  /** How long no write was acknowledged, as the probes saw it; null while unknown. */
  readonly gapMs: number | null;
  /** What members had beyond the chosen point when they came back. */
  readonly givenUp: readonly GivenUp[];
}

/** What a member gave up to follow (R29). */
export interface GivenUp {
  readonly id: MemberId;
  /** Null where it could not be counted. */
  readonly bytes: number | null;
  /** Null where it could not be counted. */
  readonly commits: number | null;
}

/** How many changes of primary are remembered. */
export const MAX_HISTORY = 100;

/** How many rules of one epoch may be in force before no more are proposed. */
export const MAX_RULES = 32;

/** How many versions of the configuration are remembered. */
export const MAX_CONFIGS = 50;

/** How many grants are remembered; a copy from before them is cloned. */
export const MAX_GRANTS = 1000;

/** The replicated state of PostgreSQL. */
export interface ClusterState {
  /** The system identifier; null before there is a database. */
  readonly systemId: string | null;
  /** The password of the replication role; never shown. */
  readonly replicationPassword: string | null;
  readonly mode: SyncMode;
  /** See {@linkcode ClusterSettings}. */
  readonly maximumLagBytes: number | null;
  /** Whether `mode` was set since the founding, or is still what the founders' files say. */
  readonly seeded: boolean;
  readonly paused: boolean;
  readonly members: ReadonlyMap<MemberId, DataMember>;
  readonly phase: Phase;
  /** In force, oldest first. */
  readonly rules: readonly Rule[];
  /** Oldest first. */
  readonly grants: readonly Grant[];
  readonly lastRule: number;
  readonly lastHandover: number;
  readonly lastOrder: number;
  /** Oldest first; the last one is in force. */
  readonly configs: readonly ConfigVersion[];
  /** Oldest first. */
  readonly history: readonly HistoryRecord[];
}

/** The state before anything was applied. */
export const EMPTY_STATE: ClusterState = {
  systemId: null,
  replicationPassword: null,
  mode: "quorum",
  maximumLagBytes: null,
  seeded: false,
  paused: false,
  members: new Map(),
  phase: { kind: "unformed" },
  rules: [],
  grants: [],
  lastRule: 0,
  lastHandover: 0,
  lastOrder: 0,
  configs: [],
  history: [],
};
