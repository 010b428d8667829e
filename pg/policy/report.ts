import type {
  ClusterCommand,
  Copy,
  Epoch,
  Incarnation,
  LossReason,
  Lsn,
  MemberId,
  Position,
  Timeline,
} from "../cluster/mod.ts";

/** What a member's PostgreSQL does, in the words of the API. */
export type InstanceState =
  | "running"
  | "streaming"
  | "starting"
  | "stopped"
  | "rewinding"
  | "cloning"
  | "failed"
  | "sealed";

/** What a primary sees of one standby. */
export interface StandbyView {
  readonly copy: Copy;
  readonly streaming: boolean;
  readonly flushLsn: Lsn;
}

/** What the reigning primary tells. */
export interface PrimaryReport {
  readonly epoch: Epoch;
  readonly flushLsn: Lsn;
  readonly standbys: readonly StandbyView[];
  /** How long each standby of the rule has not been streaming; absent ones that were never seen count from the start. */
  readonly absent: readonly { readonly id: MemberId; readonly ms: number }[];
  readonly open: boolean;
  /** Whether it has made a checkpoint since its promotion (T17). */
  readonly hasCheckpoint: boolean;
  /** The switchover for which it has made its checkpoint; 0 for none. */
  readonly handover: number;
  /** Sessions that wait for standbys. */
  readonly syncWaiters: number;
}

/** What a standby tells of its upstream. */
export interface FollowReport {
  readonly epoch: Epoch;
  readonly upstream: MemberId;
  readonly streaming: boolean;
  /** How long nothing has come, pings included. */
  readonly silentMs: number;
  /** Whether the upstream's port refuses connections. */
  readonly refused: boolean;
}

/** How far a member has the cluster's parameters. */
export interface ConfigReport {
  /** The version that its files say; 0 before the first. */
  readonly version: number;
  /** Settings that wait for a restart. */
  readonly pendingRestart: readonly string[];
  /** Settings that a standby can have less of once its primary has; absent where there are none. */
  readonly pendingPrimary?: readonly string[];
  /** Why it does not have the version; null when it has. */
  readonly fault: string | null;
}

/** What clients find at a member. */
export type SeenRole = "primary" | "standby" | "none";

/** How the users' command for a change of role went. */
export interface RoleChange {
  readonly role: SeenRole;
  readonly state: "running" | "done" | "timed_out" | "not_started";
  /** Null while it runs, and where a signal ended it. */
  readonly exitCode: number | null;
  /** When it was begun: milliseconds since 1970. */
  readonly atMs: number;
  readonly tookMs: number;
  /** The beginning of what it wrote to its standard error. */
  readonly said: string;
}

/** How far a copy of the data is. */
export interface CopyProgress {
  readonly doneBytes: number;
  /** As the source has told; it may grow. */
  readonly totalBytes: number;
}

/** What an agent tells all members about its PostgreSQL, again and again (R10). */
export interface Report {
  readonly id: MemberId;
  /** Drawn anew by every process. */
  readonly boot: string;
  /** Counts up within a boot. */
  readonly sequence: number;
  readonly pledge: Epoch;
  /** The copy that it speaks of; null for none. */
  readonly incarnation: Incarnation | null;
  readonly state: InstanceState;
  readonly role: "primary" | "standby" | "none";
  /** The attempt that it is sealed for; 0 for none. */
  readonly sealed: Epoch;
  /** Where its data ends; null without valid data. */
  readonly position: Position | null;
  /** The last epoch that it was told to follow or reigned; absent for none that is known. */
  readonly followed?: Epoch;
  /** The highest timeline that its files know of. */
  readonly timeline: Timeline;
  readonly replayLsn: Lsn;
  /** Why its reign of `lostEpoch` can't go on; null while it can. */
  readonly lost: LossReason | null;
  readonly lostEpoch: Epoch;
  readonly lostDetail: string;
  /** How long ago it was lost. */
  readonly lostMs: number;
  readonly primary: PrimaryReport | null;
  readonly following: FollowReport | null;
  /** How the users' command for its newest role went; absent for none. */
  readonly roleChange?: RoleChange;
  /** How far the copy is that it is taking; absent for none. */
  readonly copy?: CopyProgress;
  /** It has a database that shall be the cluster's first one. */
  readonly adopts?: boolean;
  /** It can't go on with its copy and waits for leave to give it up (R4). */
  readonly needsClone: boolean;
  /** It must be rewound and waits for the primary's checkpoint (T17); absent where it does not. */
  readonly awaitsCheckpoint?: boolean;
  readonly config: ConfigReport;
  /** What is wrong, or what it waits for, in words; null for nothing. */
  readonly trouble: string | null;
}

/** What the leader knows of one member. */
export interface Observation {
  /** `gone`: its stream broke and a reconnect is refused; `silent`: nothing came for an election timeout. */
  readonly agent: "alive" | "silent" | "gone";
  /** How long ago anything came. */
  readonly silentMs: number;
  /** The same, where a new process at its place counts too: that one may still be starting (R7 c). */
  readonly absentMs: number;
  readonly report: Report | null;
  /** How old its report is. */
  readonly reportMs: number;
}

/** What the leader knows of all members. */
export type Observations = ReadonlyMap<MemberId, Observation>;

/** The times that the policy is held to. */
export interface PolicySettings {
  readonly electionTimeoutMs: number;
  /** How long an agent may be gone while write-ahead log flows (R7). */
  readonly agentGraceMs: number;
  /** What mode `off` may lose (R30), where the replicated state does not say it. */
  readonly maximumLagBytes: number;
  /** Whether the first database is not made, but one that a member has already. */
  readonly adopts?: boolean;
}

/** What {@linkcode decide} is given beside the state. */
export interface PolicyInput {
  readonly observations: Observations;
  readonly settings: PolicySettings;
  /** How long this leader has seen the present phase. */
  readonly phaseMs: number;
  /** The members of the Raft group. */
  readonly raftMembers: readonly MemberId[];
  /** Milliseconds since 1970, for the history only. */
  readonly wallMs: number;
}

/** A sentence of the policy and the data behind it. */
export interface Finding {
  /** Null for the cluster as a whole. */
  readonly member: MemberId | null;
  readonly code: string;
  readonly text: string;
}

/** What shall be done, at most one thing at a time, and why. */
export interface Decision {
  readonly command: ClusterCommand | null;
  readonly findings: readonly Finding[];
}
