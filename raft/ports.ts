import type {
  Entry,
  HardState,
  Incarnation,
  Index,
  Message,
  NodeId,
  SnapshotMeta,
  Term,
} from "./core/mod.ts";

/** What an operation is about; the library treats all kinds alike. */
export const RAFT_OPERATION_KINDS = [
  "wal_entry",
  "schema_change",
  "table_create",
  "table_drop",
  "index_create",
  "index_drop",
  "config_change",
  "snapshot",
  "custom",
] as const;

/** One of {@linkcode RAFT_OPERATION_KINDS}. */
export type RaftOperationKind = typeof RAFT_OPERATION_KINDS[number];

/** A command for the state machine. */
export interface RaftOperation {
  /** What it is about. */
  readonly kind: RaftOperationKind;
  /** Its content, in the state machine's own encoding. */
  readonly data: Uint8Array;
}

/** Takes in a snapshot piece by piece; the old state stays in force until `done`. */
export interface SnapshotRestore {
  /** Takes the next piece, as `createSnapshot` made it. */
  piece(data: Uint8Array): void;
  /** Replaces the machine's state by what was taken in. */
  done(): void;
}

/**
 * What a library user implements: a deterministic machine. Every member applies the same operations
 * in the same order, so neither clock nor random number may decide anything in it.
 */
export interface RaftStateMachine {
  /**
   * Applies one committed operation and returns its result, which goes to whoever proposed it.
   * A refusal is a result. A throw stops the node: it means that the machine is broken. The server always
   * tells the term in which the operation was committed.
   */
  applyOperation(
    operation: RaftOperation,
    index: Index,
    term?: Term,
  ): Uint8Array;
  /**
   * Begins a snapshot of the state as it is now, after the operation at `index`. The pieces (64 KiB
   * or so each) are taken one by one while further operations are applied; these must not show.
   */
  createSnapshot(index: Index): Iterable<Uint8Array>;
  /** Begins to replace the state by that of a snapshot taken at `index`. */
  restoreFromSnapshot(index: Index): SnapshotRestore;
  /** Returns the index of the last operation applied or restored; 0 at first. */
  getLastAppliedIndex(): Index;
}

/** Whose log a store holds. */
export interface LogIdentity {
  /** The cluster's id; a store of another cluster refuses to open. */
  readonly clusterId: string;
  readonly nodeId: NodeId;
  /** Drawn at random when the store is first made; a wiped directory gets another. */
  readonly incarnation: Incarnation;
}

/** What a store holds when it is opened. */
export interface StoredLog {
  readonly identity: LogIdentity;
  readonly hardState: HardState;
  /** The newest complete snapshot. */
  readonly snapshot: SnapshotMeta | null;
  /** The position before the first entry: 0, or where the log was compacted or a snapshot installed. */
  readonly baseIndex: Index;
  readonly baseTerm: Term;
  /** The entries after the base, without a gap. */
  readonly entries: Entry[];
}

/** What one durable write holds. */
export interface LogBatch {
  /** The new hard state, or null when it has not changed. Its commit is in the log, with this batch. */
  readonly hardState: HardState | null;
  /** Entries without a gap; the first replaces whatever the log holds from its index on. */
  readonly entries: readonly Entry[];
}

/** Writes one snapshot; it counts once `commit` has resolved. */
export interface SnapshotWriter {
  /** Appends bytes. */
  write(data: Uint8Array): Promise<void>;
  /** Makes the snapshot durable and the newest; older ones but one may go. */
  commit(): Promise<SnapshotMeta>;
  /** Drops what was written. */
  abort(): Promise<void>;
}

/**
 * Where a node keeps its log, hard state and snapshots. Calls to `append`, `compact` and `reset` are
 * made one after the other; snapshots are written and read beside them.
 */
export interface RaftLogStore {
  /**
   * Opens the store, makes it when it is new, and recovers what it holds.
   *
   * @param identity Whose store it must be; the incarnation counts only when the store is made.
   */
  open(identity: LogIdentity): Promise<StoredLog>;
  /**
   * Writes a batch, whole or not at all; resolved means durable. A batch that moves only the commit
   * index need not be durable. After a rejection the store takes no more, except that a full disk and
   * a batch over the store's limits are refused before anything is written: then it goes on.
   */
  append(batch: LogBatch): Promise<void>;
  /**
   * Lets go of the entries up to and including `index`, which a committed snapshot covers and the log
   * holds; nothing happens when they are gone already.
   */
  compact(index: Index, term: Term): Promise<void>;
  /**
   * Drops every entry: the log goes on after `index`, which a committed snapshot covers. A snapshot that
   * the log does not reach has the same effect when the store is opened.
   */
  reset(index: Index, term: Term): Promise<void>;
  /** Begins to write a snapshot. */
  beginSnapshot(meta: Omit<SnapshotMeta, "sizeBytes">): Promise<SnapshotWriter>;
  /**
   * Reads up to `maxBytes` of the snapshot at `index`; empty at its end. Rejects when that snapshot has
   * given way to newer ones.
   */
  readSnapshot(
    index: Index,
    offset: number,
    maxBytes: number,
  ): Promise<Uint8Array>;
  /** Lets go of files and locks. What was appended stays. */
  close(): Promise<void>;
}

/** What a transport hands to its node. */
export interface TransportEvents {
  /** A message for this node. */
  readonly message: (message: Message) => void;
  /**
   * A peer's process is gone: its stream broke and a reconnect was refused, or another process
   * answers in its place. Also the answer to `probe`.
   */
  readonly gone: (peer: NodeId) => void;
  /** The peer is there, or nothing proves that it is gone. Also the answer to `probe`. */
  readonly present: (peer: NodeId) => void;
}

/** Carries messages between members. May lose, delay, repeat and reorder them; never alters them. */
export interface RaftTransport {
  /** Starts to deliver. */
  start(events: TransportEvents): Promise<void>;
  /** Sends without waiting; what cannot be sent or queued is dropped. */
  send(message: Message): void;
  /** Says where members are; called whenever the configuration changes. */
  setPeers(peers: ReadonlyMap<NodeId, string>): void;
  /** Finds out whether a peer's process is gone, and answers through `gone` or `present`. */
  probe(peer: NodeId): void;
  /** Stops to deliver and lets go of connections. */
  stop(): Promise<void>;
}
