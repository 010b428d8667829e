import { crc32 } from "node:zlib";
import { assert, assertEquals } from "@std/assert";
import { InvariantError, present } from "../../base/mod.ts";
import type { StoredLog } from "../ports.ts";
import { assertSame } from "./crash_script.ts";
import { denoFileSystem } from "./deno_file_system.ts";
import {
  CorruptLogError,
  ForeignStoreError,
  NewerFormatError,
  SnapshotGoneError,
  StoreLockedError,
} from "./errors.ts";
import { segmentName } from "./segment.ts";
import { snapshotName } from "./snapshot_file.ts";
import { createFileLogStore, type FileLogStoreOptions } from "./store.ts";
import {
  content,
  entries,
  entry,
  inDirectory,
  rejection,
  snapshotOf,
  TEST_IDENTITY,
  thrown,
  writeSnapshot,
} from "./test_support.ts";

const SMALL: FileLogStoreOptions = { segmentBytes: 16 * 1024 };
const HARD_STATE = { term: 3, votedFor: 2, commit: 0 };

async function stored(
  path: string,
  options: FileLogStoreOptions = SMALL,
): Promise<StoredLog> {
  const store = createFileLogStore(path, options);
  const found = await store.open(TEST_IDENTITY);
  await store.close();
  return found;
}

function namesIn(path: string): string[] {
  return [...Deno.readDirSync(path)].map(({ name }) => name).sort();
}

async function flip(path: string, offset: number): Promise<void> {
  const bytes = await Deno.readFile(path);
  bytes[offset] = present(bytes[offset], "byte") ^ 4;
  await Deno.writeFile(path, bytes);
}

Deno.test("a store has what was appended when it is opened again", () =>
  inDirectory(async (path) => {
    const store = createFileLogStore(`${path}/a/b`, SMALL);
    const first = await store.open(TEST_IDENTITY);
    assertEquals(first.entries, []);
    assertEquals(first.snapshot, null);
    const list = entries(1, 200, 3, 500);
    for (let at = 0; at < list.length; at += 7) {
      const batch = list.slice(at, at + 7);
      await store.append({ hardState: HARD_STATE, entries: batch });
    }
    await store.close();
    const wanted = { ...first, hardState: HARD_STATE, entries: list };
    assertSame(await stored(`${path}/a/b`), wanted);
    assertSame(await stored(`${path}/a/b`), wanted);
  }));

Deno.test("open() keeps the incarnation that the store was made with", () =>
  inDirectory(async (path) => {
    await stored(path);
    const store = createFileLogStore(path, SMALL);
    const found = await store.open({ ...TEST_IDENTITY, incarnation: 5 });
    await store.close();
    assertEquals(found.identity, TEST_IDENTITY);
  }));

Deno.test("open() refuses a directory that is in use, and names it", () =>
  inDirectory(async (path) => {
    const store = createFileLogStore(path, SMALL);
    await store.open(TEST_IDENTITY);
    const error = await rejection(stored(path), StoreLockedError);
    assert(error.message.includes(path), error.message);
    await store.close();
    await stored(path);
  }));

