import {
  type Clock,
  type Random,
  randomIdentity,
  systemClock,
  systemRandom,
} from "../../base/mod.ts";
import {
  type ConfigurationChange,
  encodeConfiguration,
  type Entry,
  type Incarnation,
  type Index,
  latestConfiguration,
  type Member,
  memberOf,
  type NodeId,
} from "../core/mod.ts";
import {
  addProposal,
  addRead,
  createDriver,
  type Driver,
  type DriverObserver,
  hasRoomForOperation,
  input,
  snapshotNow,
  stopDriver,
} from "../driver/mod.ts";
import { DiskFullError, RaftError } from "../errors.ts";
import type {
  LogIdentity,
  RaftLogStore,
  RaftOperation,
  RaftStateMachine,
  RaftTransport,
  StoredLog,
} from "../ports.ts";
import {
  coreOptionsOf,
  DEFAULT_SNAPSHOT_DISTANCE,
  type RaftClusterConfig,
} from "./config.ts";
import { diskOf } from "./disk.ts";
import { createLoop, type Loop } from "./loop.ts";
import { type RaftStatus, statusOf } from "./status.ts";

/** What is read of a snapshot at a time when it is put into the machine. */
const SNAPSHOT_READ_BYTES = 1 << 20;
/** How long a call waits when its caller does not say. */
export const DEFAULT_TIMEOUT_MS = 5000;

/** What a node is made of. */
export interface RaftServerOptions {
  /** This node's number, 1 to 1000. */
  readonly id: NodeId;
  /** What all members share. */
  readonly cluster: RaftClusterConfig;
  /** What the operations change. */
  readonly stateMachine: RaftStateMachine;
  /** Where log and snapshots are kept. */
  readonly store: RaftLogStore;
  /** How members reach each other. */
  readonly transport: RaftTransport;
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
  stop(options?: CallOptions): Promise<void>;
  /** Resolves when the node has stopped, with the error that stopped it, or null. */
  readonly stopped: Promise<RaftError | null>;
  /** Has an operation committed and applied, exactly once. */
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
  /** Entries of the log that are still in memory, committed ones only. */
  readLog(from: Index, limit: number): readonly Entry[];
  /** This node's state. */
  status(): RaftStatus;
  /** Calls `listener` whenever role, term, leader, members or commit index changed. */
  onChange(listener: () => void): () => void;
}

/**
 * Makes a node.
 *
 * @param options Its parts.
 * @returns The node, not yet started.
 * @throws {RaftError} When the cluster's configuration does not fit together.
 *
 * @example A cluster of one
 * ```ts
 * import { createCounterMachine, encodeCounterOperation } from "../machines/mod.ts";
 * import { createMemoryLogStore, createMemoryNetwork } from "../memory/mod.ts";
 * import { createRaftServer } from "./server.ts";
 *
 * const stateMachine = createCounterMachine();
 * const server = createRaftServer({
 *   id: 1,
 *   cluster: { clusterId: "example", electionTimeoutMs: 200, heartbeatIntervalMs: 50 },
 *   stateMachine,
 *   store: createMemoryLogStore(),
 *   transport: createMemoryNetwork().transport(1),
 * });
 * const { identity } = await server.initialize();
 * await server.bootstrap([{ id: 1, incarnation: identity.incarnation, address: "" }]);
 * await server.start();
 * const data = encodeCounterOperation({ type: "increment", by: 2 });
 * await server.proposeOperation({ kind: "custom", data });
 * const value = await server.read(() => stateMachine.value());
 * await server.stop();
 * if (value !== 2) throw new Error(`Expected 2, got ${value}`);
 * ```
 */
