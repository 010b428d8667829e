import type {
  Epoch,
  Incarnation,
  LossReason,
  Lsn,
  MemberId,
  Timeline,
} from "../cluster/mod.ts";
import type { ConfigReport, StandbyView } from "./report.ts";

/** Where a standby streams from, or is told to. */
export interface Upstream {
  readonly id: MemberId;
  readonly epoch: Epoch;
}

/** What an agent keeps on disk, synced before it acts on it (R12, R15). */
export interface Saved {
  /** It obeys no epoch below this one. */
  readonly pledge: Epoch;
  /** The copy that the data directory is; null for none. */
  readonly incarnation: Incarnation | null;
  /** The epoch that its data follows, or reigned; it says which history its positions are on. */
  readonly epoch: Epoch;
  /** The last epoch that this copy was told to follow, or reigned: under later ones it acknowledged nothing. */
  readonly followed: Epoch;
  /** Where the server may stream from: noted before it is told, cleared after it was cut off. */
  readonly upstream: Upstream | null;
  /**
   * The epoch to whose primary it was rewound, until it is consistent again; 0 for none. Until then it needs
   * the source's log before it lets anybody look, and is known to be of that history without a look.
   */
  readonly rewound: Epoch;
  /** The appointment under which it has made the data directory; 0 when it has not. */
  readonly founding: number;
  /** The database that it adopted or began to, by its system identifier; nothing for none. */
  readonly adopted: string;
}

/** What a node starts with. */
export const NOTHING_SAVED: Saved = {
  pledge: 0,
  incarnation: null,
  epoch: 0,
  followed: 0,
  upstream: null,
  rewound: 0,
  founding: 0,
  adopted: "",
};

/**
 * What changes of it, with what follows from that: a pledge never goes down, whoever writes (R12), and what is
 * rewound to an epoch has not followed it before it is consistent.
 */
export function patchSaved(saved: Saved, patch: Partial<Saved>): Saved {
  const next = { ...saved, ...patch };
  const { incarnation, epoch } = patch;
  const followed = incarnation !== undefined
    ? next.epoch
    : next.rewound > 0
    ? saved.followed
    : Math.max(saved.followed, epoch ?? 0);
  return {
    ...next,
    followed,
    pledge: Math.max(saved.pledge, next.pledge),
  };
}

/** What is heard of the primary of this epoch, from which a copy is taken or to which one is brought back. */
export type SourceView =
  /** Its agent is not heard, or has not told that it is promoted. */
  | "unheard"
  | "reigns"
  /** It reigns, and has made a checkpoint on its timeline (T17). */
  | "checkpointed";

/** What is in the data directory. */
export type DataView =
  | { readonly kind: "empty" }
  | {
    readonly kind: "present";
    readonly systemId: string;
    /** The highest timeline that its files know of. */
    readonly timeline: Timeline;
    /** Where the last record of a shutdown in order begins; null for another end, or while it runs. */
    readonly shutdownLsn: Lsn | null;
  }
  /** Half written, or no directory that this version can use. */
  | { readonly kind: "unusable"; readonly why: string };

/** The PostgreSQL of this node as it was seen last. */
export type ServerView =
  /** No process of it is left. */
  | { readonly kind: "stopped" }
  /** Processes are left without a postmaster (R23). */
  | { readonly kind: "leftovers" }
  | { readonly kind: "starting" }
  /** It does not answer in time, or never will. */
  | {
    readonly kind: "hung";
    readonly detail: string;
    /** How long it has not answered; absent where that is not what is wrong. */
    readonly silentMs?: number;
  }
  | StandbyServer
  | PrimaryServer;

