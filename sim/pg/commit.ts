import { between, schedule, tell } from "../mod.ts";
import { noteAcknowledged } from "./checks.ts";
import type { PgNode, PgProcess, PgSim, Session, Waiter } from "./node.ts";
import { onProcess } from "./process.ts";
import { pumpAll } from "./streaming.ts";
import { writeRecord } from "./wal.ts";

/** Writes a row over a session; what comes of it stands in the result. */
export function commitRow(
  sim: PgSim,
  node: PgNode,
  session: Session,
): Waiter | null {
  const { proc } = node;
  if (!proc?.hasPostmaster || proc.mode !== "primary" || session.ended) {
    return null;
  }
  const { world } = sim;
  const row = sim.nextRow++;
  const waiter: Waiter = {
    row,
    ordinal: -1,
    end: 0,
    session,
    outcome: "waits",
  };
  flushSoon(sim, node, proc, () => {
    if (session.ended) return;
    const bytes = Math.floor(between(world, 20, 400));
    const record = writeRecord(node.disk.wal, {
      kind: "row",
      epoch: proc.epoch,
      row,
      bytes,
    });
    Object.assign(waiter, { ordinal: record.ordinal, end: record.end });
    tell(world, () => `${node.id} flushes row ${row} to ${record.end}`);
    // SyncRepWaitForLSN looks at what the checkpointer published, not at the list (T8).
    if (!proc.isListDefined) {
      waiter.outcome = "acknowledged";
      noteAcknowledged(sim, node, proc, record, 0);
    } else {
      proc.hidden.add(row);
      proc.waiters.push(waiter);
    }
    pumpAll(sim, proc);
  });
  return waiter;
}

/** Runs something once the disk has synced. */
export function flushSoon(
  sim: PgSim,
  node: PgNode,
  proc: PgProcess,
  run: () => void,
): void {
  const { world } = sim;
  onProcess(sim, node, proc, between(world, 0.2, 2), () => {
    const until = Math.max(node.diskHungUntilMs, node.diskFullUntilMs);
    if (world.nowMs >= until) run();
    else {
      schedule(world, until - world.nowMs, () => {
        if (node.proc === proc) flushSoon(sim, node, proc, run);
      });
    }
  });
}

/** Writes a record of the agent's; nothing waits for it. */
export function writeProbe(
  sim: PgSim,
  node: PgNode,
  proc: PgProcess,
  kind: "probe" | "checkpoint" = "probe",
): number {
  const { end } = writeRecord(node.disk.wal, {
    kind,
    epoch: proc.epoch,
    bytes: Math.floor(between(sim.world, 20, 80)),
  });
  pumpAll(sim, proc);
  return end;
}
