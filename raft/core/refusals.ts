import type { ReadRefusal } from "./effects.ts";
import { send } from "./outbox.ts";
import type { Core, LeaderState, PendingRead } from "./state.ts";

/** Refuses one read, wherever it came from. */
export function refuseRead(
  core: Core,
  read: PendingRead,
  reason: ReadRefusal,
): void {
  const { requestId, from } = read;
  if (from === 0) {
    core.outbox.reads.push({ kind: "refused", requestId, reason });
    return;
  }
  send(core, from, { kind: "read_index_response", requestId, index: 0 });
}

/** Refuses every read that a leader had not confirmed. */
export function refuseReads(
  core: Core,
  leader: LeaderState,
  reason: ReadRefusal,
): void {
  for (const round of leader.readRounds) {
    for (const read of round.reads) refuseRead(core, read, reason);
  }
  for (const read of leader.queuedReads) refuseRead(core, read, reason);
  leader.readRounds.length = 0;
  leader.queuedReads.length = 0;
}
