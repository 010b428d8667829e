import { present } from "../../base/mod.ts";
import type {
  Entry,
  HardState,
  Index,
  PersistBatch,
  Term,
} from "../core/mod.ts";
import type { LogBatch } from "../ports.ts";
import type { DriverPorts } from "./ports.ts";

/** Something to be written, after all that was queued before. */
export type Write =
  | {
    readonly kind: "append";
    /** Batches that become one write. */
    readonly batches: PersistBatch[];
    readonly queuedAtMs: number;
  }
  | { readonly kind: "compact"; readonly index: Index; readonly term: Term }
  | {
    readonly kind: "reset";
    readonly index: Index;
    readonly term: Term;
    readonly done: () => void;
  };

/** What is on its way to disk: one write at a time, in order. */
export interface Persister {
  readonly queue: Write[];
  busy: boolean;
}

/** Makes a persister with nothing to do. */
export function createPersister(): Persister {
  return { queue: [], busy: false };
}

/** Queues a batch; those that wait for an earlier write share one. */
export function enqueueBatch(
  persister: Persister,
  batch: PersistBatch,
  nowMs: number,
): void {
  const { queue, busy } = persister;
  const last = queue[queue.length - 1];
  const waits = queue.length > (busy ? 1 : 0);
  if (last?.kind === "append" && waits) last.batches.push(batch);
  else queue.push({ kind: "append", batches: [batch], queuedAtMs: nowMs });
}

/** Starts the next write, if none is under way. */
export function writeNext(
  persister: Persister,
  ports: DriverPorts,
  persisted: (seq: number) => void,
): void {
  const write = persister.queue[0];
  if (persister.busy || !write) return;
  persister.busy = true;
  perform(ports, write, (error) => {
    persister.busy = false;
    if (error) {
      ports.fail(error);
      return;
    }
    persister.queue.shift();
    if (write.kind === "reset") write.done();
    if (write.kind === "append") {
      observe(ports, write);
      persisted(present(write.batches.at(-1), "the last batch").seq);
    }
    writeNext(persister, ports, persisted);
  });
}

function perform(
  ports: DriverPorts,
  write: Write,
  done: (error: Error | null) => void,
): void {
  switch (write.kind) {
    case "append":
      return ports.disk.append(join(write.batches), done);
    case "compact":
      return ports.disk.compact(write.index, write.term, done);
    case "reset":
      return ports.disk.reset(write.index, write.term, done);
  }
}

/** Makes one batch of several: a later entry replaces an earlier one and what followed that. */
function join(batches: readonly PersistBatch[]): LogBatch {
  const [only] = batches;
  if (only && batches.length === 1) return only;
  let hardState: HardState | null = null;
  const entries: Entry[] = [];
  for (const batch of batches) {
    hardState = batch.hardState ?? hardState;
    const from = batch.entries[0]?.index;
    const start = entries[0]?.index;
    if (from !== undefined && start !== undefined) {
      entries.length = Math.min(entries.length, Math.max(0, from - start));
    }
    for (const entry of batch.entries) entries.push(entry);
  }
  return { hardState, entries };
}

function observe(
  ports: DriverPorts,
  write: Extract<Write, { kind: "append" }>,
): void {
  let entries = 0;
  for (const batch of write.batches) entries += batch.entries.length;
  ports.observer.persisted?.(entries, ports.nowMs() - write.queuedAtMs);
}
