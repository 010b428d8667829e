import type { Clock, Random } from "../../base/mod.ts";
import type { Entry, Incarnation, Index, NodeId, Term } from "../core/mod.ts";
import type { DriverObserver } from "../driver/mod.ts";
import type { RaftError } from "../errors.ts";
import type {
  LogIdentity,
  RaftLogStore,
  RaftOperation,
  RaftStateMachine,
  RaftTransport,
} from "../ports.ts";
import type { RaftClusterConfig } from "./config.ts";
import type { Leadership, RaftStatus } from "./status.ts";

/** What a node is made of. */
export interface RaftServerOptions {
  /** This node's number, 1 to 1000. */
  readonly id: NodeId;
  /** What all members share. */
  readonly cluster: RaftClusterConfig;
  /** What the operations change; empty at every start, snapshot and log fill it. */
  readonly stateMachine: RaftStateMachine;
  /** Where log and snapshots are kept. */
  readonly store: RaftLogStore;
  /**
   * How members reach each other; or what makes that once the store has told who this node is, for a
   * transport that names its node's incarnation.
   */
  readonly transport:
    | RaftTransport
    | ((identity: LogIdentity) => RaftTransport);
  /**
   * Where time comes from.
   *
   * @default {systemClock()}
   */
  readonly clock?: Clock;
  /**
   * Where chance comes from.
   *
   * @default {systemRandom()}
   */
  readonly random?: Random;
  /**
   * Is told what happens, for measurements.
   *
   * @default {{}}
   */
  readonly observer?: DriverObserver;
  /**
   * Is told when the disk is full (writes wait, reads go on), and when it has room again.
   *
   * @default {nobody is told}
   */
  readonly onDiskFull?: (full: boolean) => void;
}

/** Settings of a call that waits. */
export interface CallOptions {
  /**
   * How long to wait.
   *
   * @default {5000}
   */
  readonly timeoutMs?: number;
}

/** Settings of {@linkcode RaftServer.stop}. */
export interface StopOptions {
  /**
   * Whether a leader lets another member take over first. Without, the others find out as they do
   * when a process dies.
   *
   * @default {true}
   */
  readonly handOver?: boolean;
  /**
   * How long the handing over may take.
   *
   * @default {electionTimeoutMs}
   */
  readonly timeoutMs?: number;
}

/** Settings of {@linkcode RaftServer.proposeOperation}. */
export interface ProposeOptions extends CallOptions {
  /**
   * Whether another node than the leader hands the operation on to it.
   *
   * @default {true}
   */
  readonly forward?: boolean;
}

/** Settings of {@linkcode RaftServer.read}. */
export interface ReadOptions extends CallOptions {
  /**
   * `linearizable` sees everything acknowledged before the call; `stale` reads what this node has.
   *
   * @default {"linearizable"}
   */
  readonly consistency?: "linearizable" | "stale";
}

/** Settings of a change of membership. */
export interface ChangeOptions extends CallOptions {
  /**
   * The index of the configuration that the decision rests on: the change is refused when there is a
   * later one.
   *
   * @default {any}
   */
  readonly expectedIndex?: Index;
  /**
   * Whether to go on although too few voters would be alive afterwards.
   *
   * @default {false}
   */
  readonly force?: boolean;
}

/** An operation's result and where it stands in the log. */
export interface Applied {
  /** Its index. */
  readonly index: Index;
  /** What the state machine returned. */
  readonly result: Uint8Array;
}

/** A member to be added. */
export interface NewMember {
  /** Its number. */
  readonly id: NodeId;
  /** The identity of its data directory, which its `initialize` tells. */
  readonly incarnation: Incarnation;
  /** Where its peers reach it. */
  readonly address: string;
  /**
   * What it becomes once it has caught up; `learner` stays one.
   *
   * @default {"voter"}
   */
  readonly role?: "voter" | "witness" | "learner";
}

/** What of a node can change while it runs; what is absent stays. */
export interface RaftTuning extends
  Pick<
    RaftClusterConfig,
    "heartbeatIntervalMs" | "electionTimeoutMs" | "snapshotDistance"
  > {
  /** How many entries one append carries. */
  readonly maxAppendEntries?: number;
}

/** One node of a Raft group. */
export interface RaftServer {
  /** Opens the store. A node whose store is empty must be founded or added before it can do anything. */
  initialize(): Promise<{ identity: LogIdentity; isEmpty: boolean }>;
  /**
   * Founds a cluster: writes the first configuration. Every founding member is given the same one,
   * and only while all of their stores are empty.
   */
  bootstrap(members: readonly NewMember[]): Promise<void>;
  /** Starts to take part. */
  start(): Promise<void>;
  /** Hands leadership over if it leads, then stops. */
  stop(options?: StopOptions): Promise<void>;
  /** Resolves when the node has stopped, with the error that stopped it, or null. */
  readonly stopped: Promise<RaftError | null>;
  /**
   * Has an operation committed and applied, exactly once. Its data must not change until then, for it
   * may be sent again.
   */
  proposeOperation(
    operation: RaftOperation,
    options?: ProposeOptions,
  ): Promise<Applied>;
  /** Reads the state machine. */
  read<T>(query: () => T, options?: ReadOptions): Promise<T>;
  /** Adds a member, first as a learner. Only on the leader. */
  addMember(member: NewMember, options?: ChangeOptions): Promise<void>;
  /** Removes a member; a leader that removes itself hands leadership over. Only on the leader. */
  removeMember(id: NodeId, options?: ChangeOptions): Promise<void>;
  /** Makes a voter or a witness of a learner that has caught up. Only on the leader. */
  promoteMember(
    id: NodeId,
    role?: "voter" | "witness",
    options?: ChangeOptions,
  ): Promise<void>;
  /** Changes where a member is reached. Only on the leader. */
  moveMember(
    id: NodeId,
    address: string,
    options?: ChangeOptions,
  ): Promise<void>;
  /** Lets leaders answer reads from their lease, or not. Only on the leader. */
  setLeaseReads(enabled: boolean, options?: ChangeOptions): Promise<void>;
  /** Hands leadership over, to the best or to a target. Only on the leader. */
  transferLeadership(target?: NodeId, options?: CallOptions): Promise<void>;
  /** Asks for leadership for this node: of the leader, or by an election. */
  forceElection(): void;
  /** Takes a snapshot now, if there is anything new. */
  takeSnapshot(): void;
  /**
   * Goes on with other times and bounds. Give all members the same times, one soon after the other, and not
   * while leaders answer reads from their lease.
   *
   * @throws {RaftError} When they do not fit together.
   */
  tune(tuning: RaftTuning): void;
  /** Entries of the log that are still in memory, committed ones only. */
  readLog(from: Index, limit: number): readonly Entry[];
  /** This node's state. */
  status(): RaftStatus;
  /** The term, cheaper than all of the status. */
  term(): Term;
  /** Who leads, cheaper than all of the status. */
  leadership(): Leadership;
  /**
   * Calls `listener` whenever role, term, leader, members, the commit index, the applied index or the
   * snapshot changed, never after the node has stopped. It must not throw.
   */
  onChange(listener: () => void): () => void;
}
