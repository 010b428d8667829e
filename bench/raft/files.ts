import { join } from "node:path";
import { createFileLogStore } from "../../raft/file/mod.ts";
import {
  createCounterMachine,
  encodeCounterOperation,
} from "../../raft/machines/mod.ts";
import {
  createMemoryNetwork,
  createRaftServer,
  type Entry,
  foundCluster,
  type RaftOperation,
  type RaftServer,
} from "../../raft/mod.ts";

/** A file that is overwritten, so that a sync need not write its length as well. */
const RAW_FILE_BYTES = 1 << 20;
const RAW_WRITE_BYTES = 4096;

const OPERATION: RaftOperation = {
  kind: "custom",
  data: encodeCounterOperation({ type: "increment", by: 1 }),
};

/** Runs in a new directory, under `parent` where it is given, that goes away afterwards. */
export async function inDirectory(
  parent: string | undefined,
  run: (path: string) => Promise<void>,
): Promise<void> {
  const prefix = "pgraft-bench-";
  const path = await Deno.makeTempDir(
    parent === undefined ? { prefix } : { prefix, dir: parent },
  );
  try {
    await run(path);
  } finally {
    await Deno.remove(path, { recursive: true });
  }
}

/** Writes and syncs one page after the other, as a log does at its best; returns how many a second. */
export async function rawSyncsPerSecond(
  directory: string,
  durationMs: number,
): Promise<number> {
  const path = join(directory, "raw");
  using file = await Deno.open(path, { write: true, create: true });
  await file.write(new Uint8Array(RAW_FILE_BYTES));
  await file.sync();
  const page = new Uint8Array(RAW_WRITE_BYTES).fill(7);
  const startMs = performance.now();
  let syncs = 0;
  while (performance.now() - startMs < durationMs) {
    await file.seek(syncs * RAW_WRITE_BYTES % RAW_FILE_BYTES, 0);
    await file.write(page);
    await file.syncData();
    syncs++;
  }
  return syncs / (performance.now() - startMs) * 1000;
}

/** A group of one over files: what it can take is what its disk can. */
export async function startLoneNode(directory: string): Promise<RaftServer> {
  const server = createRaftServer({
    id: 1,
    cluster: { clusterId: "bench", snapshotDistance: 0 },
    stateMachine: createCounterMachine(),
    store: createFileLogStore(directory),
    transport: createMemoryNetwork().transport(1),
  });
  await foundCluster(new Map([[1, server]]));
  server.forceElection();
  await server.proposeOperation(OPERATION);
  return server;
}

/** Keeps a number of proposals under way; returns how many were acknowledged a second. */
export async function proposalsPerSecond(
  server: RaftServer,
  concurrent: number,
  durationMs: number,
): Promise<number> {
  const startMs = performance.now();
  let done = 0;
  const proposer = async (): Promise<void> => {
    while (performance.now() - startMs < durationMs) {
      await server.proposeOperation(OPERATION);
      done++;
    }
  };
  await Promise.all(Array.from({ length: concurrent }, proposer));
  return done / (performance.now() - startMs) * 1000;
}

/** Writes a log of entries that all nodes have committed. */
export async function writeLog(
  directory: string,
  first: Entry,
  entries: number,
  data: (index: number) => Uint8Array,
): Promise<void> {
  const store = createFileLogStore(directory);
  await store.open({ clusterId: "bench", nodeId: 1, incarnation: 1 });
  const batchEntries = 500;
  for (let from = 1; from <= entries; from += batchEntries) {
    const batch: Entry[] = [];
    for (let at = from; at < from + batchEntries && at <= entries; at++) {
      batch.push(
        at === 1
          ? first
          : { index: at, term: 1, kind: "command", data: data(at) },
      );
    }
    const commit = from + batch.length - 1;
    const hardState = { term: 1, votedFor: 0, commit };
    await store.append({ hardState, entries: batch });
  }
  await store.close();
}
