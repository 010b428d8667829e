import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { crc32 } from "node:zlib";
import { present } from "../../base/mod.ts";
import {
  CorruptLogError,
  createFileLogStore,
  ForeignStoreError,
  FORMAT_VERSION,
  NewerFormatError,
  SEGMENT_HEADER_BYTES,
  StoreLockedError,
} from "../file/mod.ts";
import { createKvMachine } from "../machines/mod.ts";
import { createMemoryNetwork } from "../memory/mod.ts";
import type { RaftLogStore } from "../ports.ts";
import { createRaftServer } from "./server.ts";
import {
  fileStores,
  has,
  inDirectory,
  keysOf,
  leaderOf,
  putAll,
  raftError,
  restart,
  stopAll,
  type TestGroup,
  until,
  withGroup,
} from "./group_test_kit.ts";
import type { RaftServer } from "./types.ts";

const KEYS = keysOf("k", 40);

/** Runs with a group of one that was stopped after it had acknowledged {@linkcode KEYS}. */
async function withStoppedNode(
  run: (group: TestGroup, directory: string) => Promise<void>,
): Promise<void> {
  await inDirectory(async (path) => {
    await withGroup({ size: 1, storeOf: fileStores(path) }, async (group) => {
      await putAll(await leaderOf(group), KEYS);
      await stopAll(group);
      await run(group, `${path}/1`);
    });
  });
}

/** The acknowledged keys are there once the node runs. */
async function assertNothingLost(group: TestGroup): Promise<void> {
  const node = await restart(group, 1);
  await until(
    group,
    "every key",
    () => KEYS.every((key) => has(node, key)),
  );
}

async function firstSegment(directory: string): Promise<string> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(directory)) {
    if (name.endsWith(".log")) names.push(name);
  }
  return `${directory}/${present(names.sort()[0], "a segment")}`;
}

/** Changes a file for as long as `run` takes, which must leave it as it finds it. */
async function withChange(
  file: string,
  change: (bytes: Uint8Array) => void,
  run: () => Promise<void>,
): Promise<void> {
  const original = await Deno.readFile(file);
  const changed = original.slice();
  change(changed);
  await Deno.writeFile(file, changed);
  await run();
  assertEquals(crc32(await Deno.readFile(file)), crc32(changed));
  await Deno.writeFile(file, original);
}

function serverOn(store: RaftLogStore, clusterId = "test", id = 1): RaftServer {
  return createRaftServer({
    id,
    cluster: { clusterId },
    stateMachine: createKvMachine(),
    store,
    transport: createMemoryNetwork().transport(id),
  });
}

Deno.test("a node with a corrupt log does not start, names file and byte, and changes nothing", async () => {
  await withStoppedNode(async (group, directory) => {
    const file = await firstSegment(directory);
    const at = SEGMENT_HEADER_BYTES + 300;
    const flip = (bytes: Uint8Array): void => {
      bytes[at] = (bytes[at] ?? 0) ^ 0x10;
    };

    await withChange(file, flip, async () => {
      const server = serverOn(createFileLogStore(directory));
      const error = await assertRejects(() => server.start(), CorruptLogError);
      assertEquals(error.file, file);
      assert(error.offset <= at);
      assertMatch(error.message, /damaged at byte \d+: .* restore the file/);
      await server.stop();
    });

    await assertNothingLost(group);
  });
});

Deno.test("a node does not start on another cluster's or another node's log, and leaves it alone", async () => {
  await withStoppedNode(async (group, directory) => {
    for (const [clusterId, id] of [["other", 1], ["test", 2]] as const) {
      const server = serverOn(createFileLogStore(directory), clusterId, id);
      const error = await assertRejects(
        () => server.start(),
        ForeignStoreError,
      );
      assertMatch(error.message, /"test"|node 1/);
      await server.stop();
    }
    await assertNothingLost(group);
  });
});

Deno.test("a node does not start on a log of a newer format, and leaves it alone", async () => {
  await withStoppedNode(async (group, directory) => {
    const file = await firstSegment(directory);
    const crcAt = SEGMENT_HEADER_BYTES - 8;
    const renew = (bytes: Uint8Array): void => {
      const view = new DataView(bytes.buffer);
      view.setUint32(8, FORMAT_VERSION + 1, true);
      view.setUint32(crcAt, crc32(bytes.subarray(0, crcAt)), true);
    };

    await withChange(file, renew, async () => {
      const server = serverOn(createFileLogStore(directory));
      const error = await assertRejects(() => server.start(), NewerFormatError);
      assertMatch(error.message, /start a newer/);
      await server.stop();
    });

    await assertNothingLost(group);
  });
});

Deno.test("a node does not start on a directory that another one uses", async () => {
  await inDirectory(async (path) => {
    await withGroup({ size: 1, storeOf: fileStores(path) }, async (group) => {
      const leader = await leaderOf(group);
      const server = serverOn(createFileLogStore(`${path}/1`));
      await assertRejects(() => server.start(), StoreLockedError);
      await server.stop();
      await putAll(leader, ["after"]);
    });
  });
});

Deno.test("a store that fails ends the node, and every call with it", async () => {
  const failing = { now: false };
  const storeOf = (path: string) => (id: number): RaftLogStore => {
    const store = createFileLogStore(`${path}/${id}`);
    return {
      ...store,
      append: async (batch) => {
        if (failing.now) throw new Error("The disk is gone");
        await store.append(batch);
      },
    };
  };
  await inDirectory(async (path) => {
    await withGroup({ size: 1, storeOf: storeOf(path) }, async (group) => {
      const leader = await leaderOf(group);
      await putAll(leader, KEYS);
      failing.now = true;

      const lost = await raftError(putAll(leader, ["lost"]));

      assertEquals(lost.code, "storage_failed");
      assertMatch(lost.message, /The disk is gone/);
      assertEquals(await leader.server.stopped, lost);
      failing.now = false;
      await assertNothingLost(group);
    });
  });
});
