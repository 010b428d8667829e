import type { ChangeRefusal, ConfigurationChange } from "./configuration.ts";
import type { CoreOptions } from "./limits.ts";
import type { Message, Proposal, Refusal } from "./messages.ts";
import type {
  Entry,
  HardState,
  Index,
  NodeId,
  SnapshotMeta,
  Term,
} from "./types.ts";

/** Everything that goes into the core. */
export type Input =
  /** Time has passed. */
  | { readonly kind: "tick" }
  /** The bounds and times are others from now on. */
  | { readonly kind: "retune"; readonly options: CoreOptions }
  | { readonly kind: "message"; readonly message: Message }
  | { readonly kind: "propose"; readonly proposals: readonly Proposal[] }
  | {
    readonly kind: "change";
    readonly requestId: number;
    readonly change: ConfigurationChange;
    /** The index of the configuration that the change was decided on; null for any. */
    readonly expectedIndex: Index | null;
    /** Skips the check that a majority of the new voters is alive. */
    readonly force: boolean;
  }
  /** Asks for an index at which a read is linearizable. */
  | { readonly kind: "read"; readonly requestId: number }
  /** Hands leadership over; 0 lets the leader choose. */
  | { readonly kind: "transfer"; readonly target: NodeId }
  /** Asks for leadership for this node. */
  | { readonly kind: "campaign" }
  /** All batches up to `seq` are durable. */
  | { readonly kind: "persisted"; readonly seq: number }
  | { readonly kind: "peer_gone"; readonly peer: NodeId }
  | { readonly kind: "peer_present"; readonly peer: NodeId }
  /** A snapshot of this node's own is durable. */
  | { readonly kind: "snapshot_taken"; readonly snapshot: SnapshotMeta }
  /** A piece that a `read_chunk` asked for; null when the snapshot is gone. */
  | {
    readonly kind: "chunk_read";
    readonly to: NodeId;
    readonly snapshot: SnapshotMeta;
    readonly offset: number;
    readonly data: Uint8Array | null;
  }
  /** A piece that a `write_chunk` carried is written. */
  | {
    readonly kind: "chunk_written";
    readonly index: Index;
    readonly nextOffset: number;
  }
  /** A piece found no room on disk; what was received of the snapshot is dropped. */
  | { readonly kind: "chunk_failed"; readonly index: Index }
  /** A snapshot that an `install` named is durable and in the state machine. */
  | { readonly kind: "installed"; readonly snapshot: SnapshotMeta };

/** What must become durable, in order of `seq`. */
export interface PersistBatch {
  readonly seq: number;
  /** The hard state, when it changed. */
  readonly hardState: HardState | null;
  /** Without a gap; the first replaces what the log holds from its index on. */
  readonly entries: readonly Entry[];
}

/** What the shell does with snapshots and the log behind them. */
export type SnapshotCommand =
  | {
    readonly kind: "read_chunk";
    readonly to: NodeId;
    readonly snapshot: SnapshotMeta;
    readonly offset: number;
  }
  | {
    readonly kind: "write_chunk";
    readonly snapshot: SnapshotMeta;
    readonly offset: number;
    readonly data: Uint8Array;
  }
  /** Makes the received snapshot durable, then the machine's state; then says `installed`. */
  | {
    readonly kind: "install";
    readonly snapshot: SnapshotMeta;
    /** Whether the log goes on behind it; otherwise it is dropped. */
    readonly keepLog: boolean;
  }
  /** Drops what was received. */
  | { readonly kind: "discard"; readonly index: Index }
  | { readonly kind: "compact"; readonly index: Index; readonly term: Term };

/** Why a read was refused. */
export type ReadRefusal = "no_leader" | "busy";

/** The answer to a `read`. */
export type ReadOutcome =
  | {
    readonly kind: "ready";
    readonly requestId: number;
    /** Read once this is applied. */
    readonly index: Index;
  }
  | {
    readonly kind: "refused";
    readonly requestId: number;
    readonly reason: ReadRefusal;
  };

/** A proposal that was not appended where it arrived. */
export interface RefusedProposal {
  readonly id: number;
  readonly reason: Refusal;
  /** It had left this node: another copy of its message may have been appended all the same. */
  readonly forwarded: boolean;
  readonly leaderId: NodeId;
}

/** The answer to a `change`. */
export type ChangeOutcome =
  | {
    readonly kind: "appended";
    readonly requestId: number;
    readonly index: Index;
    readonly term: Term;
  }
  | {
    readonly kind: "refused";
    readonly requestId: number;
    readonly reason: ChangeRefusal;
  };

/** The answer to a `transfer`; success shows as a new leader. */
export type TransferOutcome = "started" | "no_target" | "not_leader" | "failed";

/** Everything that comes out of the core. */
export interface Effects {
  /** To send now. */
  readonly messages: Message[];
  /** To make durable; what waits for it stays in the core. */
  readonly persist: PersistBatch | null;
  readonly reads: ReadOutcome[];
  readonly refused: RefusedProposal[];
  readonly changes: ChangeOutcome[];
  readonly transfers: TransferOutcome[];
  readonly snapshots: SnapshotCommand[];
  /** Peers whose process may be gone: find out and say so. */
  readonly probes: NodeId[];
}
