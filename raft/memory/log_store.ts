import { invariant } from "../../base/mod.ts";
import type {
  Entry,
  HardState,
  Index,
  SnapshotMeta,
  Term,
} from "../core/mod.ts";
import { RaftError } from "../errors.ts";
import type {
  LogBatch,
  LogIdentity,
  RaftLogStore,
  SnapshotWriter,
  StoredLog,
} from "../ports.ts";

/** How many snapshots are kept: the newest, and the one that may still be on its way to a member. */
const KEPT_SNAPSHOTS = 2;

interface Stored {
  identity: LogIdentity | null;
  hardState: HardState;
  baseIndex: Index;
  baseTerm: Term;
  readonly entries: Entry[];
  snapshots: { readonly meta: SnapshotMeta; readonly bytes: Uint8Array }[];
}

/**
 * Makes a log store that lives as long as the object: for tests and examples. Closing it keeps what it
 * holds, so a node can be started on it again.
 *
 * @returns The store, empty.
 *
 * @example Usage
 * ```ts
 * import { createMemoryLogStore } from "./log_store.ts";
 *
 * const store = createMemoryLogStore();
 * const identity = { clusterId: "example", nodeId: 1, incarnation: 7 };
 * const { entries } = await store.open(identity);
 * if (entries.length > 0) throw new Error("A new store is empty");
 * ```
 */
export function createMemoryLogStore(): RaftLogStore {
  const stored: Stored = {
    identity: null,
    hardState: { term: 0, votedFor: 0, commit: 0 },
    baseIndex: 0,
    baseTerm: 0,
    entries: [],
    snapshots: [],
  };
  return {
    open: async (identity) => await Promise.resolve(open(stored, identity)),
    append: async (batch) => await Promise.resolve(append(stored, batch)),
    compact: async (index, term) =>
      await Promise.resolve(compact(stored, index, term)),
    reset: async (index, term) =>
      await Promise.resolve(reset(stored, index, term)),
    beginSnapshot: (meta) => Promise.resolve(writeSnapshot(stored, meta)),
    readSnapshot: (index, offset, maxBytes) => {
      const found = stored.snapshots.find(({ meta }) => meta.index === index);
      if (!found) return Promise.reject(new Error(`No snapshot at ${index}`));
      return Promise.resolve(found.bytes.slice(offset, offset + maxBytes));
    },
    close: () => Promise.resolve(),
  };
}

function open(stored: Stored, identity: LogIdentity): StoredLog {
  stored.identity ??= identity;
  const { clusterId, nodeId } = stored.identity;
  if (clusterId !== identity.clusterId || nodeId !== identity.nodeId) {
    const message = `The store is that of node ${nodeId} of "${clusterId}"; ` +
      "give each node a store of its own";
    throw new RaftError("bad_call", message);
  }
  const { hardState, baseIndex, baseTerm, entries } = stored;
  return {
    identity: stored.identity,
    hardState,
    snapshot: stored.snapshots.at(-1)?.meta ?? null,
    baseIndex,
    baseTerm,
    entries: [...entries],
  };
}

function append(stored: Stored, { hardState, entries }: LogBatch): void {
  const [first] = entries;
  if (first) {
    const keep = first.index - stored.baseIndex - 1;
    invariant(
      keep >= 0 && keep <= stored.entries.length,
      `entry ${first.index} leaves a gap in the store`,
    );
    stored.entries.length = keep;
    for (const entry of entries) stored.entries.push(entry);
  }
  if (hardState) stored.hardState = hardState;
}

function compact(stored: Stored, index: Index, term: Term): void {
  if (index <= stored.baseIndex) return;
  stored.entries.splice(0, index - stored.baseIndex);
  stored.baseIndex = index;
  stored.baseTerm = term;
}

function reset(stored: Stored, index: Index, term: Term): void {
  stored.entries.length = 0;
  stored.baseIndex = index;
  stored.baseTerm = term;
}

function writeSnapshot(
  stored: Stored,
  meta: Omit<SnapshotMeta, "sizeBytes">,
): SnapshotWriter {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  return {
    write(data): Promise<void> {
      pieces.push(data.slice());
      return Promise.resolve();
    },
    async commit(): Promise<SnapshotMeta> {
      const bytes = await new Blob(pieces).bytes();
      const complete = { ...meta, sizeBytes: bytes.length };
      const others = stored.snapshots.filter((snapshot) =>
        snapshot.meta.index !== meta.index
      );
      stored.snapshots = [...others, { meta: complete, bytes }]
        .sort((a, b) => a.meta.index - b.meta.index)
        .slice(-KEPT_SNAPSHOTS);
      return complete;
    },
    abort(): Promise<void> {
      pieces.length = 0;
      return Promise.resolve();
    },
  };
}
