import type {
  ClusterCommand,
  ClusterState,
  CommandResult,
  Incarnation,
} from "../../pg/cluster/mod.ts";
import type { Job, Rendered, Report, Saved } from "../../pg/policy/mod.ts";
import type { World } from "../mod.ts";
import type { Net } from "./net.ts";
import type { Wal, WalRecord } from "./wal.ts";

/** `synchronous_standby_names` as the server reads it. */
export interface SyncList {
  /** 0 for the empty list. */
  readonly required: number;
  readonly names: readonly string[];
}

/** Where a standby is told to stream from, and under which name. */
export interface Conninfo {
  readonly upstream: number;
  readonly name: string;
}

/** What is in a data directory and survives every crash. */
export interface PgDisk {
  kind: "empty" | "present";
  /** A job that did not end left it half written. */
  marker: "rewind" | "clone" | null;
  systemId: string;
  wal: Wal;
  /** A rewound copy lets nobody look before its log reaches this far. */
  consistentLsn: number;
  /** Where the last record of a primary's shutdown in order begins. */
  shutdownLsn: number | null;
  /** What was in a directory that was lost: answers of its server may be under way still. */
  wiped: { readonly wal: Wal; readonly atMs: number } | null;
  /** Timelines above the present one that its files know of, by fillers or by a stream. */
  knownTimeline: number;
  /** What the next start reads. */
  hbaOpen: boolean;
  conninfo: Conninfo | null;
  syncList: string;
}

/** A client's place on a server. */
export interface Session {
  readonly client: number;
  ended: boolean;
}

/** A commit that waits for standbys, or has stopped waiting. */
export interface Waiter {
  readonly row: number;
  readonly ordinal: number;
  readonly end: number;
  readonly session: Session;
  outcome: "waits" | "acknowledged" | "warned" | "lost";
}

/** A replication connection: a walsender here, a walreceiver there. */
export interface Stream {
  readonly standby: PgNode;
  readonly standbyLife: number;
  readonly upstream: PgNode;
  readonly upstreamLife: number;
  readonly name: string;
  /** How many records the standby has of it. */
  sent: number;
  underWay: boolean;
  /** What the walsender was told is flushed. */
  flushLsn: number;
  /** What the walsender takes for the list: each re-reads it when it comes to it (R18). */
  list: SyncList;
  /** When the standby heard of the upstream, and the other way. */
  heardAtMs: number;
  repliedAtMs: number;
  receiverEnded: boolean;
  senderEnded: boolean;
}

/** A running server, or what is left of one. */
export interface PgProcess {
  readonly life: number;
  readonly startedAtMs: number;
  mode: "starting" | "standby" | "primary";
  /** False when busy backends have outlived it (R23). */
  hasPostmaster: boolean;
  postmasterFrozenUntilMs: number;
  hbaOpen: boolean;
  conninfo: Conninfo | null;
  list: SyncList;
  /** What the checkpointer has told the backends: false lets every commit pass (T8). */
  isListDefined: boolean;
  checkpointerStalledUntilMs: number;
  /** What pg_last_wal_receive_lsn() says: null before the first stream of this life (T12). */
  receivedLsn: number | null;
  replayed: number;
  replayHeldUntilMs: number;
  receiver: Stream | null;
  retryAtMs: number;
  heardAtMs: number;
  broken: string | null;
  readonly senders: Set<Stream>;
  readonly sessions: Set<Session>;
  waiters: Waiter[];
  /** Rows that wait and that nobody sees yet (T4). */
  readonly hidden: Set<number>;
  /** The reign that it was promoted for; 0 while a standby, -1 without a grant. */
  epoch: number;
  readCursor: number;
  promoting: boolean;
}

/** What an agent heard from a member. */
export interface Heard {
  report: Report | null;
  boot: number;
  sequence: number;
  reportAtMs: number;
  heardAtMs: number;
}

/** An agent's memory, which it loses with its life. */
export interface Agent {
  readonly life: number;
  readonly bootedAtMs: number;
  isLooking: boolean;
  isActing: boolean;
  /** It has confirmed the state by a read-index (R15). */
  confirmed: boolean;
  rendered: Rendered;
  job: Job | null;
  barrier: number;
  checkpointed: number;
  checkpointingFor: number;
  /** The epoch on whose timeline it made a checkpoint; 0 for none. */
  checkpointEpoch: number;
  mayHaveBeenEmpty: boolean;
  rewindFailed: number;
  failures: number;
  failure: string;
  failedKind: string;
  leaderAtMs: number;
  acknowledgedAtMs: number;
  probeLsn: number;
  phaseKey: string;
  phaseSinceMs: number;
  state: string;
  stateSinceMs: number;
  lostSinceMs: number | null;
  readonly absentSinceMs: Map<number, number>;
  sequence: number;
  readonly heard: Map<number, Heard>;
  /** Raft: how far it has applied, what it knows to be committed, and the term it believes to lead. */
  applied: number;
  commit: number;
  leads: number;
  /** The entry of its own term that it must have applied before it acts (R10). */
  ownIndex: number;
  leaderHint: number;
  term: number;
  proposing: boolean;
  lagUntilMs: number;
  /** What its policy last said, as long as it leads. */
  findings: string;
}