/** A server in recovery. */
export interface StandbyServer {
  readonly kind: "standby";
  /** What is flushed, never below what is replayed (T12). */
  readonly endLsn: Lsn;
  readonly replayLsn: Lsn;
  /**
   * Everything whole is replayed (R13). Never concluded from what was received when nothing was received
   * since the server started: what its files hold beyond that is not known then.
   */
  readonly replayDone: boolean;
  /**
   * Whether a walreceiver is there, or the server has an upstream in effect and may start one at any moment:
   * either may still acknowledge. What its files say by now counts for nothing before it has read them.
   */
  readonly receiver: boolean;
  readonly streaming: boolean;
  /** How long nothing has come from upstream. */
  readonly silentMs: number;
  /** Whether the upstream's port refuses connections, as far as it was asked. */
  readonly refused: boolean;
  /** The timeline that it is on now, whatever history files it has. */
  readonly timeline: Timeline;
  /** Sessions of others than this agent. */
  readonly sessions: number;
  /** Why its stream can never go on, in PostgreSQL's words; null while it may. */
  readonly broken: string | null;
}

/** A server that has been promoted. */
export interface PrimaryServer {
  readonly kind: "primary";
  readonly flushLsn: Lsn;
  readonly timeline: Timeline;
  readonly sessions: number;
  readonly standbys: readonly StandbyView[];
  /** How long each other member has not been streaming. */
  readonly absent: readonly { readonly id: MemberId; readonly ms: number }[];
  readonly syncWaiters: number;
  /** What keeps it from serving; null when its write probe commits (R9). */
  readonly failing:
    | { readonly reason: LossReason; readonly detail: string }
    | null;
}

/** What the server's files were last made to say; null where this process has not made them yet. */
export interface Rendered {
  /**
   * `closing`: an earlier agent wrote that it is closed, and nobody has seen that the server knows, nor that all
   * sessions have ended.
   */
  readonly hba: "closed" | "closing" | "open" | null;
  /** The rule whose names are in the list; 0 for the placeholder. */
  readonly rule: number | null;
  /**
   * Where it was told to stream from, under a name of that epoch; null also where it was told to stream from
   * nobody.
   */
  readonly upstream: Upstream | null;
}

/** A long task of the agent, beside which it goes on to listen. */
export interface Job {
  readonly kind: "initialize" | "adopt" | "clone" | "rewind";
  /** The epoch under which it was begun. */
  readonly epoch: Epoch;
}

/** What a node knows of its own PostgreSQL: all that {@linkcode plan} looks at beside the state. */
export interface LocalView {
  readonly id: MemberId;
  readonly saved: Saved;
  readonly data: DataView;
  /** Whether that is a database of others that shall be the cluster's first one. */
  readonly adopts?: boolean;
  readonly server: ServerView;
  readonly rendered: Rendered;
  readonly job: Job | null;
  /** The rule whose barrier has stood in this life of the server; 0 for none. */
  readonly barrier: number;
  /** Slots that are there. */
  readonly slots: readonly string[];
  /** The epoch in which a checkpoint was made here since the promotion; 0 for none. */
  readonly checkpointEpoch: Epoch;
  /** The handover for which a checkpoint was made. */
  readonly checkpointed: number;
  /** The handover for which one is being made; 0 for none. */
  readonly checkpointingFor: number;
  /** Whether the list of standbys may ever have been empty since the server started (T8). */
  readonly mayHaveBeenEmpty: boolean;
  readonly canRewind: boolean;
  readonly source: SourceView;
  /** The epoch for which a rewind failed; 0 for none. */
  readonly rewindFailed: Epoch;
  /** How often in a row the server could not start from its data. */
  readonly failedStarts: number;
  /** How often in a row the last kind of step failed. */
  readonly failures: number;
  readonly failure: string;
  readonly config: ConfigReport;
  /** The standby that it shall stream from instead of the primary, while that one streams in this epoch. */
  readonly cascade: MemberId | null;
  /** An operator wants a new copy of the primary's data in place of this one. */
  readonly mustClone: boolean;
  /** How long ago this node heard of a leader with a quorum. */
  readonly lonelyMs: number;
  /** How long ago the server was last seen to gather its acknowledgements, as a primary. */
  readonly unacknowledgedMs: number;
  readonly electionTimeoutMs: number;
  /** How long this node has seen the present phase. */
  readonly phaseMs: number;
  /** How long the phase and the server have been the same, and replay has stood still. */
  readonly stillMs: number;
  /** How long this node has seen the newest rule. */
  readonly ruleMs: number;
  /** How long ago the primary was first seen lost. */
  readonly lostMs: number;
}
