import { assert, assertEquals } from "@std/assert";
import { seededRandom } from "../../base/mod.ts";
import { DiskFullError } from "./errors.ts";
import {
  createMemoryFileSystem,
  type MemoryFileSystem,
} from "./memory_file_system.ts";
import { content, rejection } from "./test_support.ts";

async function withFile(data: Uint8Array): Promise<MemoryFileSystem> {
  const files = createMemoryFileSystem();
  const file = await files.create("a");
  await file.write(0, data);
  await file.syncData();
  await files.syncDirectory();
  return files;
}

Deno.test("a crash loses, keeps or tears what was not synced, as planned", async () => {
  const old = content(1, 1, 2048);
  const files = await withFile(old);
  const file = await files.open("a");
  const fresh = content(2, 9, 2048);
  await file.write(0, fresh);
  const after = (
    writes: "lost" | "kept" | "prefix" | "sectors",
    seed: number,
  ): Uint8Array =>
    files.crash({ writes, names: "kept" }, seededRandom(seed)).content("a");
  assertEquals(after("lost", 1), old);
  assertEquals(after("kept", 1), fresh);
  for (let seed = 0; seed < 20; seed++) {
    const prefix = after("prefix", seed);
    const cut = prefix.findIndex((byte, at) => byte !== fresh[at]);
    const rest = cut < 0 ? prefix.length : cut;
    assertEquals(prefix.subarray(rest), old.subarray(rest));
    const sectors = after("sectors", seed);
    for (let at = 0; at < 2048; at += 512) {
      const sector = [...sectors.subarray(at, at + 512)].join();
      const known = [old, fresh].some((each) =>
        [...each.subarray(at, at + 512)].join() === sector
      );
      assert(known, `sector at ${at} is neither old nor new`);
    }
  }
});

Deno.test("a crash forgets names that were not synced", async () => {
  const files = await withFile(content(1, 1));
  await files.rename("a", "b");
  await files.create("c");
  const after = async (names: "lost" | "kept"): Promise<string[]> =>
    await files.crash({ writes: "kept", names }, seededRandom(1)).list();
  assertEquals(await after("lost"), ["a"]);
  assertEquals(await after("kept"), ["b", "c"]);
  await files.syncDirectory();
  assertEquals(await after("lost"), ["b", "c"]);
});

Deno.test("after a failed sync no later sync makes the data durable", async () => {
  let fail = true;
  const files = createMemoryFileSystem({
    before: ({ kind }) => {
      if (kind === "sync" && fail) throw new Error("Planted");
    },
  });
  const file = await files.create("a");
  await files.syncDirectory();
  await file.write(0, content(1, 1, 8));
  await rejection(file.syncData(), Error);
  fail = false;
  await file.syncData();
  assertEquals(files.content("a").length, 8);
  const lost = { writes: "kept", names: "kept" } as const;
  assertEquals(files.crash(lost, seededRandom(1)).content("a").length, 0);
});

Deno.test("a full disk refuses growth and takes overwrites", async () => {
  const files = await withFile(content(1, 1, 100));
  files.setCapacity(150);
  const file = await files.open("a");
  await file.write(0, content(2, 2, 100));
  await rejection(file.write(100, content(1, 1, 100)), DiskFullError);
  await file.write(100, content(1, 1, 50));
});

Deno.test("a fork shares nothing", async () => {
  const files = await withFile(content(1, 1, 100));
  const copy = files.fork();
  files.flipBit("a", 3, 0);
  assertEquals(copy.content("a"), content(1, 1, 100));
  assert(files.content("a")[3] !== copy.content("a")[3]);
});
