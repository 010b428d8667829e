import { createSlab, seededRandom } from "../../base/mod.ts";
import { DEFAULT_CORE_OPTIONS, type Entry } from "../../raft/core/mod.ts";
import {
  createDriver,
  type Disk,
  encodeOpenSession,
  encodeOperation,
  pump,
} from "../../raft/driver/mod.ts";
import { createFileLogStore } from "../../raft/file/mod.ts";
import {
  createKvMachine,
  encodeKvOperation,
  textToByteString,
} from "../../raft/machines/mod.ts";
import type { StoredLog } from "../../raft/mod.ts";
import { writeLog } from "./files.ts";

/** What the command of every measured entry carries: a put of a value of that size. */
export const VALUE_BYTES = 256;
const SESSION = 7;
const SLAB = createSlab();
const KEYS = 10_000;
const VALUE = textToByteString("v".repeat(VALUE_BYTES));

/** Writes the log that is recovered: puts into a key-value store. */
export async function writePuts(
  directory: string,
  entries: number,
): Promise<void> {
  const first: Entry = {
    index: 1,
    term: 1,
    kind: "command",
    data: encodeOpenSession(SESSION),
  };
  await writeLog(directory, first, entries, putAt);
}

function putAt(index: number): Uint8Array {
  const data = encodeKvOperation({
    type: "put",
    key: textToByteString(`key${index % KEYS}`),
    value: VALUE,
    returnPrevious: false,
  });
  const id = { session: SESSION, sequence: index, ackedBelow: index };
  return encodeOperation(id, { kind: "custom", data }, SLAB);
}

/** How long the steps of a start took, together, in milliseconds. */
export interface Recovery {
  /** The store is open: every record was read and checked. */
  readonly openMs: number;
  /** The machine has applied everything. */
  readonly totalMs: number;
}

/** Opens a store and applies what it holds. */
export async function recover(
  directory: string,
  entries: number,
): Promise<Recovery> {
  const startMs = performance.now();
  const store = createFileLogStore(directory);
  const identity = { clusterId: "bench", nodeId: 1, incarnation: 1 };
  const stored = await store.open(identity);
  const openMs = performance.now() - startMs;
  applyAll(stored, entries);
  const totalMs = performance.now() - startMs;
  await store.close();
  return { openMs, totalMs };
}

function applyAll(stored: StoredLog, entries: number): void {
  const turn = { wanted: true };
  const driver = createDriver({
    stored,
    options: DEFAULT_CORE_OPTIONS,
    policy: { distanceEntries: 0, minLogBytes: 0, readBytes: 1 << 20 },
    ports: {
      disk: IDLE_DISK,
      machine: createKvMachine(),
      random: seededRandom(1),
      observer: {},
      nowMs: () => 0,
      send: () => {},
      probe: () => {},
      afterSending: (run) => run(),
      setPeers: () => {},
      wake: () => turn.wanted = true,
      fail: (error) => {
        throw error;
      },
      changed: () => {},
    },
  });
  while (turn.wanted) {
    turn.wanted = false;
    pump(driver);
  }
  if (driver.applier.applied !== entries) {
    throw new Error(`${driver.applier.applied} of ${entries} were applied`);
  }
}

/** A node that only follows writes nothing. */
const IDLE_DISK: Disk = {
  append: () => {},
  compact: () => {},
  reset: () => {},
  beginSnapshot: () => {},
  readSnapshot: () => {},
};