/** A simulated machine. */
export interface PgNode {
  readonly id: number;
  readonly isWitness: boolean;
  /** What is kept beside the server's files for another agent: that they say it is closed. */
  toldClosed: boolean;
  readonly disk: PgDisk;
  saved: Saved;
  slots: string[];
  proc: PgProcess | null;
  agent: Agent | null;
  lives: number;
  frozenUntilMs: number;
  diskHungUntilMs: number;
  diskFullUntilMs: number;
  readonly clockRate: number;
  /** What of the log survives on its disk. */
  durableApplied: number;
}

/** What was promised to somebody. */
export interface Promised {
  readonly record: WalRecord;
  readonly epoch: number;
}

/** What the model knows of all promises. */
export interface Checks {
  /** Rows whose clients were told of success. */
  readonly acknowledged: Map<number, Promised>;
  /** Rows that somebody read through a primary that reigned. */
  readonly seen: Map<number, Promised>;
  /** Rows whose wait was cancelled: seen, and nobody's promise (T1, R28). */
  readonly warned: Set<number>;
  /** The highest epoch that clients got into. */
  openEpoch: number;
  openLsn: number;
  openNode: PgNode | null;
  /** From the last grant that gave something up on: promises of these epochs are void (R30, R31). */
  voidBelow: number;
}

/**
 * A modelled log: what is committed stays, in one order, whoever leads. Leaders come and go at any time,
 * appliers lag, those who were deposed believe that they lead, and what they took may still be committed
 * by the next leader, or never. Raft itself is simulated beside this, with its real code.
 */
export interface Consensus {
  /** The state before anything, and after each committed entry. */
  readonly states: ClusterState[];
  readonly results: CommandResult[];
  readonly members: Set<number>;
  term: number;
  leader: number;
  leaderGoodAtMs: number;
  timeoutMs: number;
  /** Taken by a leader and not committed yet: the next one may commit it. */
  pending: Pending[];
}

/** A command on its way into the log. */
export interface Pending {
  readonly command: ClusterCommand;
  readonly term: number;
  readonly done: (index: number) => void;
}

/** What strikes an agent in the middle of a step. */
export interface Ambush {
  readonly kind: string;
  readonly after: number;
  readonly strike: (node: PgNode) => void;
}

/** Everything of a run. */
export interface PgSim {
  readonly world: World;
  readonly net: Net;
  readonly nodes: Map<number, PgNode>;
  readonly consensus: Consensus;
  readonly checks: Checks;
  /** Kills the agent behind so many sub-actions of its next step of a kind. */
  ambush: Ambush | null;
  nextRow: number;
  nextIncarnation: Incarnation;
  running: boolean;
  /** How likely a rewind gives up in the middle. */
  rewindFailure: number;
  /** The node that nobody starts again; 0 for none. */
  gone: number;
  readonly counts: Map<string, number>;
}

/** Counts something, so that a run that exercised nothing is seen. */
export function count(sim: PgSim, name: string, by: number = 1): void {
  sim.counts.set(name, (sim.counts.get(name) ?? 0) + by);
}

/** The clock of a node. */
export function clockOf({ world }: PgSim, { clockRate }: PgNode): number {
  return world.nowMs * clockRate;
}

/** Whether a node does nothing now. */
export function isFrozen({ world }: PgSim, node: PgNode): boolean {
  return world.nowMs < node.frozenUntilMs;
}

/** The state that an agent has applied. */
export function stateOf({ consensus }: PgSim, agent: Agent): ClusterState {
  const state = consensus.states[agent.applied];
  if (!state) throw new Error("an agent applied more than there is");
  return state;
}

/** The state after all that is committed: the model's own knowledge. */
export function truth({ consensus }: PgSim): ClusterState {
  const state = consensus.states.at(-1);
  if (!state) throw new Error("there is no state");
  return state;
}

/** Makes a machine with an empty directory. */
export function createNode(
  id: number,
  isWitness: boolean,
  clockRate: number,
  saved: Saved,
): PgNode {
  return {
    id,
    isWitness,
    disk: {
      kind: "empty",
      marker: null,
      systemId: "",
      wal: { records: [], tail: 0, history: [] },
      consistentLsn: 0,
      shutdownLsn: null,
      wiped: null,
      knownTimeline: 1,
      hbaOpen: false,
      conninfo: null,
      syncList: "",
    },
    saved,
    toldClosed: true,
    slots: [],
    proc: null,
    agent: null,
    lives: 0,
    frozenUntilMs: 0,
    diskHungUntilMs: 0,
    diskFullUntilMs: 0,
    clockRate,
    durableApplied: 0,
  };
}
