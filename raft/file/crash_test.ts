import { assert, assertEquals } from "@std/assert";
import { present, seededRandom } from "../../base/mod.ts";
import type { StoredLog } from "../ports.ts";
import {
  assertGoesOn,
  assertHolds,
  assertSame,
  assertSnapshotReads,
  lifeOfAStore,
  NOTHING,
  scriptStore,
  type Truth,
  truthsOf,
} from "./crash_script.ts";
import {
  CorruptLogError,
  DiskFullError,
  StorageFailedError,
} from "./errors.ts";
import {
  type CrashPlan,
  createMemoryFileSystem,
  type FileOperation,
  type MemoryFileSystem,
} from "./memory_file_system.ts";
import {
  entries,
  rejection,
  TEST_IDENTITY,
  writeSnapshot,
} from "./test_support.ts";

/** The disk just before one of its operations. */
interface Moment {
  readonly files: MemoryFileSystem;
  /** How many steps were acknowledged. */
  readonly acknowledged: number;
  readonly opened: boolean;
}

const STEPS = lifeOfAStore();
const TRUTHS = truthsOf(STEPS);

/** Lives through the script and keeps the disk before each operation. */
async function recordMoments(): Promise<Moment[]> {
  const moments: Moment[] = [];
  let acknowledged = 0;
  let opened = false;
  const keep = (): void => {
    moments.push({ files: files.fork(), acknowledged, opened });
  };
  const files: MemoryFileSystem = createMemoryFileSystem({
    before: ({ kind }) => {
      if (kind !== "read") keep();
    },
  });
  const store = scriptStore(files);
  await store.open(TEST_IDENTITY);
  opened = true;
  for (const step of STEPS) {
    await step.run(store);
    acknowledged++;
    keep();
  }
  await store.close();
  keep();
  return moments;
}

/** What a crash may show: what was acknowledged, or that and the step under way. */
function allowed(moment: Moment): Truth[] {
  const at = moment.acknowledged;
  return TRUTHS.slice(at, at + 2);
}

const PLANS: readonly CrashPlan[] = (
  ["lost", "kept", "prefix", "prefix", "sectors", "sectors", "sectors"] as const
).flatMap((writes) =>
  (["lost", "kept", "some"] as const).map((names) => ({ writes, names }))
);

const TORN: CrashPlan = { writes: "sectors", names: "some" };

async function assertSurvives(
  files: MemoryFileSystem,
  truths: readonly Truth[],
  where: string,
): Promise<void> {
  const store = scriptStore(files);
  const stored = await store.open(TEST_IDENTITY);
  assertHolds(stored, truths, where);
  await assertSnapshotReads(store, stored);
  const wanted = await assertGoesOn(store, stored);
  // Without closing: what is durable must do.
  const random = seededRandom(1);
  const after = files.crash({ writes: "lost", names: "lost" }, random);
  const again = scriptStore(after);
  assertSame(await again.open(TEST_IDENTITY), wanted);
  await again.close();
  await store.close();
}

Deno.test("a crash before any operation loses nothing acknowledged, however writes tear", async () => {
  const moments = await recordMoments();
  assert(moments.length > 150, `${moments.length} moments`);
  for (const [at, moment] of moments.entries()) {
    for (const [variant, plan] of PLANS.entries()) {
      const random = seededRandom(at * 100 + variant);
      const where = `moment ${at}, ${plan.writes}, ${plan.names} (${variant})`;
      const files = moment.files.crash(plan, random);
      await assertSurvives(files, allowed(moment), where);
    }
  }
});

Deno.test("a second crash while the first is mended loses nothing", async () => {
  const moments = await recordMoments();
  for (let at = 0; at < moments.length; at += 3) {
    const moment = present(moments[at], "moment");
    const random = seededRandom(at);
    const halfway: MemoryFileSystem[] = [];
    const files: MemoryFileSystem = moment.files.crash(TORN, random, {
      before: ({ kind }) => {
        if (kind === "read") return;
        for (const writes of ["sectors", "prefix"] as const) {
          halfway.push(files.crash({ writes, names: "some" }, random));
        }
      },
    });
    const store = scriptStore(files);
    await store.open(TEST_IDENTITY);
    const mended = halfway.splice(0);
    for (const [step, each] of mended.entries()) {
      await assertSurvives(each, allowed(moment), `moment ${at}, mend ${step}`);
    }
    await store.close();
  }
});

/** Opens; an error must name a file and an offset. */
async function openOrRefuse(
  files: MemoryFileSystem,
): Promise<StoredLog | null> {
  const store = scriptStore(files);
  try {
    return await store.open(TEST_IDENTITY);
  } catch (error) {
    if (!(error instanceof CorruptLogError)) throw error;
    assert(error.file.startsWith("dir/") && error.offset >= 0, error.message);
    return null;
  } finally {
    await store.close();
  }
}

Deno.test("a flipped bit in what was acknowledged is refused, never cut", async () => {
  const moments = await recordMoments();
  let refused = 0;
  let tried = 0;
  for (let at = 9; at < moments.length; at += 17) {
    const moment = present(moments[at], "moment");
    const power = seededRandom(at);
    const disk = moment.files.crash({ writes: "lost", names: "kept" }, power);
    for (const name of await disk.list()) {
      const size = disk.content(name).length;
      for (let offset = (at * 3) % 13; offset < size; offset += 13) {
        const files = disk.fork();
        files.flipBit(name, offset, (offset + at) % 8);
        const stored = await openOrRefuse(files);
        tried++;
        if (stored === null) refused++;
        else assertHolds(stored, allowed(moment), `${name} at ${offset}`);
      }
    }
  }
  assert(refused > tried / 8, `${refused} of ${tried} were refused`);
});

