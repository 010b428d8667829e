import type { SnapshotWriter } from "../ports.ts";

/**
 * What is being written and read beside the log. A store must not let go of its lock before all of it
 * has ended: a snapshot that is renamed into place later would meet the directory's next owner.
 */
export interface SnapshotWork {
  readonly running: Set<Promise<unknown>>;
  readonly writers: Set<SnapshotWriter>;
}

/** Makes an empty book of work. */
export function createSnapshotWork(): SnapshotWork {
  return { running: new Set(), writers: new Set() };
}

/** Counts something as under way until it has ended. */
export async function track<T>(
  { running }: SnapshotWork,
  promise: Promise<T>,
): Promise<T> {
  running.add(promise);
  try {
    return await promise;
  } finally {
    running.delete(promise);
  }
}

/** Counts a writer as open until it was committed or dropped. */
export function trackWriter(
  work: SnapshotWork,
  writer: SnapshotWriter,
): SnapshotWriter {
  work.writers.add(writer);
  const end = async <T>(promise: Promise<T>): Promise<T> => {
    try {
      return await track(work, promise);
    } finally {
      work.writers.delete(writer);
    }
  };
  return {
    write: (data) => track(work, writer.write(data)),
    commit: () => end(writer.commit()),
    abort: () => end(writer.abort()),
  };
}

/** Waits for what is under way, and drops what nobody will finish. */
export async function endSnapshotWork(work: SnapshotWork): Promise<void> {
  while (work.running.size > 0) await Promise.allSettled(work.running);
  const left = [...work.writers];
  work.writers.clear();
  // What can't be removed now is removed at the next start.
  await Promise.allSettled(left.map((writer) => writer.abort()));
}
