import { present, seededRandom } from "../../base/mod.ts";
import {
  DEFAULT_CORE_OPTIONS,
  encodeConfiguration,
  type Entry,
  type Member,
  type NodeId,
} from "../../raft/core/mod.ts";
import {
  addProposal,
  createDriver,
  type Disk,
  type Driver,
  input,
  pump,
} from "../../raft/driver/mod.ts";
import {
  createCounterMachine,
  encodeCounterOperation,
} from "../../raft/machines/mod.ts";
import type { RaftOperation, StoredLog } from "../../raft/mod.ts";

const SIZE = 3;
const LEADER: NodeId = 1;
/** How long a batch takes in the nodes' time: long enough for a heartbeat now and then. */
const BATCH_MS = 0.1;

/** Three nodes, core and driver each, in one thread: messages and writes are calls in a queue. */
export interface Group {
  nowMs: number;
  readonly drivers: Map<NodeId, Driver>;
  /** Nodes that asked for a turn. */
  readonly awake: Set<Driver>;
  /** Answers of disks, which never come within the call that asked. */
  readonly answers: (() => void)[];
}

/** Makes a group of which node 1 leads. */
export function createGroup(): Group {
  const group: Group = {
    nowMs: 0,
    drivers: new Map(),
    awake: new Set(),
    answers: [],
  };
  const first = firstEntry();
  for (let id = 1; id <= SIZE; id++) {
    group.drivers.set(id, createNode(group, id, first));
  }
  const leader = present(group.drivers.get(LEADER), "node 1");
  input(leader, { kind: "campaign" });
  settle(group);
  if (leader.core.role !== "leader") throw new Error("Node 1 does not lead");
  return group;
}

function firstEntry(): Entry {
  const members: Member[] = [];
  for (let id = 1; id <= SIZE; id++) {
    members.push({
      id,
      incarnation: id,
      role: "voter",
      promoteTo: null,
      address: "",
    });
  }
  const data = encodeConfiguration({ members, leaseReads: false });
  return { index: 1, term: 1, kind: "configuration", data };
}

function createNode(group: Group, id: NodeId, first: Entry): Driver {
  const stored: StoredLog = {
    identity: { clusterId: "bench", nodeId: id, incarnation: id },
    hardState: { term: 1, votedFor: 0, commit: 1 },
    snapshot: null,
    baseIndex: 0,
    baseTerm: 0,
    entries: [first],
  };
  const driver: Driver = createDriver({
    stored,
    options: DEFAULT_CORE_OPTIONS,
    policy: { distanceEntries: 0, minLogBytes: 0, readBytes: 1 << 20 },
    ports: {
      disk: memoryDisk(group),
      machine: createCounterMachine(),
      random: seededRandom(id),
      observer: {},
      nowMs: () => group.nowMs,
      send: (message) => {
        const receiver = present(group.drivers.get(message.to), "a receiver");
        input(receiver, { kind: "message", message });
      },
      probe: () => {},
      afterSending: (run) => run(),
      setPeers: () => {},
      wake: () => void group.awake.add(driver),
      fail: (error) => {
        throw error;
      },
      changed: () => {},
    },
  });
  return driver;
}

/** A disk that is done at once, in the next turn; the log itself is in the core. */
function memoryDisk({ answers }: Group): Disk {
  const unused = (): never => {
    throw new Error("The group takes no snapshots");
  };
  return {
    append: (_batch, done) => void answers.push(() => done(null)),
    compact: unused,
    reset: unused,
    beginSnapshot: unused,
    readSnapshot: unused,
  };
}

/** Lets everything happen that is going to. */
function settle({ awake, answers }: Group): void {
  while (awake.size > 0 || answers.length > 0) {
    for (const answer of answers.splice(0)) answer();
    const turn = [...awake];
    awake.clear();
    for (const driver of turn) pump(driver);
  }
}

const OPERATION: RaftOperation = {
  kind: "custom",
  data: encodeCounterOperation({ type: "increment", by: 1 }),
};

/**
 * Proposes a batch on the leader and lets the group come to rest. Then the leader has applied it; the
 * others have it on disk, and learn with the next batch that it is committed.
 *
 * @param group The group.
 * @param size How many proposals go together.
 */
export function proposeBatch(group: Group, size: number): void {
  const { proposals, ports } = present(group.drivers.get(LEADER), "node 1");
  let applied = 0;
  for (let at = 0; at < size; at++) {
    addProposal(proposals, ports, OPERATION, Infinity, (outcome) => {
      if (outcome.kind === "applied") applied += 1;
    });
  }
  ports.wake();
  settle(group);
  group.nowMs += BATCH_MS;
  if (applied !== size) throw new Error(`${applied} of ${size} were applied`);
}

/** Lets time pass until all have heard of everything; says whether all have applied it. */
export function finish(group: Group): boolean {
  const { drivers } = group;
  group.nowMs += DEFAULT_CORE_OPTIONS.heartbeatIntervalMs;
  for (const { ports } of drivers.values()) ports.wake();
  settle(group);
  const applied = [...drivers.values()].map(({ applier }) => applier.applied);
  return new Set(applied).size === 1;
}
