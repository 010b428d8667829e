import { type Core, type Entry, entryAt, type Index } from "../core/mod.ts";
import { type CommandId, decodeCommand } from "./command.ts";
import { askMachine } from "./machine.ts";
import type { DriverPorts } from "./ports.ts";
import {
  onApplied,
  onExpired,
  onSessionOpened,
  type Proposals,
} from "./proposals.ts";
import {
  admit,
  createSessionTable,
  keepResult,
  openSession,
  type SessionTable,
} from "./sessions.ts";
import type { RaftOperation } from "../ports.ts";

/** How many entries are applied before others get a turn. */
export const APPLY_BATCH_ENTRIES = 512;

/** The replicated state of this node: the machine's is behind the port, the sessions are here. */
export interface Applier {
  applied: Index;
  sessions: SessionTable;
  /** A snapshot is being put into the machine: nothing is applied. */
  restoring: boolean;
  /** Counts restores: one that was overtaken by a later one ends without effect. */
  restores: number;
}

/** Makes an applier that has applied nothing. */
export function createApplier(): Applier {
  return {
    applied: 0,
    sessions: createSessionTable(),
    restoring: false,
    restores: 0,
  };
}

/**
 * Applies what is committed, a bounded number of entries.
 *
 * @returns Whether there is more.
 */
export function applyCommitted(
  applier: Applier,
  core: Core,
  ports: DriverPorts,
  proposals: Proposals,
): boolean {
  if (applier.restoring || applier.applied >= core.commit) return false;
  const startedAtMs = ports.nowMs();
  const from = applier.applied;
  const to = Math.min(core.commit, from + APPLY_BATCH_ENTRIES);
  while (applier.applied < to) {
    const entry = entryAt(core.log, applier.applied + 1);
    ports.observer.applying?.(entry);
    if (entry.kind === "command") {
      applyEntry(applier, ports, proposals, entry, startedAtMs);
    }
    applier.applied = entry.index;
  }
  ports.observer.applied?.(to - from, ports.nowMs() - startedAtMs);
  return applier.applied < core.commit;
}

function applyEntry(
  applier: Applier,
  ports: DriverPorts,
  proposals: Proposals,
  entry: Entry,
  nowMs: number,
): void {
  const command = decodeCommand(entry.data);
  if (command.kind === "open_session") {
    openSession(applier.sessions, command.session, entry.index);
    onSessionOpened(proposals, command.session);
    return;
  }
  const { id, operation } = command;
  const admission = admit(applier.sessions, id, entry.index);
  if (admission.kind === "expired") {
    onExpired(proposals, id.session);
    return;
  }
  const result = admission.kind === "duplicate"
    ? admission.result
    : applyNew(applier, ports, entry, id, operation);
  if (result === null || id.session !== proposals.session) return;
  onApplied(proposals, ports, id.sequence, entry.index, result, nowMs);
}

/** An entry that can't be applied stops the node: skipping it would part this replica from the others. */
function applyNew(
  applier: Applier,
  ports: DriverPorts,
  entry: Entry,
  id: CommandId,
  operation: RaftOperation,
): Uint8Array {
  const { machine } = ports;
  const what = `on entry ${entry.index} of term ${entry.term} ` +
    `(${operation.kind}, ${operation.data.length} bytes)`;
  const result = askMachine(what, () => {
    const answer = machine.applyOperation(operation, entry.index, entry.term);
    const last = machine.getLastAppliedIndex();
    if (last === entry.index) return answer;
    throw new Error(`its last applied index is ${last} afterwards`);
  });
  keepResult(applier.sessions, id, result);
  return result;
}
