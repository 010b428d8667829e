import { between } from "../mod.ts";
import { writeProbe } from "./commit.ts";
import { endSession } from "./process.ts";
import { killServer, setHba } from "./server.ts";
import { endOf } from "./wal.ts";
import type { Doer, Work } from "./work.ts";

/** How long a shutdown waits for its standbys to have the last record. */
const SHUTDOWN_MS = 3000;

/** Closes, and ends PostgreSQL with all of its processes (R12, R22, R23, R26). */
export function* performStop(
  { sim, node }: Doer,
  mode: "fast" | "immediate",
): Work {
  const { world } = sim;
  yield between(world, 0.5, 3);
  const { proc } = node;
  if (!proc) return;
  if (!proc.hasPostmaster || mode === "immediate") {
    killServer(sim, node);
    yield between(world, 1, 10);
    return;
  }
  setHba(sim, node, false);
  yield 3;
  for (const session of [...proc.sessions]) endSession(proc, session);
  yield between(world, 1, 10);
  if (node.proc !== proc || !proc.hasPostmaster) return;
  if (proc.mode !== "primary") {
    killServer(sim, node);
    return;
  }
  // New sessions can't come: the postmaster is shutting down.
  for (const session of [...proc.sessions]) endSession(proc, session);
  const lsn = writeProbe(sim, node, proc, "checkpoint");
  const endMs = world.nowMs + SHUTDOWN_MS;
  while (
    world.nowMs < endMs && node.proc === proc &&
    [...proc.senders].some(({ flushLsn }) => flushLsn < lsn)
  ) yield 2;
  if (node.proc !== proc) return;
  const end = endOf(node.disk.wal);
  killServer(sim, node);
  // A commit that slipped in behind the checkpoint makes it no end in order.
  node.disk.shutdownLsn = end === lsn
    ? node.disk.wal.records.at(-1)?.lsn ?? null
    : null;
}
