import { assertEquals } from "@std/assert";

import { createLog, type SnapshotMeta } from "../core/mod.ts";
import { createSnapshots, isSnapshotDue } from "./snapshots.ts";

const POLICY = { distanceEntries: 10, minLogBytes: 4096, readBytes: 1024 };
const OVERHEAD_BYTES = 32;

function snapshotOf(index: number, sizeBytes: number): SnapshotMeta {
  const configuration = { members: [], leaseReads: false };
  return { index, term: 1, configuration, configurationIndex: 0, sizeBytes };
}

interface Case {
  readonly name: string;
  readonly applied: number;
  readonly logBytes: number;
  readonly stateBytes?: number;
  readonly due: boolean;
}

const CASES: readonly Case[] = [
  {
    name: "a long log and the distance",
    applied: 110,
    logBytes: 4096,
    due: true,
  },
  {
    name: "an entry less than the distance",
    applied: 109,
    logBytes: 4096,
    due: false,
  },
  {
    name: "a short log at the distance",
    applied: 110,
    logBytes: 4095,
    due: false,
  },
  {
    name: "a short log of many entries",
    applied: 150,
    logBytes: 100,
    due: true,
  },
  { name: "one entry less than many", applied: 149, logBytes: 100, due: false },
  {
    name: "a state that is larger than the log",
    ...{ applied: 150, logBytes: 8000, stateBytes: 8001, due: false },
  },
];

for (const { name, applied, logBytes, stateBytes = 1, due } of CASES) {
  Deno.test(`isSnapshotDue() says ${due ? "yes" : "no"} to ${name}`, () => {
    const data = new Uint8Array(logBytes - OVERHEAD_BYTES);
    const log = createLog(100, 1, [{
      index: 101,
      term: 1,
      kind: "command",
      data,
    }]);
    const core = { nowMs: 0, snapshot: snapshotOf(100, stateBytes), log };
    const applier = { applied, restoring: false };
    assertEquals(isSnapshotDue(createSnapshots(), POLICY, core, applier), due);
  });
}