export function createRaftServer(options: RaftServerOptions): RaftServer {
  const coreOptions = coreOptionsOf(options.cluster);
  const clock = options.clock ?? systemClock();
  const random = options.random ?? systemRandom();
  const listeners = new Set<() => void>();
  const ended = Promise.withResolvers<RaftError | null>();
  let stored: StoredLog | null = null;
  let driver: Driver | null = null;
  let loop: Loop | null = null;
  let phase: "new" | "open" | "running" | "stopped" = "new";

  function running(): Driver {
    if (driver && !driver.stopped) return driver;
    if (driver?.stopped) throw driver.stopped;
    throw new RaftError(
      "bad_call",
      "The node is not started; call start first",
    );
  }

  async function initialize(): Promise<
    { identity: LogIdentity; isEmpty: boolean }
  > {
    if (phase !== "new") {
      throw new RaftError("bad_call", "The node is initialized already");
    }
    stored = await options.store.open({
      clusterId: options.cluster.clusterId,
      nodeId: options.id,
      incarnation: randomIdentity(random),
    });
    phase = "open";
    return { identity: stored.identity, isEmpty: isEmpty(stored) };
  }

  async function bootstrap(members: readonly NewMember[]): Promise<void> {
    if (phase !== "open" || !stored) {
      throw new RaftError("bad_call", "Only an initialized node is founded");
    }
    if (!isEmpty(stored)) {
      const message = "The node's store holds a cluster already; " +
        "start it, or give it an empty directory";
      throw new RaftError("bad_call", message);
    }
    const entry = firstEntry(members, options.id);
    const hardState = { term: 1, votedFor: 0, commit: 1 };
    await options.store.append({ hardState, entries: [entry] });
    stored = { ...stored, hardState, entries: [entry] };
  }

  async function start(): Promise<void> {
    if (phase === "new") await initialize();
    if (phase !== "open" || !stored) {
      throw new RaftError("bad_call", "The node was started before");
    }
    phase = "running";
    const pause = createPause(clock);
    const nodeLoop = createLoop(clock, () => driver);
    loop = nodeLoop;
    const fail = (error: Error): void => driver?.ports.fail(error);
    const isStopped = (): boolean => phase === "stopped";
    driver = createDriver({
      stored,
      options: coreOptions,
      policy: {
        distanceEntries: options.cluster.snapshotDistance ??
          DEFAULT_SNAPSHOT_DISTANCE,
        readBytes: SNAPSHOT_READ_BYTES,
      },
      ports: {
        disk: diskOf(options.store, {
          isFull: (error) => error instanceof DiskFullError,
          pause: pause.wait,
          isStopped,
          fullness: options.onDiskFull ?? (() => {}),
          fail,
        }),
        machine: options.stateMachine,
        random,
        observer: options.observer ?? {},
        nowMs: () => clock.nowMs(),
        send: (message) => options.transport.send(message),
        probe: (peer) => options.transport.probe(peer),
        setPeers: (peers) => options.transport.setPeers(peers),
        wake: nodeLoop.wake,
        fail: (error) => {
          pause.end();
          void shutDown(error instanceof RaftError ? error : null);
        },
        changed: () => {
          for (const listener of listeners) listener();
        },
      },
    });
    stored = null;
    onEnd(() => pause.end());
    await options.transport.start({
      message: (message) => give({ kind: "message", message }),
      gone: (peer) => give({ kind: "peer_gone", peer }),
      present: (peer) => give({ kind: "peer_present", peer }),
    });
    nodeLoop.wake();
  }

  const endings: (() => void)[] = [];
  function onEnd(run: () => void): void {
    endings.push(run);
  }

  function give(value: Parameters<typeof input>[1]): void {
    if (driver) input(driver, value);
  }

  async function shutDown(reason: RaftError | null): Promise<void> {
    if (phase === "stopped") {
      await ended.promise;
      return;
    }
    const wasRunning = phase === "running";
    phase = "stopped";
    loop?.stop();
    if (driver) {
      stopDriver(
        driver,
        reason ?? new RaftError("stopped", "The node stopped"),
      );
    }
    for (const run of endings) run();
    if (wasRunning) await options.transport.stop();
    await options.store.close();
    for (const listener of listeners) listener();
    ended.resolve(reason);
  }

  function change(
    value: ConfigurationChange,
    { timeoutMs, expectedIndex, force }: ChangeOptions = {},
  ): Promise<void> {
    const node = running();
    return operation(node, timeoutMs, (deadlineMs, done) => {
      const requestId = node.operations.nextRequestId++;
      node.operations.changes.set(requestId, { deadlineMs, done, entry: null });
      give({
        kind: "change",
        requestId,
        change: value,
        expectedIndex: expectedIndex ?? null,
        force: force ?? false,
      });
    });
  }

  function operation(
    node: Driver,
    timeoutMs: number | undefined,
    begin: (
      deadlineMs: number,
      done: (error: RaftError | null) => void,
    ) => void,
  ): Promise<void> {
    if (!hasRoomForOperation(node.operations)) {
      const message = "Too many changes of members or leadership are under way";
      return Promise.reject(new RaftError("busy", message));
    }
    return new Promise((resolve, reject) => {
      begin(
        clock.nowMs() + (timeoutMs ?? DEFAULT_TIMEOUT_MS),
        (error) => error ? reject(withLeader(node, error)) : resolve(),
      );
    });
  }

  function transferLeadership(
    target = 0,
    { timeoutMs }: CallOptions = {},
  ): Promise<void> {
    const node = running();
    if (node.core.role === "leader" && target === options.id) {
      return Promise.resolve();
    }
    const fromTerm = node.core.term;
    return operation(node, timeoutMs, (deadlineMs, done) => {
      node.operations.transfers.push({ deadlineMs, fromTerm, done });
      give({ kind: "transfer", target });
    });
  }

  function proposeOperation(
    value: RaftOperation,
    { timeoutMs, forward = true }: ProposeOptions = {},
  ): Promise<Applied> {
    const node = running();
    if (!forward && node.core.role !== "leader") {
      const message =
        "This node does not lead; send the operation to the leader";
      return Promise.reject(
        withLeader(node, new RaftError("not_leader", message)),
      );
    }
    return new Promise((resolve, reject) => {
      const deadlineMs = clock.nowMs() + (timeoutMs ?? DEFAULT_TIMEOUT_MS);
      addProposal(node.proposals, node.ports, value, deadlineMs, (outcome) => {
        if (outcome.kind === "failed") reject(outcome.error);
        else resolve({ index: outcome.index, result: outcome.result });
      });
      node.ports.wake();
    });
  }

  function read<T>(
    query: () => T,
    { timeoutMs, consistency = "linearizable" }: ReadOptions = {},
  ): Promise<T> {
    const node = running();
    if (consistency === "stale") return Promise.resolve().then(query);
    return new Promise((resolve, reject) => {
      const nowMs = clock.nowMs();
      const deadlineMs = nowMs + (timeoutMs ?? DEFAULT_TIMEOUT_MS);
      addRead(node.reads, nowMs, deadlineMs, (error) => {
        if (error) return reject(error);
        try {
          resolve(query());
        } catch (thrown) {
          reject(thrown);
        }
      });
      node.ports.wake();
    });
  }

  async function stop({ timeoutMs }: CallOptions = {}): Promise<void> {
    if (driver?.core.role === "leader" && !driver.stopped) {
      const waitMs = timeoutMs ?? coreOptions.electionTimeoutMs;
      // Nobody to hand over to is no reason to stay.
      await transferLeadership(0, { timeoutMs: waitMs }).catch(() => {});
    }
    await shutDown(null);
  }

  return {
    initialize,
    bootstrap,
    start,
    stop,
    stopped: ended.promise,
    proposeOperation,
    read,
    transferLeadership,
    addMember: ({ id, incarnation, address, role = "voter" }, changeOptions) =>
      change({
        kind: "add",
        id,
        incarnation,
        address,
        promoteTo: role === "learner" ? null : role,
      }, changeOptions),
    removeMember: (id, changeOptions) =>
      change({ kind: "remove", id }, changeOptions),
    promoteMember: (id, role = "voter", changeOptions = {}) =>
      change({ kind: "promote", id, role }, changeOptions),
    moveMember: (id, address, changeOptions) =>
      change({ kind: "move", id, address }, changeOptions),
    setLeaseReads: (enabled, changeOptions) =>
      change({ kind: "lease_reads", enabled }, changeOptions),
    forceElection: () => give({ kind: "campaign" }),
    takeSnapshot: () => snapshotNow(running()),
    readLog: (from, limit) => committedEntries(running(), from, limit),
    status: () => {
      if (!driver) throw new RaftError("bad_call", "The node is not started");
      return statusOf(driver);
    },
    onChange(listener): () => void {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

function isEmpty(stored: StoredLog): boolean {
  return stored.snapshot === null && stored.entries.length === 0 &&
    stored.hardState.term === 0;
}

function firstEntry(members: readonly NewMember[], own: NodeId): Entry {
  if (!members.some(({ id }) => id === own)) {
    const message = `Node ${own} is not among the founding members; add it`;
    throw new RaftError("bad_call", message);
  }
  const founding = members.map((member): Member => ({
    id: member.id,
    incarnation: member.incarnation,
    role: member.role ?? "voter",
    promoteTo: null,
    address: member.address,
  })).sort((a, b) => a.id - b.id);
  const data = encodeConfiguration({ members: founding, leaseReads: false });
  return { index: 1, term: 1, kind: "configuration", data };
}

function withLeader(node: Driver, error: RaftError): RaftError {
  const { core } = node;
  if (error.code !== "not_leader" || core.leaderId === 0) return error;
  const { configuration } = latestConfiguration(core.configurations);
  const address = memberOf(configuration, core.leaderId)?.address ?? "";
  const leader = { id: core.leaderId, address };
  return new RaftError(error.code, error.message, { leader, cause: error });
}

function committedEntries(
  { core }: Driver,
  from: Index,
  limit: number,
): readonly Entry[] {
  const first = Math.max(from, core.log.baseIndex + 1);
  const start = first - core.log.baseIndex - 1;
  const end = Math.min(start + limit, core.commit - core.log.baseIndex);
  return core.log.entries.slice(start, Math.max(start, end));
}

/** A wait that can be ended early. */
function createPause(
  clock: Clock,
): { wait: (ms: number) => Promise<void>; end: () => void } {
  let finish: (() => void) | null = null;
  return {
    wait: (ms) =>
      new Promise((resolve) => {
        const timer = clock.after(ms, resolve);
        finish = () => {
          timer.cancel();
          resolve();
        };
      }),
    end: () => finish?.(),
  };
}
