import { createSlab } from "../../base/mod.ts";
import type { Entry } from "../../raft/core/mod.ts";
import { encodeOperation } from "../../raft/driver/mod.ts";
import { createFileLogStore } from "../../raft/file/mod.ts";

declare const gc: (() => void) | undefined;

function usedBytes(): number {
  if (typeof gc === "undefined") {
    throw new Error("Run with --v8-flags=--expose-gc, as the task does");
  }
  gc();
  gc();
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}

/** What stays in memory of what `make` returns, in bytes. */
async function heldBytes(
  make: () => readonly Entry[] | Promise<readonly Entry[]>,
): Promise<number> {
  const before = usedBytes();
  const entries = await make();
  const held = usedBytes() - before;
  if (entries.length === 0) throw new Error("Nothing was made");
  return held;
}

/** The memory of entries that were proposed here. */
export async function proposedBytes(
  count: number,
  dataBytes: number,
): Promise<number> {
  const operation = {
    kind: "custom",
    data: new Uint8Array(dataBytes),
  } as const;
  const slab = createSlab();
  return await heldBytes(() =>
    Array.from({ length: count }, (_, at): Entry => {
      const id = { session: 1, sequence: at, ackedBelow: at };
      const data = encodeOperation(id, operation, slab);
      return { index: at + 1, term: 1, kind: "command", data };
    })
  );
}

/** The memory of entries that were read from disk. */
export async function recoveredBytes(directory: string): Promise<number> {
  const store = createFileLogStore(directory);
  const identity = { clusterId: "bench", nodeId: 1, incarnation: 1 };
  const held = await heldBytes(async () =>
    (await store.open(identity)).entries
  );
  await store.close();
  return held;
}
