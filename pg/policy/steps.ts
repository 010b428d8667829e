import type {
  ClusterCommand,
  Epoch,
  Lsn,
  MemberId,
  Rule,
  Timeline,
} from "../cluster/mod.ts";

/**
 * The next thing that an agent does to its own PostgreSQL. Each can be repeated, and the agent may die
 * in the middle of any: what to do is found anew from what is there.
 */
export type Step =
  | { readonly kind: "idle"; readonly why: string }
  /** Nothing to do until no rule counts on the copy that is to be given up (R4). */
  | { readonly kind: "await_leave" }
  /** Must be rewound, and waits as it is until the primary is heard to have made a checkpoint (T17). */
  | { readonly kind: "await_checkpoint"; readonly source: MemberId }
  /** Writes the pledge, synced (R12). */
  | { readonly kind: "pledge"; readonly epoch: Epoch }
  /** Runs initdb and makes the replication role, as a job. */
  | { readonly kind: "initialize"; readonly attempt: number }
  /** Makes the database that is there one of pgraft's, as a job. */
  | { readonly kind: "adopt"; readonly attempt: number }
  /** Has a command committed. */
  | { readonly kind: "propose"; readonly command: ClusterCommand }
  /** Tells the cluster what was made. */
  | { readonly kind: "announce_founding"; readonly attempt: number }
  /** Keeps a data directory that is not the cluster's, under another name. */
  | { readonly kind: "move_aside"; readonly why: string }
  /** Closes, and ends PostgreSQL with all of its processes (R12, R22, R23, R26). */
  | {
    readonly kind: "stop";
    readonly mode: "fast" | "immediate";
    readonly why: string;
  }
  /** Starts it as a closed standby without upstream. */
  | { readonly kind: "start" }
  /** Ends the walreceiver for good: conninfo and restore command cleared, and seen gone (R12). */
  | { readonly kind: "cut_upstream" }
  /** Notes the epoch and streams from a member. */
  | {
    readonly kind: "follow";
    readonly epoch: Epoch;
    readonly upstream: MemberId;
  }
  /** Streams what a rewound copy needs to be consistent; no rule counts on what it acknowledges (R29). */
  | {
    readonly kind: "recover_from";
    readonly epoch: Epoch;
    readonly upstream: MemberId;
  }
  /** Streams from a sealed member up to a position, within an attempt (R16). */
  | {
    readonly kind: "catch_up";
    /** The attempt's. */
    readonly epoch: Epoch;
    readonly source: MemberId;
    /** The epoch whose log comes: noted with the upstream, before the server is told. */
    readonly follows: Epoch;
  }
  /** Lets only control and replication in, and ends all other sessions (R22). */
  | { readonly kind: "close" }
  | { readonly kind: "open" }
  /** Has the server follow a rule; null for the placeholder. */
  | { readonly kind: "set_rule"; readonly rule: Rule | null }
  | { readonly kind: "set_slots"; readonly wanted: readonly string[] }
  /** Waits until everything whole is replayed; ends sessions that hold it back (R13). */
  | { readonly kind: "finish_replay" }
  /** Notes that its data is the epoch's. */
  | { readonly kind: "own"; readonly epoch: Epoch }
  /** Promotes to a timeline of that number (R17, R19). */
  | { readonly kind: "promote"; readonly timeline: Timeline }
  /** Tells where the timeline branched off. */
  | {
    readonly kind: "announce_promotion";
    readonly epoch: Epoch;
    readonly timeline: Timeline;
  }
  /** A synchronous commit that k of the rule hold; first one that is seen waiting, where asked (R20). */
  | {
    readonly kind: "barrier";
    readonly rule: Rule;
    readonly seeWaiting: boolean;
  }
  | {
    readonly kind: "announce_opening";
    readonly epoch: Epoch;
    readonly rule: number;
  }
  /** The rules before it are in force no more (R18). */
  | {
    readonly kind: "retire_rules";
    readonly epoch: Epoch;
    readonly rule: Rule;
  }
  | { readonly kind: "checkpoint"; readonly handover: number }
  /** Brings a diverged copy back to the primary's history, as a job (R29). */
  | {
    readonly kind: "rewind";
    readonly epoch: Epoch;
    readonly source: MemberId;
    readonly sinceLsn: Lsn;
    readonly from: Epoch;
  }
  /** Takes a new copy, as a job (R4). */
  | {
    readonly kind: "clone";
    readonly epoch: Epoch;
    readonly source: MemberId;
    /** What the old copy has of its own, to be counted before it is given up; null where it has nothing. */
    readonly lost: { readonly sinceLsn: Lsn; readonly from: Epoch } | null;
  };

/** Steps that change nothing of what the last look has shown, but what their doer knows itself. */
export const KEEPS_VIEW: readonly Step["kind"][] = [
  "pledge",
  "own",
  "set_rule",
  "set_slots",
  "close",
];

/** Whether there is nothing to do but to look again. */
export function isWaiting({ kind }: Step): boolean {
  return kind === "idle" || kind === "await_leave" ||
    kind === "await_checkpoint";
}
