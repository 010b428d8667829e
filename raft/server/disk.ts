import { messageOf } from "../../base/mod.ts";
import type { Disk, DiskSnapshotWriter } from "../driver/mod.ts";
import type { RaftLogStore, SnapshotWriter } from "../ports.ts";

/** How long a store is given to find room again before it is asked once more. */
export const DISK_FULL_RETRY_MS = 200;

/**
 * How long the next piece of a snapshot waits. All members take theirs at about the same time, and making
 * a piece keeps a core busy for most of a millisecond: back to back, puts would wait for all of them.
 */
export const PIECE_PAUSE_MS = 3;

/** What a disk needs beside the store. */
export interface DiskOptions {
  /** Whether a failed append left the store as it was, so that it may be tried again later. */
  readonly isFull: (error: unknown) => boolean;
  /** Waits; ends early when the node stops. */
  readonly pause: (ms: number) => Promise<void>;
  /** Whether the node has stopped: then nobody is called any more. */
  readonly isStopped: () => boolean;
  /** Called once when room runs out, and once when it is back. */
  readonly fullness: (full: boolean) => void;
  /** An answer threw: the node can't go on. */
  readonly fail: (error: Error) => void;
}

/** Lets a driver use a store that answers by promises. */
export function diskOf(store: RaftLogStore, options: DiskOptions): Disk {
  const answer = <T>(
    promise: Promise<T>,
    done: (result: T | Error) => void,
  ): void => {
    promise.then(
      (value) => deliver(options, () => done(value)),
      (error) => deliver(options, () => done(asError(error))),
    );
  };
  const finish = (
    promise: Promise<void>,
    done: (error: Error | null) => void,
  ): void => answer(promise, (result) => done(result ?? null));
  return {
    append: (batch, done) =>
      finish(whenThereIsRoom(options, () => store.append(batch)), done),
    compact: (index, term, done) => finish(store.compact(index, term), done),
    reset: (index, term, done) =>
      finish(whenThereIsRoom(options, () => store.reset(index, term)), done),
    beginSnapshot: (meta, done) =>
      answer(
        store.beginSnapshot(meta).then((writer) => writerOf(writer, finish)),
        done,
      ),
    readSnapshot: (index, offset, maxBytes, done) =>
      answer(store.readSnapshot(index, offset, maxBytes), done),
  };

  function writerOf(
    writer: SnapshotWriter,
    finishWrite: typeof finish,
  ): DiskSnapshotWriter {
    return {
      write: (data, done) =>
        finishWrite(
          writer.write(data).then(() => options.pause(PIECE_PAUSE_MS)),
          done,
        ),
      commit: (done) => answer(writer.commit(), done),
      abort: () => finishWrite(writer.abort(), () => {}),
    };
  }
}

/** A full disk is no end: writes wait, leadership goes elsewhere, and they go on when there is room. */
async function whenThereIsRoom(
  options: DiskOptions,
  write: () => Promise<void>,
): Promise<void> {
  let full = false;
  while (true) {
    try {
      await write();
      if (full) options.fullness(false);
      return;
    } catch (error) {
      if (!options.isFull(error) || options.isStopped()) throw error;
    }
    if (!full) options.fullness(true);
    full = true;
    await options.pause(DISK_FULL_RETRY_MS);
  }
}

function deliver(options: DiskOptions, run: () => void): void {
  if (options.isStopped()) return;
  try {
    run();
  } catch (error) {
    options.fail(asError(error));
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(messageOf(error));
}
