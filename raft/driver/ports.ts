import type { Random } from "../../base/mod.ts";
import type {
  Entry,
  Index,
  Message,
  NodeId,
  SnapshotMeta,
  Term,
} from "../core/mod.ts";
import type { LogBatch, RaftStateMachine } from "../ports.ts";

/** Called once, with null when all went well. */
export type Done = (error: Error | null) => void;

/** Writes one snapshot. */
export interface DiskSnapshotWriter {
  write(data: Uint8Array, done: Done): void;
  /** `done` gets the complete snapshot, durable and the newest. */
  commit(done: (result: SnapshotMeta | Error) => void): void;
  abort(): void;
}

/**
 * A log store that answers by calls, never before the call that asked has returned, so that a simulator
 * can decide when.
 */
export interface Disk {
  append(batch: LogBatch, done: Done): void;
  compact(index: Index, term: Term, done: Done): void;
  reset(index: Index, term: Term, done: Done): void;
  beginSnapshot(
    meta: Omit<SnapshotMeta, "sizeBytes">,
    done: (result: DiskSnapshotWriter | Error) => void,
  ): void;
  readSnapshot(
    index: Index,
    offset: number,
    maxBytes: number,
    done: (result: Uint8Array | Error) => void,
  ): void;
}

/** What a driver tells whoever measures it. */
export interface DriverObserver {
  /** A batch became durable. */
  readonly persisted?: (entries: number, tookMs: number) => void;
  /** Entries were applied. */
  readonly applied?: (entries: number, tookMs: number) => void;
  /** A proposal of this node was applied. */
  readonly committed?: (tookMs: number) => void;
  /** A snapshot of this node's state is durable. */
  readonly snapshotTaken?: (sizeBytes: number, tookMs: number) => void;
  /** A leader's snapshot is installed. */
  readonly snapshotInstalled?: (sizeBytes: number) => void;
  /** Entries come into this node's log; on the leader its own. */
  readonly appending?: (entries: readonly Entry[], isLeader: boolean) => void;
  /** An entry is about to be applied. */
  readonly applying?: (entry: Entry) => void;
}

/** The world of a driver. */
export interface DriverPorts {
  readonly disk: Disk;
  readonly machine: RaftStateMachine;
  readonly random: Random;
  readonly observer: DriverObserver;
  nowMs(): number;
  send(message: Message): void;
  /** Runs something soon, once the messages of this turn are on their way. */
  afterSending(run: () => void): void;
  probe(peer: NodeId): void;
  setPeers(peers: ReadonlyMap<NodeId, string>): void;
  /** Asks for a call of `pump` soon, in a turn of its own. */
  wake(): void;
  /** The node can't go on. Called once. */
  fail(error: Error): void;
  /** Role, term, leader, configuration, commit or applied index or snapshot changed. */
  changed(): void;
}
