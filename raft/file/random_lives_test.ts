import { assert } from "@std/assert";
import {
  present,
  type Random,
  randomBelow,
  seededRandom,
} from "../../base/mod.ts";
import type { Entry } from "../core/mod.ts";
import type { StoredLog } from "../ports.ts";
import {
  appendStep,
  assertHolds,
  assertSnapshotReads,
  compactStep,
  NOTHING,
  resetStep,
  scriptStore,
  snapshotStep,
  type Step,
  type Truth,
} from "./crash_script.ts";
import {
  type CrashPlan,
  createMemoryFileSystem,
  type FileOperation,
  type MemoryFileSystem,
} from "./memory_file_system.ts";
import { entry, TEST_IDENTITY } from "./test_support.ts";

const LIVES = 200;
const CRASHES = 8;
const STEPS = 14;

class PowerLost extends Error {}

/** Returns a whole number from `low` to `high`. */
function between(random: Random, low: number, high: number): number {
  return low + randomBelow(random, high - low + 1);
}

function randomAppend(random: Random, truth: Truth): Step {
  const { hardState, log, base } = truth;
  const newTerm = random.next() < 0.2;
  const term = Math.max(1, hardState.term + (newTerm ? 1 : 0));
  const votedFor = term > hardState.term ? 0 : hardState.votedFor;
  const floor = Math.max(hardState.commit, base) + 1;
  const first = random.next() < 0.7
    ? log.length + 1
    : between(random, floor, log.length + 1);
  const count = between(random, 1, 4);
  const list: Entry[] = [];
  for (let index = first; index < first + count; index++) {
    const size = randomBelow(random, random.next() < 0.05 ? 12_000 : 900);
    const made = entry(index, term, size);
    if (random.next() < 0.2) made.data.fill(0);
    list.push(made);
  }
  const commit = between(random, hardState.commit, first + count - 1);
  return appendStep(list, term, commit, votedFor);
}

function randomHardState(random: Random, truth: Truth): Step {
  const { term, votedFor, commit } = truth.hardState;
  if (random.next() < 0.4) {
    return appendStep([], term + 1, commit, randomBelow(random, 4));
  }
  const later = between(random, commit, truth.log.length);
  return appendStep([], term, later, votedFor);
}

function randomSnapshot(random: Random, truth: Truth): Step | null {
  const { snapshot, hardState, log } = truth;
  if (hardState.commit <= snapshot) return null;
  const index = between(random, snapshot + 1, hardState.commit);
  const term = log[index - 1]?.term;
  return term === undefined ? null : snapshotStep(index, term);
}

function randomCompact(random: Random, truth: Truth): Step | null {
  const { snapshot, base, log } = truth;
  const highest = Math.min(snapshot, log.length);
  if (highest <= base) return null;
  const index = between(random, base + 1, highest);
  const term = log[index - 1]?.term;
  return term === undefined ? null : compactStep(index, term);
}

function randomInstall(random: Random, truth: Truth): Step {
  const index = truth.log.length + between(random, 1, 5);
  const write = snapshotStep(index, truth.hardState.term);
  const finish = resetStep(index, truth.hardState.term);
  return {
    run: async (store) => {
      await write.run(store);
      await finish.run(store);
    },
    after: finish.after,
  };
}

function randomStep(random: Random, truth: Truth): Step {
  const dice = random.next();
  if (dice < 0.2) return randomHardState(random, truth);
  const step = dice < 0.3
    ? randomSnapshot(random, truth)
    : dice < 0.4
    ? randomCompact(random, truth)
    : dice < 0.43
    ? randomInstall(random, truth)
    : null;
  return step ?? randomAppend(random, truth);
}

/** The truth as a start found it: what it recovered is durable now. */
function settled(stored: StoredLog, truth: Truth): Truth {
  return {
    ...truth,
    hardState: stored.hardState,
    syncedCommit: stored.hardState.commit,
    base: stored.baseIndex,
    snapshot: stored.snapshot?.index ?? 0,
  };
}

/** Runs until the power goes; returns what the next start may find. */
async function live(
  files: MemoryFileSystem,
  allowed: readonly Truth[],
  random: Random,
  where: string,
): Promise<readonly Truth[]> {
  const store = scriptStore(files);
  let truths = allowed;
  try {
    const stored = await store.open(TEST_IDENTITY);
    let truth = settled(stored, assertHolds(stored, allowed, where));
    truths = [truth];
    await assertSnapshotReads(store, stored);
    for (let count = 0; count < STEPS; count++) {
      const step = randomStep(random, truth);
      truths = [truth, step.after(truth)];
      await step.run(store);
      truth = present(truths[1], "truth");
      truths = [truth];
    }
    await store.close();
  } catch (error) {
    const lost = error instanceof PowerLost ||
      (error instanceof Error && error.cause instanceof PowerLost);
    if (!lost) throw new Error(`${where} failed`, { cause: error });
  }
  return truths;
}

function powerFor(operations: number): (operation: FileOperation) => void {
  let left = operations;
  return ({ kind }) => {
    if (kind !== "read" && left-- <= 0) throw new PowerLost();
  };
}

function randomPlan(random: Random): CrashPlan {
  const writes = ["lost", "kept", "prefix", "sectors"] as const;
  const names = ["lost", "kept", "some"] as const;
  return {
    writes: writes[randomBelow(random, 4)] ?? "lost",
    names: names[randomBelow(random, 3)] ?? "lost",
  };
}

Deno.test("random lives with many crashes lose nothing acknowledged", async () => {
  let longest = 0;
  for (let seed = 1; seed <= LIVES; seed++) {
    const random = seededRandom(seed);
    let files = createMemoryFileSystem({ before: powerFor(60) });
    let allowed: readonly Truth[] = [NOTHING];
    for (let crash = 0; crash < CRASHES; crash++) {
      const where = `seed ${seed}, life ${crash}`;
      allowed = await live(files, allowed, random, where);
      const before = powerFor(between(random, 1, 70));
      files = files.crash(randomPlan(random), random, { before });
    }
    longest = Math.max(longest, allowed[0]?.log.length ?? 0);
  }
  assert(longest > 40, `the longest log had ${longest} entries`);
});
