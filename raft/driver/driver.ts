import { messageOf, randomBelow } from "../../base/mod.ts";
import {
  type Configuration,
  type Core,
  type CoreOptions,
  createCore,
  drain,
  type Effects,
  type Input,
  latestConfiguration,
  nextDeadlineMs,
  type NodeId,
  type Role,
  type SnapshotMeta,
  step,
} from "../core/mod.ts";
import { RaftError } from "../errors.ts";
import type { StoredLog } from "../ports.ts";
import { type Applier, applyCommitted, createApplier } from "./applier.ts";
import {
  createOperations,
  failOperations,
  onChangeOutcome,
  onTransferOutcome,
  type Operations,
  operationsDeadlineMs,
  settleOperations,
} from "./operations.ts";
import {
  createPersister,
  enqueueBatch,
  type Persister,
  writeNext,
} from "./persister.ts";
import type { DriverPorts } from "./ports.ts";
import {
  createProposals,
  failAll,
  onInstalled,
  onRefused,
  type Proposals,
  resendAll,
  sweep,
  takeUnsent,
} from "./proposals.ts";
import {
  answerReads,
  createReads,
  failReads,
  onReadOutcome,
  type Reads,
  sweepReads,
  takeRequest,
} from "./reads.ts";
import {
  createSnapshots,
  installSnapshot,
  isSnapshotDue,
  performCommand,
  restoreMachine,
  type SnapshotPolicy,
  type Snapshots,
  takeSnapshot,
} from "./snapshots.ts";

/** How often in one turn the effects of effects are followed up. */
const MAX_ROUNDS_PER_PUMP = 4;

/** Up to so many entries, the messages of a turn leave before its write begins. */
const MAX_ENTRIES_SENT_FIRST = 8;

/** What a driver starts with. */
export interface DriverStart {
  readonly stored: StoredLog;
  readonly options: CoreOptions;
  readonly policy: SnapshotPolicy;
  readonly ports: DriverPorts;
}

/** One node: the pure core, and everything that carries out what it decides. */
export interface Driver {
  readonly core: Core;
  policy: SnapshotPolicy;
  readonly ports: DriverPorts;
  readonly applier: Applier;
  readonly persister: Persister;
  readonly proposals: Proposals;
  readonly reads: Reads;
  readonly operations: Operations;
  readonly snapshots: Snapshots;
  readonly inputs: Input[];
  /** Why it stopped, once it has. */
  stopped: RaftError | null;
  /** Whom proposals went to last. */
  readonly served: { term: number; leaderId: NodeId };
  /** What was last told to others. */
  readonly seen: {
    term: number;
    leaderId: NodeId;
    role: Role | null;
    commit: number;
    applied: number;
    snapshot: SnapshotMeta | null;
    configuration: Configuration | null;
  };
}

/**
 * Makes a node's driver from what its store holds.
 *
 * @param start Stored state, options and the world.
 * @returns A driver that follows; call `pump` to set it going.
 */
export function createDriver(start: DriverStart): Driver {
  const { stored, options, policy } = start;
  const { ports } = start;
  const core = createCore({
    id: stored.identity.nodeId,
    incarnation: stored.identity.incarnation,
    options,
    seed: randomBelow(ports.random, 0x7fffffff),
    nowMs: ports.nowMs(),
    hardState: stored.hardState,
    snapshot: stored.snapshot,
    baseIndex: stored.baseIndex,
    baseTerm: stored.baseTerm,
    entries: stored.entries,
  });
  const driver: Driver = {
    core,
    policy,
    ports: { ...ports, fail: (error) => failDriver(driver, ports, error) },
    applier: createApplier(),
    persister: createPersister(),
    proposals: createProposals(),
    reads: createReads(1 + randomBelow(ports.random, 0x7fffffff)),
    operations: createOperations(),
    snapshots: createSnapshots(),
    inputs: [],
    stopped: null,
    served: { term: 0, leaderId: 0 },
    seen: {
      term: -1,
      leaderId: 0,
      role: null,
      commit: -1,
      applied: -1,
      snapshot: null,
      configuration: null,
    },
  };
  if (stored.snapshot) {
    restoreMachine(
      driver.applier,
      stored.snapshot,
      policy,
      driver.ports,
      () => {
        driver.applier.restoring = false;
        ports.wake();
      },
    );
  }
  return driver;
}