Deno.test("after a clean stop, a lost sector is refused unless it held nothing", async () => {
  const moments = await recordMoments();
  const disk = present(moments.at(-1), "moment").files;
  const truths = TRUTHS.slice(-1);
  let refused = 0;
  for (const name of await disk.list()) {
    const bytes = disk.content(name);
    for (let at = 0; at < bytes.length; at += 512) {
      const files = disk.fork();
      const file = await files.open(name);
      await file.write(at, new Uint8Array(Math.min(512, bytes.length - at)));
      file.close();
      const stored = await openOrRefuse(files);
      if (stored === null) refused++;
      else assertHolds(stored, truths, `${name} without sector at ${at}`);
    }
  }
  assert(refused > 5, `${refused} were refused`);
});

Deno.test("a refusal changes nothing", async () => {
  const moments = await recordMoments();
  const disk = present(moments.at(-1), "moment").files;
  const name = present((await disk.list()).sort()[0], "first segment");
  disk.flipBit(name, 700, 3);
  const operations: FileOperation[] = [];
  const files = disk.fork({
    before: (operation) => {
      operations.push(operation);
    },
  });
  const error = await rejection(
    scriptStore(files).open(TEST_IDENTITY),
    CorruptLogError,
  );
  assertEquals(error.file, `dir/${name}`);
  assert(operations.every(({ kind }) => kind === "read"));
});

/** Lives through the script on a disk that fails at one operation. */
async function liveUntilFailure(
  files: MemoryFileSystem,
): Promise<{ acknowledged: number; failed: boolean }> {
  const store = scriptStore(files);
  let acknowledged = 0;
  try {
    await store.open(TEST_IDENTITY);
    for (const step of STEPS) {
      await step.run(store);
      acknowledged++;
    }
  } catch (error) {
    if (error instanceof StorageFailedError) {
      const batch = { hardState: null, entries: entries(1, 1, 9) };
      await rejection(store.append(batch), StorageFailedError);
    }
    await store.close();
    return { acknowledged, failed: true };
  }
  try {
    await store.close();
    return { acknowledged, failed: false };
  } catch (error) {
    if (!(error instanceof StorageFailedError)) throw error;
    return { acknowledged, failed: true };
  }
}

Deno.test("a failed operation ends the store, and the next start has what was acknowledged", async () => {
  const moments = await recordMoments();
  let failures = 0;
  for (let at = 0; at < moments.length; at++) {
    let count = 0;
    const files = createMemoryFileSystem({
      before: ({ kind, name }) => {
        if (kind !== "read" && count++ === at) {
          throw new Error(`Planted failure of ${kind} ${name}`);
        }
      },
    });
    const { acknowledged, failed } = await liveUntilFailure(files);
    if (failed) failures++;
    const truths = TRUTHS.slice(acknowledged, acknowledged + 2);
    const where = `failure ${at} after step ${acknowledged}`;
    await assertSurvives(files.fork(), truths, `${where}, restart`);
    const lost: CrashPlan = { writes: "lost", names: "lost" };
    const after = files.crash(lost, seededRandom(at));
    await assertSurvives(after, truths, `${where}, crash`);
  }
  assert(failures > 60, `${failures} failures reached a caller`);
});

Deno.test("a full disk refuses a step, and the step succeeds once there is space", async () => {
  let refusals = 0;
  for (let full = 1; full < STEPS.length; full++) {
    const files = createMemoryFileSystem();
    const store = scriptStore(files);
    await store.open(TEST_IDENTITY);
    for (const [at, step] of STEPS.entries()) {
      if (at === full) files.setCapacity(0);
      try {
        await step.run(store);
      } catch (error) {
        if (!(error instanceof DiskFullError)) throw error;
        refusals++;
        files.setCapacity(Infinity);
        await step.run(store);
      }
    }
    files.setCapacity(Infinity);
    await store.close();
    const again = scriptStore(files);
    const truth = present(TRUTHS.at(-1), "truth");
    assertHolds(await again.open(TEST_IDENTITY), [truth], `full at ${full}`);
    await again.close();
  }
  assert(refusals > 20, `${refusals} refusals`);
});

Deno.test("on a full disk a vote and a compaction still find room, and the latter makes more", async () => {
  const files = createMemoryFileSystem({ capacityBytes: 5 * 8 * 1024 });
  const store = scriptStore(files);
  await store.open(TEST_IDENTITY);
  await writeSnapshot(store, 1_000, 1, 10);
  let hardState = { term: 1, votedFor: 1, commit: 0 };
  let last = 0;
  const more = async (): Promise<void> => {
    await store.append({ hardState, entries: entries(last + 1, last + 1, 1) });
    last++;
  };
  const refused = async (): Promise<void> => {
    for (let count = 0; count < 1000; count++) await more();
  };
  await rejection(refused(), DiskFullError);
  await rejection(more(), DiskFullError);
  hardState = { term: 2, votedFor: 3, commit: last };
  await store.append({ hardState, entries: [] });
  await store.compact(last, 1);
  await more();
  await store.close();
});

Deno.test("a new store holds nothing", async () => {
  const store = scriptStore(createMemoryFileSystem());
  const stored = await store.open(TEST_IDENTITY);
  assertHolds(stored, [NOTHING], "new");
  assertEquals(stored.identity, TEST_IDENTITY);
  await store.close();
});