Deno.test("open() refuses a directory that another process uses", () =>
  inDirectory(async (path) => {
    const module = new URL("./store.ts", import.meta.url).href;
    const program = `import { createFileLogStore } from "${module}";
      const store = createFileLogStore(${JSON.stringify(path)});
      await store.open(${JSON.stringify(TEST_IDENTITY)});
      console.log("open");
      await Deno.stdin.readable.getReader().read();`;
    const child = new Deno.Command(Deno.execPath(), {
      args: ["eval", program],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const output = child.stdout.getReader();
    const ready = new TextDecoder().decode((await output.read()).value);
    assertEquals(ready.trim(), "open");
    await rejection(stored(path), StoreLockedError);
    // Killed, it cannot say that it lets go.
    child.kill("SIGKILL");
    await output.cancel();
    await child.stdin.abort().catch(() => {});
    await child.status;
    await stored(path);
  }));

Deno.test("open() refuses another cluster's or node's directory", () =>
  inDirectory(async (path) => {
    await stored(path);
    const store = createFileLogStore(path, SMALL);
    for (const other of [{ clusterId: "other" }, { nodeId: 2 }]) {
      const open = store.open({ ...TEST_IDENTITY, ...other });
      const error = await rejection(open, ForeignStoreError);
      assert(error.message.includes("node 1 of cluster"), error.message);
    }
    await stored(path);
  }));

Deno.test("open() refuses a snapshot of another cluster", () =>
  inDirectory(async (path) => {
    const other = createFileLogStore(`${path}/other`, SMALL);
    await other.open({ ...TEST_IDENTITY, clusterId: "other" });
    await writeSnapshot(other, 4, 1);
    await other.close();
    await stored(`${path}/mine`);
    const name = snapshotName(4, 1);
    await Deno.copyFile(`${path}/other/${name}`, `${path}/mine/${name}`);
    await rejection(stored(`${path}/mine`), ForeignStoreError);
  }));

Deno.test("open() refuses snapshots whose log is gone", () =>
  inDirectory(async (path) => {
    const store = createFileLogStore(path, SMALL);
    await store.open(TEST_IDENTITY);
    await writeSnapshot(store, 4, 1);
    await store.close();
    for (const name of namesIn(path)) {
      if (name.endsWith(".log")) await Deno.remove(`${path}/${name}`);
    }
    const error = await rejection(stored(path), CorruptLogError);
    assertEquals(error.file, `${path}/${segmentName(1)}`);
  }));

Deno.test("open() cuts a torn tail with a warning that names file and byte", () =>
  inDirectory(async (path) => {
    const store = createFileLogStore(path, SMALL);
    await store.open(TEST_IDENTITY);
    await store.append({ hardState: null, entries: entries(1, 2, 1) });
    await store.close();
    const file = `${path}/${segmentName(1)}`;
    const bytes = await Deno.readFile(file);
    const end = bytes.findLastIndex((byte) => byte !== 0) + 1;
    bytes.set([0xa7, 1, 0, 0, 77], end);
    await Deno.writeFile(file, bytes);
    const warnings: string[] = [];
    const warn = (message: string): number => warnings.push(message);
    const found = await stored(path, { ...SMALL, warn });
    assertEquals(found.entries.length, 2);
    assertEquals(warnings.length, 1);
    assert(warnings[0]?.includes(`"${file}"`), warnings[0]);
    assert(warnings[0]?.includes(`at byte ${end}`), warnings[0]);
    await stored(path, { ...SMALL, warn });
    assertEquals(warnings.length, 1);
  }));

Deno.test("open() removes a segment that was never begun whole, with a warning", () =>
  inDirectory(async (path) => {
    await stored(path);
    const file = `${path}/${segmentName(2)}`;
    const bytes = await Deno.readFile(file);
    bytes.set([80, 71, 82, 65], 0);
    await Deno.writeFile(file, bytes);
    const warnings: string[] = [];
    const warn = (message: string): number => warnings.push(message);
    await stored(path, { ...SMALL, warn });
    assertEquals(warnings.length, 1);
    assert(warnings[0]?.includes(`"${file}"`), warnings[0]);
    await stored(path, { ...SMALL, warn });
    assertEquals(warnings.length, 1);
  }));

Deno.test("open() refuses a flipped bit before the tail, with file and byte", () =>
  inDirectory(async (path) => {
    const store = createFileLogStore(path, SMALL);
    await store.open(TEST_IDENTITY);
    await store.append({ hardState: null, entries: entries(1, 2, 1) });
    await store.append({ hardState: null, entries: entries(3, 4, 1) });
    await store.close();
    const file = `${path}/${segmentName(1)}`;
    await flip(file, 600);
    const before = await Deno.readFile(file);
    const error = await rejection(stored(path), CorruptLogError);
    assertEquals([error.file, error.offset], [file, 512]);
    assertEquals(await Deno.readFile(file), before);
  }));

Deno.test("compact() removes the segments that a snapshot covers", () =>
  inDirectory(async (path) => {
    const store = createFileLogStore(path, SMALL);
    await store.open(TEST_IDENTITY);
    const list = entries(1, 60, 3, 3000);
    for (const each of list) {
      await store.append({ hardState: HARD_STATE, entries: [each] });
    }
    const before = namesIn(path).length;
    await writeSnapshot(store, 50, 3);
    await store.compact(50, 3);
    const after = namesIn(path).filter((name) => name.endsWith(".log"));
    assert(after.length < before / 2, `${after.length} of ${before}`);
    await store.compact(40, 3);
    await store.close();
    const found = await stored(path);
    assertEquals([found.baseIndex, found.baseTerm], [50, 3]);
    assertEquals(found.hardState, { ...HARD_STATE, commit: 50 });
    assertEquals(found.entries.map(({ index }) => index % 50), [
      1,
      2,
      3,
      4,
      5,
      6,
      7,
      8,
      9,
      10,
    ]);
  }));

Deno.test("reset() drops the log and goes on after the snapshot", () =>
  inDirectory(async (path) => {
    const store = createFileLogStore(path, SMALL);
    await store.open(TEST_IDENTITY);
    await store.append({ hardState: HARD_STATE, entries: entries(1, 90, 2) });
    await writeSnapshot(store, 500, 3);
    await store.reset(500, 3);
    await store.append({ hardState: null, entries: entries(501, 502, 3) });
    await store.close();
    const found = await stored(path);
    assertEquals([found.baseIndex, found.baseTerm], [500, 3]);
    assertEquals(found.entries.map(({ index }) => index), [501, 502]);
    assertEquals(found.hardState, { ...HARD_STATE, commit: 500 });
  }));

Deno.test("open() finishes the installation of a snapshot that the log does not reach", () =>
  inDirectory(async (path) => {
    const store = createFileLogStore(path, SMALL);
    await store.open(TEST_IDENTITY);
    await store.append({ hardState: HARD_STATE, entries: entries(1, 9, 2) });
    await writeSnapshot(store, 12, 3);
    await store.close();
    const found = await stored(path);
    assertEquals([found.baseIndex, found.entries.length], [12, 0]);
    assertSame(await stored(path), found);
  }));

Deno.test("open() drops a log that conflicts with the snapshot, and keeps one that agrees", () =>
  inDirectory(async (path) => {
    for (const term of [2, 3]) {
      const store = createFileLogStore(`${path}/${term}`, SMALL);
      await store.open(TEST_IDENTITY);
      await store.append({ hardState: HARD_STATE, entries: entries(1, 9, 2) });
      await writeSnapshot(store, 7, term);
      await store.close();
      const found = await stored(`${path}/${term}`);
      const wanted = term === 2 ? [0, 9] : [7, 0];
      assertEquals([found.baseIndex, found.entries.length], wanted);
    }
  }));

Deno.test("open() names the missing snapshot that the log begins after", () =>
  inDirectory(async (path) => {
    const store = createFileLogStore(path, SMALL);
    await store.open(TEST_IDENTITY);
    await store.append({ hardState: HARD_STATE, entries: entries(1, 9, 2) });
    await writeSnapshot(store, 7, 2);
    await store.compact(6, 2);
    await store.close();
    await Deno.remove(`${path}/${snapshotName(7, 2)}`);
    const error = await rejection(stored(path), CorruptLogError);
    assertEquals(error.file, `${path}/${snapshotName(6, 2)}`);
    assert(error.message.includes("no snapshot"), error.message);
  }));

Deno.test("append() takes entries larger than a segment", () =>
  inDirectory(async (path) => {
    const store = createFileLogStore(path, SMALL);
    const first = await store.open(TEST_IDENTITY);
    const list = [
      entry(1, 1),
      entry(2, 1, 3_000_000),
      entry(3, 1),
      entry(4, 1),
    ];
    for (const each of list) {
      await store.append({ hardState: null, entries: [each] });
    }
    await store.close();
    assertSame(await stored(path), { ...first, entries: list });
  }));

Deno.test("append() refuses an entry over the limit, and the store goes on", () =>
  inDirectory(async (path) => {
    const store = createFileLogStore(path, SMALL);
    await store.open(TEST_IDENTITY);
    const data = new Uint8Array(64 * 1024 * 1024 + 1);
    const large = { ...entry(1, 1), data };
    const work = store.append({ hardState: null, entries: [large] });
    await rejection(work, RangeError);
    await store.append({ hardState: null, entries: [entry(1, 1)] });
    await store.close();
    assertEquals((await stored(path)).entries.length, 1);
  }));

Deno.test("append() refuses what does not fit the log", () =>
  inDirectory(async (path) => {
    const store = createFileLogStore(path, SMALL);
    await store.open(TEST_IDENTITY);
    const gap = store.append({ hardState: null, entries: [entry(2, 1)] });
    await rejection(gap, InvariantError);
    const commit = store.append({
      hardState: { ...HARD_STATE, commit: 1 },
      entries: [],
    });
    await rejection(commit, InvariantError);
    await store.append({ hardState: HARD_STATE, entries: [] });
    for (const other of [{ term: 2 }, { votedFor: 1 }]) {
      const hardState = { ...HARD_STATE, ...other };
      const again = store.append({ hardState, entries: [] });
      await rejection(again, InvariantError);
    }
    await rejection(store.compact(1, 1), InvariantError);
    await store.close();
  }));

Deno.test("a snapshot is read in pieces, without its frame", () =>
  inDirectory(async (path) => {
    const store = createFileLogStore(path, SMALL);
    await store.open(TEST_IDENTITY);
    const size = 200_001;
    const writer = await store.beginSnapshot(snapshotOf(3, 1));
    const data = content(3, 1, size);
    for (const [from, to] of [[0, 1], [1, 65_536], [65_536, 190_000]]) {
      await writer.write(data.subarray(from, to));
    }
    await writer.write(data.subarray(190_000));
    const meta = await writer.commit();
    assertEquals(meta, { ...snapshotOf(3, 1), sizeBytes: size });
    for (const step of [7_777, 65_536, 131_072, 300_000]) {
      const read = new Uint8Array(size);
      let at = 0;
      while (at < size) {
        const piece = await store.readSnapshot(3, at, step);
        assertEquals(piece.length, Math.min(step, size - at));
        read.set(piece, at);
        at += piece.length;
      }
      assertEquals(read, data);
    }
    assertEquals((await store.readSnapshot(3, size, 10)).length, 0);
    await store.close();
    assertEquals((await stored(path)).snapshot, meta);
  }));

Deno.test("the newest two snapshots are kept, and an aborted one is not", () =>
  inDirectory(async (path) => {
    const store = createFileLogStore(path, SMALL);
    await store.open(TEST_IDENTITY);
    for (const index of [1, 2, 3]) await writeSnapshot(store, index, 1);
    const writer = await store.beginSnapshot(snapshotOf(4, 1));
    await writer.write(content(4, 1));
    await writer.abort();
    const kept = namesIn(path).filter((name) => !name.endsWith(".log"));
    assertEquals(kept, [snapshotName(2, 1), snapshotName(3, 1), "lock"]);
    await rejection(store.readSnapshot(1, 0, 1), SnapshotGoneError);
    assertEquals((await store.readSnapshot(2, 0, 9)).length, 9);
    await store.close();
  }));

Deno.test("open() removes what an interrupted snapshot left", () =>
  inDirectory(async (path) => {
    const store = createFileLogStore(path, SMALL);
    await store.open(TEST_IDENTITY);
    await store.close();
    await Deno.writeFile(`${path}/3.tmp`, content(1, 1));
    assertEquals((await stored(path)).snapshot, null);
    assert(!namesIn(path).includes("3.tmp"));
  }));

Deno.test("open() passes over a damaged snapshot with a warning when the log has all since the older", () =>
  inDirectory(async (path) => {
    const store = createFileLogStore(path, SMALL);
    await store.open(TEST_IDENTITY);
    await store.append({ hardState: HARD_STATE, entries: entries(1, 9, 2) });
    await writeSnapshot(store, 4, 2);
    await writeSnapshot(store, 7, 2);
    await store.compact(3, 2);
    await store.close();
    const newest = `${path}/${snapshotName(7, 2)}`;
    await flip(newest, (await Deno.stat(newest)).size >> 1);
    const warnings: string[] = [];
    const warn = (message: string): number => warnings.push(message);
    const found = await stored(path, { ...SMALL, warn });
    assertEquals(found.snapshot?.index, 4);
    assertEquals(found.entries.length, 6);
    assert(warnings[0]?.includes(newest), warnings[0]);
  }));

Deno.test("open() refuses a damaged snapshot that nothing replaces", () =>
  inDirectory(async (path) => {
    const store = createFileLogStore(path, SMALL);
    await store.open(TEST_IDENTITY);
    await store.append({ hardState: HARD_STATE, entries: entries(1, 9, 2) });
    await writeSnapshot(store, 7, 2);
    await store.compact(7, 2);
    await store.close();
    const newest = `${path}/${snapshotName(7, 2)}`;
    const bytes = await Deno.readFile(newest);
    for (const size of [0, 10, 100, bytes.length - 1]) {
      await Deno.writeFile(newest, bytes.subarray(0, size));
      const error = await rejection(stored(path), CorruptLogError);
      assertEquals(error.file, newest);
    }
    await Deno.writeFile(newest, bytes);
    assertEquals((await stored(path)).snapshot?.index, 7);
  }));

Deno.test("readSnapshot() never hands out damaged content", () =>
  inDirectory(async (path) => {
    const store = createFileLogStore(path, SMALL);
    await store.open(TEST_IDENTITY);
    await writeSnapshot(store, 3, 1, 200_000);
    await flip(`${path}/${snapshotName(3, 1)}`, 150_000);
    assertEquals((await store.readSnapshot(3, 0, 65_536)).length, 65_536);
    const damaged = store.readSnapshot(3, 131_072, 65_536);
    await rejection(damaged, CorruptLogError);
    await store.close();
  }));

Deno.test("snapshots are written and read while the log is appended to", () =>
  inDirectory(async (path) => {
    const store = createFileLogStore(path, SMALL);
    await store.open(TEST_IDENTITY);
    const write = async (index: number): Promise<void> => {
      await writeSnapshot(store, index, 1, 100_000);
      await store.readSnapshot(index, 0, 100_000);
    };
    const list = entries(1, 40, 1, 2000);
    const append = async (): Promise<void> => {
      for (const each of list) {
        await store.append({ hardState: null, entries: [each] });
      }
    };
    await Promise.all([append(), write(6), write(7)]);
    await store.close();
    const found = await stored(path);
    assertEquals(found.snapshot?.index, 7);
    assertEquals(found.entries.length, 40);
  }));

Deno.test("a snapshot that arrives while older ones are looked for is not removed", () =>
  inDirectory(async (path) => {
    const looking = Promise.withResolvers<void>();
    const goOn = Promise.withResolvers<void>();
    const files = denoFileSystem(path);
    let holdNext = false;
    const list = async (): Promise<string[]> => {
      if (holdNext) {
        holdNext = false;
        looking.resolve();
        await goOn.promise;
      }
      return await files.list();
    };
    const store = createFileLogStore(path, {
      ...SMALL,
      fileSystem: { ...files, list },
    });
    await store.open(TEST_IDENTITY);
    holdNext = true;
    const older = writeSnapshot(store, 6, 1);
    await looking.promise;
    await writeSnapshot(store, 7, 1);
    goOn.resolve();
    await older;
    await store.close();
    assertEquals((await stored(path)).snapshot?.index, 7);
  }));

Deno.test("open() refuses a snapshot of a newer version", () =>
  inDirectory(async (path) => {
    const store = createFileLogStore(path, SMALL);
    await store.open(TEST_IDENTITY);
    await writeSnapshot(store, 3, 1);
    await store.close();
    const name = `${path}/${snapshotName(3, 1)}`;
    const bytes = await Deno.readFile(name);
    const view = new DataView(bytes.buffer);
    view.setUint32(8, 2, true);
    const json = bytes.subarray(20, 20 + view.getUint32(12, true));
    view.setUint32(16, crc32(json, crc32(bytes.subarray(0, 16))), true);
    await Deno.writeFile(name, bytes);
    await rejection(stored(path), NewerFormatError);
  }));

Deno.test("createFileLogStore() refuses segments too small to use", () => {
  thrown(() => createFileLogStore("x", { segmentBytes: 100 }), RangeError);
});

Deno.test("close() waits for a snapshot that is being written, and leaves nothing of it", () =>
  inDirectory(async (path) => {
    const store = createFileLogStore(path, SMALL);
    await store.open(TEST_IDENTITY);
    await store.append({
      hardState: HARD_STATE,
      entries: entries(1, 5, 3, 10),
    });
    const writer = await store.beginSnapshot(snapshotOf(3, 3));
    const writing = writer.write(content(3, 3, 100_000));
    const beginning = store.beginSnapshot(snapshotOf(4, 3));

    await store.close();

    await writing;
    await beginning;
    const names = namesIn(path);
    assertEquals(names.filter((name) => /tmp|part|new|snap/.test(name)), []);
    assertEquals((await stored(path)).snapshot, null);
  }));
