import { invariant } from "../../base/mod.ts";
import type { Input } from "./effects.ts";
import type { SnapshotResponse } from "./messages.ts";
import { send } from "./outbox.ts";
import {
  acknowledge,
  becomeProbe,
  becomeReplicate,
  becomeSnapshot,
  type Progress,
} from "./progress.ts";
import type { Core } from "./state.ts";

/** Sends the newest snapshot to a member whose next entry was compacted (paper §7). */
export function beginSnapshot(core: Core, progress: Progress): void {
  if (progress.gone) return;
  const { snapshot } = core;
  invariant(
    snapshot !== null && snapshot.index >= core.log.baseIndex,
    "the log was compacted beyond the newest snapshot",
  );
  becomeSnapshot(progress, snapshot);
  requestChunk(core, progress);
}

/** Has the next piece read from disk. */
function requestChunk(core: Core, progress: Progress): void {
  const { state } = progress;
  if (state.kind !== "snapshot") return;
  const { snapshot, offset } = state;
  if (snapshot.index < core.log.baseIndex) {
    // The entries after it are gone: only a newer snapshot leads anywhere.
    becomeProbe(progress);
    return;
  }
  state.waiting = true;
  state.sentAtMs = core.nowMs;
  core.outbox.snapshots.push({
    kind: "read_chunk",
    to: progress.id,
    snapshot,
    offset,
  });
}

/** Sends a piece that was read. */
export function onChunkRead(
  core: Core,
  input: Extract<Input, { kind: "chunk_read" }>,
): void {
  const progress = core.leader?.progress.get(input.to);
  const { snapshot, offset, data } = input;
  if (progress?.state.kind !== "snapshot") return;
  const { state } = progress;
  if (state.snapshot.index !== snapshot.index || state.offset !== offset) {
    return;
  }
  if (data === null) {
    becomeProbe(progress);
    return;
  }
  send(core, progress.id, { kind: "snapshot_chunk", snapshot, offset, data });
}

/** Goes on with the piece that the receiver wants next. */
export function onSnapshotResponse(
  core: Core,
  response: SnapshotResponse,
): void {
  const progress = core.leader?.progress.get(response.from);
  if (!progress) return;
  progress.lastContactMs = core.nowMs;
  const { state } = progress;
  if (state.kind !== "snapshot") return;
  if (state.snapshot.index !== response.index) return;
  if (response.done) {
    acknowledge(progress, response.index);
    becomeReplicate(progress);
    return;
  }
  // An answer that was repeated on its way asks for nothing new.
  if (state.waiting && response.nextOffset === state.offset) return;
  state.offset = response.nextOffset;
  requestChunk(core, progress);
}

/** Sends a piece again whose answer does not come. */
export function retrySnapshot(core: Core, progress: Progress): void {
  const { state } = progress;
  if (state.kind !== "snapshot") return;
  if (core.nowMs - state.sentAtMs < core.options.snapshotRetryMs) return;
  if (progress.gone) becomeProbe(progress);
  else requestChunk(core, progress);
}
