import { compactConfigurations } from "./configuration.ts";
import { advanceCommit } from "./entries.ts";
import type { Input } from "./effects.ts";
import { reset, termAt } from "./log.ts";
import { compactLog } from "./compaction.ts";
import type { SnapshotChunk } from "./messages.ts";
import { answer, answerWhenDurable, type Asker } from "./outbox.ts";
import type { Core, Receiving } from "./state.ts";
import type { Index, SnapshotMeta } from "./types.ts";

/** Takes a piece of a snapshot from the leader (paper §7). */
export function onSnapshotChunk(core: Core, chunk: SnapshotChunk): void {
  const { snapshot, offset, data } = chunk;
  if (core.receiving?.stage === "installing") return;
  if (snapshot.index <= core.commit) {
    discardReceiving(core);
    respond(core, chunk, snapshot.index, 0, true);
    return;
  }
  if (!continues(core.receiving, chunk)) {
    discardReceiving(core);
    core.receiving = {
      snapshot,
      from: chunk.from,
      fromIncarnation: chunk.fromIncarnation,
      term: chunk.term,
      offset: 0,
      stage: "idle",
    };
  }
  const { receiving } = core;
  if (!receiving || receiving.stage !== "idle") return;
  if (offset !== receiving.offset) {
    respond(core, chunk, snapshot.index, receiving.offset, false);
    return;
  }
  receiving.stage = "writing";
  receiving.offset = offset + data.length;
  core.outbox.snapshots.push({ kind: "write_chunk", snapshot, offset, data });
}

/** The bytes of a snapshot may differ from sender to sender, so a new one begins anew. */
function continues(receiving: Receiving | null, chunk: SnapshotChunk): boolean {
  return receiving !== null && receiving.from === chunk.from &&
    receiving.term === chunk.term &&
    receiving.snapshot.index === chunk.snapshot.index;
}

/** Drops a snapshot that is on its way in; what is being installed stays. */
function discardReceiving(core: Core): void {
  const { receiving } = core;
  if (!receiving || receiving.stage === "installing") return;
  core.receiving = null;
  const { index } = receiving.snapshot;
  core.outbox.snapshots.push({ kind: "discard", index });
}

/** Asks for the next piece, or has the whole installed. */
export function onChunkWritten(
  core: Core,
  input: Extract<Input, { kind: "chunk_written" }>,
): void {
  const { receiving } = core;
  if (!receiving || receiving.snapshot.index !== input.index) return;
  // Another offset: that piece belonged to what the last leader sent of a snapshot at this index.
  if (receiving.stage !== "writing" || receiving.offset !== input.nextOffset) {
    return;
  }
  const { snapshot } = receiving;
  receiving.stage = "idle";
  if (snapshot.index <= core.commit) {
    discardReceiving(core);
    respond(core, receiving, snapshot.index, 0, true);
    return;
  }
  if (input.nextOffset < snapshot.sizeBytes) {
    respond(core, receiving, snapshot.index, input.nextOffset, false);
    return;
  }
  receiving.stage = "installing";
  const keepLog = termAt(core.log, snapshot.index) === snapshot.term;
  core.outbox.snapshots.push({ kind: "install", snapshot, keepLog });
}

/** Begins anew with the sender's next attempt. */
export function onChunkFailed(core: Core, index: Index): void {
  const { receiving } = core;
  const failed = receiving?.stage === "writing" &&
    receiving.snapshot.index === index;
  if (failed) core.receiving = null;
}

/** Goes on from an installed snapshot: it is durable and the machine has its state. */
export function onInstalled(core: Core, snapshot: SnapshotMeta): void {
  const { receiving, log } = core;
  core.receiving = null;
  core.snapshot = snapshot;
  if (termAt(log, snapshot.index) === snapshot.term) {
    advanceCommit(core, snapshot.index);
    compactLog(core, snapshot.index);
  } else {
    reset(log, snapshot.index, snapshot.term);
    for (const persist of core.persists) {
      persist.lastIndex = Math.min(persist.lastIndex, snapshot.index);
    }
    core.commit = snapshot.index;
    core.configurations.length = 0;
    core.configurations.push({
      index: snapshot.configurationIndex,
      configuration: snapshot.configuration,
    });
  }
  compactConfigurations(core.configurations, snapshot.index);
  if (receiving) respond(core, receiving, snapshot.index, 0, true);
}

function respond(
  core: Core,
  asker: Asker,
  index: number,
  nextOffset: number,
  done: boolean,
): void {
  const kind = "snapshot_response";
  const body = { kind, index, nextOffset, done } as const;
  // "Done" speaks of entries too, and those may still be on their way to disk.
  if (done) answerWhenDurable(core, asker, body);
  else answer(core, asker, core.term, body);
}
