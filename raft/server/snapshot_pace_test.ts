import { assertEquals, assertGreater } from "@std/assert";
import { createMemoryLogStore } from "../memory/mod.ts";
import type { RaftLogStore } from "../ports.ts";
import { leaderOf, putAll, until, withGroup } from "./group_test_kit.ts";

/** Counts the pieces of snapshots, and those that came in the same turn of the event loop as another. */
interface Pace {
  pieces: number;
  crowded: number;
  taken: boolean;
}

/** More than what follows upon a piece takes. */
const HOPS = 1000;

/** Resolves late in this turn of the event loop, before anything else gets one. */
async function endOfTurn(): Promise<void> {
  for (let hop = 0; hop < HOPS; hop++) await null;
}

/** A store that takes a piece at once, as one does that writes into the kernel's cache. */
function watchedStore(pace: Pace): RaftLogStore {
  const store = createMemoryLogStore();
  const note = (): void => {
    pace.pieces += 1;
    if (pace.taken) pace.crowded += 1;
    pace.taken = true;
    endOfTurn().then(() => pace.taken = false);
  };
  return {
    ...store,
    beginSnapshot: async (meta) => {
      const writer = await store.beginSnapshot(meta);
      return {
        ...writer,
        write: (data) => {
          note();
          return writer.write(data);
        },
      };
    },
  };
}

Deno.test("taking a snapshot lets others run between its pieces", async () => {
  const pace: Pace = { pieces: 0, crowded: 0, taken: false };
  const storeOf = (): RaftLogStore => watchedStore(pace);
  await withGroup({ size: 1, storeOf }, async (group) => {
    const node = await leaderOf(group);
    const value = "v".repeat(1000);
    await putAll(node, Array.from({ length: 300 }, (_, n) => `${n}${value}`));
    const { snapshotIndex } = node.server.status();
    node.server.takeSnapshot();
    await until(
      group,
      "a snapshot",
      () => node.server.status().snapshotIndex > snapshotIndex,
    );
    assertGreater(pace.pieces, 2);
    assertEquals(pace.crowded, 0);
  });
});
