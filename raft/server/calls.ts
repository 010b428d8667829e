import type { ConfigurationChange, Entry, Index, NodeId } from "../core/mod.ts";
import {
  addProposal,
  addRead,
  COMMAND_HEADER_BYTES,
  type Driver,
  hasRoomForOperation,
  input,
  type OperationDone,
} from "../driver/mod.ts";
import { RaftError } from "../errors.ts";
import { RAFT_OPERATION_KINDS, type RaftOperation } from "../ports.ts";
import { runningDriver, type ServerNode, withLeader } from "./node.ts";
import type {
  Applied,
  CallOptions,
  ChangeOptions,
  ProposeOptions,
  ReadOptions,
} from "./types.ts";

/** How long a call waits when its caller does not say. */
export const DEFAULT_TIMEOUT_MS = 5000;

/** Has an operation committed and applied. */
export function propose(
  node: ServerNode,
  operation: RaftOperation,
  { timeoutMs = DEFAULT_TIMEOUT_MS, forward = true }: ProposeOptions,
): Promise<Applied> {
  const driver = runningDriver(node);
  const { proposals, ports, core } = driver;
  checkOperation(node, operation);
  if (!forward && core.role !== "leader") {
    const message = "This node does not lead; send the operation to the leader";
    const error = new RaftError("not_leader", message);
    return Promise.reject(withLeader(driver, error));
  }
  return new Promise((resolve, reject) => {
    addProposal(proposals, ports, operation, timeoutMs, (outcome) => {
      if (outcome.kind === "failed") reject(outcome.error);
      else resolve({ index: outcome.index, result: outcome.result });
    });
    ports.wake();
  });
}

/** Refused here, not by the leader: a transport may not be able to carry what is too large. */
function checkOperation(
  { coreOptions }: ServerNode,
  { kind, data }: RaftOperation,
): void {
  if (!RAFT_OPERATION_KINDS.includes(kind)) {
    const kinds = RAFT_OPERATION_KINDS.join(", ");
    const message =
      `Operation kind "${kind}" is unknown; choose one of ${kinds}`;
    throw new RaftError("bad_call", message);
  }
  const maxBytes = coreOptions.maxEntryBytes - COMMAND_HEADER_BYTES;
  if (data.length <= maxBytes) return;
  const message = `An operation of ${data.length} bytes exceeds the limit of ` +
    `${maxBytes}; split it, or raise the limit on every member`;
  throw new RaftError("too_large", message);
}

/** Reads the machine, by default so that nothing acknowledged before is missed. */
export function read<T>(
  node: ServerNode,
  query: () => T,
  { timeoutMs = DEFAULT_TIMEOUT_MS, consistency = "linearizable" }: ReadOptions,
): Promise<T> {
  const { reads, ports } = runningDriver(node);
  return new Promise((resolve, reject) => {
    const answer = (error: RaftError | null): void => {
      if (error) return reject(error);
      try {
        resolve(query());
      } catch (thrown) {
        reject(thrown);
      }
    };
    if (consistency === "stale") return answer(null);
    const nowMs = node.clock.nowMs();
    addRead(reads, nowMs, nowMs + timeoutMs, answer);
    ports.wake();
  });
}

/** Changes the configuration, and waits until that is committed. */
export function change(
  node: ServerNode,
  value: ConfigurationChange,
  options: ChangeOptions = {},
): Promise<void> {
  const { expectedIndex = null, force = false } = options;
  return operate(node, options, (driver, deadlineMs, done) => {
    const { operations } = driver;
    const requestId = operations.nextRequestId++;
    operations.changes.set(requestId, { deadlineMs, done, entry: null });
    input(driver, {
      kind: "change",
      requestId,
      change: value,
      expectedIndex,
      force,
    });
  });
}

/** Hands leadership over, and waits until another member leads. */
export function transfer(
  node: ServerNode,
  target: NodeId,
  options: CallOptions = {},
): Promise<void> {
  const { core } = runningDriver(node);
  if (core.role === "leader" && target === core.id) return Promise.resolve();
  const fromTerm = core.term;
  return operate(node, options, (driver, deadlineMs, done) => {
    const { transfers } = driver.operations;
    transfers.push({ deadlineMs, fromTerm, done, started: false });
    input(driver, { kind: "transfer", target });
  });
}

function operate(
  node: ServerNode,
  { timeoutMs = DEFAULT_TIMEOUT_MS }: CallOptions,
  begin: (driver: Driver, deadlineMs: number, done: OperationDone) => void,
): Promise<void> {
  const driver = runningDriver(node);
  if (!hasRoomForOperation(driver.operations)) {
    const message =
      "Too many changes of members or leadership are under way; try again";
    return Promise.reject(new RaftError("busy", message));
  }
  return new Promise((resolve, reject) => {
    begin(driver, node.clock.nowMs() + timeoutMs, (error) => {
      if (error) reject(withLeader(driver, error));
      else resolve();
    });
  });
}

/** Committed entries that are still in memory. */
export function readLog(
  node: ServerNode,
  from: Index,
  limit: number,
): readonly Entry[] {
  const { log, commit } = runningDriver(node).core;
  const start = Math.max(from - log.baseIndex - 1, 0);
  const end = Math.min(start + limit, commit - log.baseIndex);
  return log.entries.slice(start, Math.max(start, end));
}
