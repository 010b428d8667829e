/** A member's number, 1 to 1000; 0 stands for "none". */
export type NodeId = number;
/** The identity of one data directory of a member; 0 stands for "unknown". */
export type Incarnation = number;
/** A position in the log; the first entry has index 1. */
export type Index = number;
/** A Raft term; 0 comes before every election. */
export type Term = number;

/** What an entry holds: the core looks into configurations only. */
export type EntryKind = "noop" | "configuration" | "command";

/** One entry of the replicated log. Never changed once made. */
export interface Entry {
  readonly index: Index;
  readonly term: Term;
  readonly kind: EntryKind;
  readonly data: Uint8Array;
}

/** What must survive a crash beside the entries (paper, figure 2). */
export interface HardState {
  readonly term: Term;
  /** The candidate that got this term's vote, 0 for none. */
  readonly votedFor: NodeId;
  /** May lag behind the truth: it is written along with other things only. */
  readonly commit: Index;
}

/** Voters and witnesses vote; a learner only receives. A witness leads only when nobody else can. */
export type MemberRole = "voter" | "witness" | "learner";

/** One member of a configuration. */
export interface Member {
  readonly id: NodeId;
  readonly incarnation: Incarnation;
  readonly role: MemberRole;
  /** What a learner becomes by itself once it has caught up; null leaves it a learner. */
  readonly promoteTo: "voter" | "witness" | null;
  /** Where its peers reach it, `host:port`; the core never reads it. */
  readonly address: string;
}

/** Who belongs to the group. Replicated as an entry; in force from its append on (paper §6). */
export interface Configuration {
  /** In ascending order of id. */
  readonly members: readonly Member[];
  /** Whether leaders may answer reads from their lease; then nobody grants a vote early. */
  readonly leaseReads: boolean;
}

/** A snapshot's identity and what a log that begins after it must know. */
export interface SnapshotMeta {
  /** The last entry that the snapshot contains. */
  readonly index: Index;
  readonly term: Term;
  /** The configuration in force at `index`, and the index of its entry. */
  readonly configuration: Configuration;
  readonly configurationIndex: Index;
  /** The snapshot's size. */
  readonly sizeBytes: number;
}

/** The role that a node plays in its term. */
export type Role = "follower" | "pre_candidate" | "candidate" | "leader";