/** Hands an input to the node; it is looked at in the next `pump`. */
export function input(driver: Driver, value: Input): void {
  if (driver.stopped) return;
  driver.inputs.push(value);
  driver.ports.wake();
}

/** Does everything that is due. */
export function pump(driver: Driver): void {
  if (driver.stopped) return;
  guard(driver, () => turn(driver));
}

/** What throws ends the node. */
function guard({ ports }: Driver, run: () => void): void {
  try {
    run();
  } catch (error) {
    ports.fail(error instanceof Error ? error : new Error(String(error)));
  }
}

function turn(driver: Driver): void {
  const { core, ports, applier, proposals, reads } = driver;
  const nowMs = ports.nowMs();
  step(core, nowMs, { kind: "tick" });
  for (const value of driver.inputs.splice(0)) {
    step(core, nowMs, value);
    if (value.kind === "installed") applier.restoring = false;
  }
  const resendAfterMs = core.options.electionTimeoutMs;
  sweep(proposals, nowMs, resendAfterMs);
  sweepReads(reads, nowMs, resendAfterMs);
  let more = false;
  for (let round = 0; round < MAX_ROUNDS_PER_PUMP; round++) {
    noteLeader(driver);
    const fed = feed(driver, nowMs);
    if (round > 0 && !fed) break;
    perform(driver, drain(core));
    more = applyCommitted(applier, core, ports, proposals);
    answerReads(reads, applier.restoring ? 0 : applier.applied);
  }
  settleOperations(driver.operations, core, nowMs);
  tellOthers(driver);
  maybeSnapshot(driver);
  if (more) ports.wake();
}

/** After a change of leader, what the old one may have lost is sent again. */
function noteLeader(driver: Driver): void {
  const { core, served } = driver;
  const same = core.term === served.term && core.leaderId === served.leaderId;
  if (same || core.leaderId === 0) return;
  served.term = core.term;
  served.leaderId = core.leaderId;
  resendAll(driver.proposals);
}

/** Hands the core what waits here; returns whether there was anything. */
function feed(driver: Driver, nowMs: number): boolean {
  const { core, ports, proposals, reads } = driver;
  const hasLeader = core.leaderId !== 0;
  const unsent = takeUnsent(proposals, ports, hasLeader);
  if (unsent.length > 0) {
    step(core, nowMs, { kind: "propose", proposals: unsent });
  }
  const requestId = takeRequest(reads, nowMs, hasLeader);
  if (requestId !== null) step(core, nowMs, { kind: "read", requestId });
  return unsent.length > 0 || requestId !== null;
}

function perform(driver: Driver, effects: Effects): void {
  const { ports, persister, core } = driver;
  if (effects.persist) {
    const { entries } = effects.persist;
    ports.observer.appending?.(entries, core.role === "leader");
    enqueueBatch(persister, effects.persist, ports.nowMs());
  }
  for (const message of effects.messages) ports.send(message);
  for (const outcome of effects.reads) onReadOutcome(driver.reads, outcome);
  for (const refused of effects.refused) onRefused(driver.proposals, refused);
  for (const outcome of effects.changes) {
    onChangeOutcome(driver.operations, core, outcome);
  }
  for (const outcome of effects.transfers) {
    onTransferOutcome(driver.operations, outcome);
  }
  for (const peer of effects.probes) ports.probe(peer);
  for (const command of effects.snapshots) {
    performSnapshot(driver, command);
  }
  if (!isWorthSendingFirst(core, effects)) return write(driver);
  ports.afterSending(() => {
    if (!driver.stopped) guard(driver, () => write(driver));
  });
}

function write(driver: Driver): void {
  writeNext(driver.persister, driver.ports, (seq) => {
    input(driver, { kind: "persisted", seq });
  });
}

