import { invariant, present } from "../../base/mod.ts";
import type { Index } from "../core/mod.ts";
import type { RaftLogStore } from "../ports.ts";
import { denoFileSystem } from "./deno_file_system.ts";
import type { FileSystem } from "./file_system.ts";
import {
  createSnapshotWork,
  endSnapshotWork,
  track,
  trackWriter,
} from "./snapshot_work.ts";
import { appendBatch, closeLog, compactLog, resetLog } from "./log_writer.ts";
import { type OpenStore, openStore, type StoreSettings } from "./opening.ts";
import {
  readFromShelf,
  type SnapshotShelf,
  writeToShelf,
} from "./snapshot_shelf.ts";

const DEFAULT_SEGMENT_BYTES = 16 * 1024 * 1024;
const MIN_SEGMENT_BYTES = 8 * 1024;

/** How a store in files is made. */
export interface FileLogStoreOptions {
  /**
   * The size of a segment; a batch that is larger gets a larger one. The disk holds one segment more
   * than the log needs.
   *
   * @default {16777216}
   */
  readonly segmentBytes?: number;
  /**
   * Is told of what was repaired or passed over: a torn tail that was cut, a damaged snapshot, a
   * segment that cannot be made ahead.
   *
   * @default {nothing is told}
   */
  readonly warn?: (message: string) => void;
  /**
   * The directory's files.
   *
   * @default {those of this machine, at `path`}
   */
  readonly fileSystem?: FileSystem;
}

/**
 * Makes a store that keeps a node's log, hard state and snapshots in a directory.
 *
 * Errors that callers tell apart: `CorruptLogError`, `ForeignStoreError`, `NewerFormatError` and
 * `StoreLockedError` from `open`; `StorageFailedError` from anything that changes the log, after
 * which it takes no more; `DiskFullError`, after which it goes on; `SnapshotGoneError` from
 * `readSnapshot`.
 *
 * @param path The directory; it is made when it does not exist.
 * @param options Sizes and what to tell.
 * @returns The store, not yet open.
 *
 * @example Usage
 * ```ts
 * import { createFileLogStore } from "./store.ts";
 *
 * const path = await Deno.makeTempDir();
 * const store = createFileLogStore(path);
 * await store.open({ clusterId: "c", nodeId: 1, incarnation: 7 });
 * const data = new TextEncoder().encode("hello");
 * await store.append({
 *   hardState: { term: 1, votedFor: 1, commit: 0 },
 *   entries: [{ index: 1, term: 1, kind: "command", data }],
 * });
 * await store.close();
 * await Deno.remove(path, { recursive: true });
 * ```
 */
export function createFileLogStore(
  path: string,
  options: FileLogStoreOptions = {},
): RaftLogStore {
  const segmentBytes = options.segmentBytes ?? DEFAULT_SEGMENT_BYTES;
  if (!(segmentBytes >= MIN_SEGMENT_BYTES)) {
    throw new RangeError(
      `Segments of ${segmentBytes} bytes are too small: choose ${MIN_SEGMENT_BYTES} or more`,
    );
  }
  const settings: StoreSettings = {
    directory: path,
    files: options.fileSystem ?? denoFileSystem(path),
    segmentBytes,
    warn: options.warn ?? (() => {}),
  };
  let open: OpenStore | null = null;
  const work = createSnapshotWork();
  const opened = (): OpenStore => present(open, "open store");
  return {
    open: async (identity) => {
      invariant(open === null, "the store is open already");
      const { store, stored } = await openStore(settings, identity);
      open = store;
      return stored;
    },
    append: async (batch) => await appendBatch(opened().log, batch),
    compact: async (index, term) => {
      const { log, shelf } = opened();
      requireSnapshot(shelf, index);
      await compactLog(log, { index, term });
    },
    reset: async (index, term) => {
      const { log, shelf } = opened();
      requireSnapshot(shelf, index);
      await resetLog(log, { index, term });
    },
    beginSnapshot: async (meta) => {
      const begun = writeToShelf(opened().shelf, meta)
        .then((writer) => trackWriter(work, writer));
      return await track(work, begun);
    },
    readSnapshot: async (index, offset, maxBytes) =>
      await track(
        work,
        readFromShelf(opened().shelf, index, offset, maxBytes),
      ),
    close: async () => {
      if (open === null) return;
      const { log, lock } = open;
      open = null;
      try {
        await endSnapshotWork(work);
        await closeLog(log);
      } finally {
        lock.release();
      }
    },
  };
}

/** Entries may go only once a durable snapshot has what they did. */
function requireSnapshot(shelf: SnapshotShelf, index: Index): void {
  const newest = shelf.kept[0]?.meta.index ?? 0;
  invariant(index <= newest, `no snapshot reaches ${index}, only ${newest}`);
}
