import type { Effects, PersistBatch } from "./effects.ts";
import { broadcastHeartbeat } from "./heartbeat.ts";
import { entryAt, lastIndex } from "./log.ts";
import { beginReadRound, confirmReads } from "./reads.ts";
import { replicate } from "./replication.ts";
import { type Core, emptyOutbox } from "./state.ts";
import type { HardState } from "./types.ts";

/**
 * Takes what the steps since the last call have produced. Steps taken together share appends,
 * a write to disk and a round of heartbeats.
 *
 * @param core The core, whose outbox is empty afterwards.
 * @returns What the shell must do; `persisted` answers its batch.
 */
export function drain(core: Core): Effects {
  const { leader } = core;
  if (leader) {
    if (beginReadRound(core, leader)) {
      broadcastHeartbeat(core, leader);
      confirmReads(core, leader);
    }
    replicate(core, leader);
  }
  const persist = takePersist(core);
  const { outbox } = core;
  const { messages, reads, refused, changes, transfers } = outbox;
  const { snapshots, probes } = outbox;
  Object.assign(outbox, emptyOutbox());
  return {
    messages,
    persist,
    reads,
    refused,
    changes,
    transfers,
    snapshots,
    probes,
  };
}

/** Collects what must become durable, and ties to it what may be said only then. */
function takePersist(core: Core): PersistBatch | null {
  const { log, outbox } = core;
  const last = lastIndex(log);
  const hardState = changedHardState(core, log.savedIndex < last);
  if (!hardState && log.savedIndex >= last) {
    const waiting = core.persists[core.persists.length - 1];
    const target = waiting ? waiting.messages : outbox.messages;
    for (const message of outbox.deferred) target.push(message);
    return null;
  }
  const entries = [];
  for (let at = log.savedIndex + 1; at <= last; at++) {
    entries.push(entryAt(log, at));
  }
  log.savedIndex = last;
  core.persistSeq += 1;
  core.persists.push({
    seq: core.persistSeq,
    lastIndex: last,
    hardState,
    startedAtMs: core.nowMs,
    messages: outbox.deferred,
  });
  return { seq: core.persistSeq, hardState, entries };
}

/** The hard state to write: term and vote at once, the commit index along with entries only. */
function changedHardState(core: Core, withEntries: boolean): HardState | null {
  const { term, votedFor, commit, savedHardState: saved } = core;
  const must = term !== saved.term || votedFor !== saved.votedFor;
  if (!must && !(withEntries && commit !== saved.commit)) return null;
  core.savedHardState = { term, votedFor, commit };
  return core.savedHardState;
}
