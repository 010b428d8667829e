import type { Entry, SnapshotMeta } from "../core/mod.ts";
import type { LogIdentity, RaftLogStore } from "../ports.ts";

/** Whose stores the tests make. */
export const TEST_IDENTITY: LogIdentity = {
  clusterId: "test",
  nodeId: 1,
  incarnation: 77,
};

/** Makes content that tells index and term, so that a mix-up shows. */
export function content(index: number, term: number, size = 40): Uint8Array {
  const data = new Uint8Array(size);
  for (let at = 0; at < size; at++) data[at] = index * 31 + term * 7 + at;
  return data;
}

/** Makes an entry. */
export function entry(index: number, term: number, size = 40): Entry {
  return { index, term, kind: "command", data: content(index, term, size) };
}

/** Makes entries of one term. */
export function entries(
  first: number,
  last: number,
  term: number,
  size = 40,
): Entry[] {
  const made: Entry[] = [];
  for (let at = first; at <= last; at++) made.push(entry(at, term, size));
  return made;
}

/** Makes what a snapshot is begun with. */
export function snapshotOf(
  index: number,
  term: number,
): Omit<SnapshotMeta, "sizeBytes"> {
  return {
    index,
    term,
    configuration: { members: [], leaseReads: false },
    configurationIndex: 0,
  };
}

/** Writes a snapshot whose content tells its index. */
export async function writeSnapshot(
  store: RaftLogStore,
  index: number,
  term: number,
  size = 700,
): Promise<SnapshotMeta> {
  const writer = await store.beginSnapshot(snapshotOf(index, term));
  const data = content(index, term, size);
  await writer.write(data.subarray(0, size >> 1));
  await writer.write(data.subarray(size >> 1));
  return await writer.commit();
}

/** Returns the error that a promise rejects with. */
export async function rejection<E extends Error>(
  work: Promise<unknown>,
  kind: new (...args: never[]) => E,
): Promise<E> {
  try {
    await work;
  } catch (error) {
    if (error instanceof kind) return error;
    throw error;
  }
  throw new Error(`${kind.name} was expected`);
}

/** Returns the error that a function throws. */
export function thrown<E extends Error>(
  run: () => unknown,
  kind: new (...args: never[]) => E,
): E {
  try {
    run();
  } catch (error) {
    if (error instanceof kind) return error;
    throw error;
  }
  throw new Error(`${kind.name} was expected`);
}

/** Runs a test in a directory that is removed afterwards. */
export async function inDirectory(
  run: (path: string) => Promise<void>,
): Promise<void> {
  const path = await Deno.makeTempDir();
  try {
    await run(path);
  } finally {
    await Deno.remove(path, { recursive: true });
  }
}
