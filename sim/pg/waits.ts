import { PLACEHOLDER_NAME } from "../../pg/cluster/mod.ts";
import { chance } from "../mod.ts";
import { noteAcknowledged } from "./checks.ts";
import type {
  PgNode,
  PgProcess,
  PgSim,
  Stream,
  SyncList,
  Waiter,
} from "./node.ts";

const EMPTY_LIST: SyncList = { required: 0, names: [] };

/** Reads `ANY k ("a", "b")` as PostgreSQL does. */
export function readList(text: string): SyncList {
  const match = /^ANY (\d+) \((.*)\)$/.exec(text);
  if (!match) return EMPTY_LIST;
  const names = (match[2] ?? "").split(", ").map((name) =>
    name.replaceAll('"', "")
  );
  return { required: Number(match[1]), names };
}

/** Whether the list is one that nobody can satisfy. */
export function isPlaceholder({ names }: SyncList): boolean {
  return names.every((name) => name.startsWith(PLACEHOLDER_NAME));
}

/** How many of the names have flushed up to a position. */
export function flushedBy(
  { senders }: PgProcess,
  names: readonly string[],
  lsn: number,
): number {
  const found = new Set<string>();
  for (const { name, flushLsn, senderEnded } of senders) {
    if (!senderEnded && flushLsn >= lsn && names.includes(name)) {
      found.add(name);
    }
  }
  return found.size;
}

/** Each walsender tells the others whether the list that it has read itself names it. */
function isCandidate({ name, list }: Stream): boolean {
  return list.names.includes(name);
}

/**
 * A walsender got an answer: it lets those go for whom as many as its own list asks for have answered.
 * Whose answers count is not up to its list, but to what each of them tells of itself.
 */
export function releaseBy(sim: PgSim, stream: Stream): void {
  const { upstream: node, list } = stream;
  const { proc } = node;
  if (!proc || proc.mode !== "primary" || list.required === 0) return;
  if (!isCandidate(stream)) return;
  const names = [...proc.senders].filter(isCandidate).map(({ name }) => name);
  const done = proc.waiters.filter(({ end }) =>
    flushedBy(proc, names, end) >= list.required
  );
  if (done.length === 0) return;
  proc.waiters = proc.waiters.filter((one) => !done.includes(one));
  for (const waiter of done) {
    resolve(proc, waiter, "acknowledged");
    const record = node.disk.wal.records[waiter.ordinal];
    if (record) noteAcknowledged(sim, node, proc, record, list.required);
  }
}

function resolve(
  proc: PgProcess,
  waiter: Waiter,
  outcome: Waiter["outcome"],
): void {
  waiter.outcome = outcome;
  proc.hidden.delete(waiter.row);
}

/** All waits end the same way. */
export function resolveAll(
  proc: PgProcess,
  outcome: "acknowledged" | "lost",
  sim?: PgSim,
  node?: PgNode,
): void {
  const { waiters } = proc;
  proc.waiters = [];
  for (const waiter of waiters) {
    resolve(proc, waiter, outcome);
    const record = node?.disk.wal.records[waiter.ordinal];
    // T6: an empty list lets everybody go with success.
    if (sim && node && record && outcome === "acknowledged") {
      noteAcknowledged(sim, node, proc, record, 0);
    }
  }
}

/** An operator cancels waits: each client is told of success behind a warning (T1). */
export function cancelWaits(sim: PgSim, proc: PgProcess): void {
  const { waiters } = proc;
  proc.waiters = [];
  for (const waiter of waiters) {
    if (chance(sim.world, 0.3)) {
      proc.waiters.push(waiter);
      continue;
    }
    resolve(proc, waiter, "warned");
    sim.checks.warned.add(waiter.row);
  }
}