/**
 * A lone put waits for a follower's disk and for the way there and back, not for this node's own disk:
 * so the append leaves first (dissertation §10.2.1). A large batch is better written at once.
 */
function isWorthSendingFirst(core: Core, effects: Effects): boolean {
  const { messages, persist } = effects;
  return core.role === "leader" && messages.length > 0 && persist !== null &&
    persist.entries.length <= MAX_ENTRIES_SENT_FIRST;
}

function performSnapshot(
  driver: Driver,
  command: Effects["snapshots"][number],
): void {
  const { ports, persister, snapshots, core } = driver;
  if (command.kind === "compact") {
    const { index, term } = command;
    persister.queue.push({ kind: "compact", index, term });
    return;
  }
  if (command.kind === "install") {
    install(driver, command.keepLog);
    return;
  }
  const { snapshotChunkBytes } = core.options;
  performCommand(snapshots, command, ports, snapshotChunkBytes, (value) => {
    input(driver, value);
  });
}

function install(driver: Driver, keepLog: boolean): void {
  const { ports, persister, snapshots, applier, policy } = driver;
  installSnapshot(snapshots, applier, policy, ports, (snapshot) => {
    onInstalled(
      driver.proposals,
      ports,
      applier.sessions,
      snapshot.index,
    );
    const finish = (): void => input(driver, { kind: "installed", snapshot });
    if (keepLog) return finish();
    const { index, term } = snapshot;
    persister.queue.push({ kind: "reset", index, term, done: finish });
    write(driver);
  });
}

function maybeSnapshot(driver: Driver): void {
  const { snapshots, policy, core, applier } = driver;
  if (!isSnapshotDue(snapshots, policy, core, applier)) return;
  snapshotNow(driver);
}

/** Takes a snapshot now, unless one is being taken or nothing is new. */
export function snapshotNow(driver: Driver): void {
  const { snapshots, core, applier, ports } = driver;
  const nothingNew = applier.applied <= (core.snapshot?.index ?? 0);
  if (snapshots.taking || applier.restoring || nothingNew) return;
  guard(driver, () => {
    takeSnapshot(snapshots, core, applier, ports, (value) => {
      input(driver, value);
    });
  });
}

function tellOthers(driver: Driver): void {
  const { core, applier, seen, ports } = driver;
  const { configuration } = latestConfiguration(core.configurations);
  if (configuration !== seen.configuration) {
    const peers = configuration.members.filter(({ id }) => id !== core.id);
    ports.setPeers(new Map(peers.map(({ id, address }) => [id, address])));
  }
  const same = core.term === seen.term && core.leaderId === seen.leaderId &&
    core.role === seen.role && core.commit === seen.commit &&
    applier.applied === seen.applied && core.snapshot === seen.snapshot &&
    configuration === seen.configuration;
  if (same) return;
  seen.role = core.role;
  seen.applied = applier.applied;
  seen.snapshot = core.snapshot;
  seen.term = core.term;
  seen.leaderId = core.leaderId;
  seen.commit = core.commit;
  seen.configuration = configuration;
  ports.changed();
}

/** When `pump` must be called at the latest. */
export function wakeAtMs(driver: Driver): number {
  return Math.min(
    nextDeadlineMs(driver.core),
    driver.proposals.sweepAtMs,
    driver.reads.sweepAtMs,
    operationsDeadlineMs(driver.operations),
  );
}

/** Stops the node: whatever waits is told so. */
export function stopDriver(driver: Driver, reason: RaftError): void {
  if (driver.stopped) return;
  driver.stopped = reason;
  driver.inputs.length = 0;
  failAll(driver.proposals, reason);
  failReads(driver.reads, reason);
  failOperations(driver.operations, reason);
}

function failDriver(driver: Driver, ports: DriverPorts, error: Error): void {
  if (driver.stopped) return;
  const reason = error instanceof RaftError ? error : new RaftError(
    "storage_failed",
    `The node has stopped: ${messageOf(error)}`,
    { cause: error },
  );
  stopDriver(driver, reason);
  ports.fail(reason);
}
