import { schedule } from "../mod.ts";
import {
  isFrozen,
  type PgNode,
  type PgProcess,
  type PgSim,
  type Session,
} from "./node.ts";

/** Lets something happen in a server later, if it lives then and is not frozen. */
export function onProcess(
  sim: PgSim,
  node: PgNode,
  proc: PgProcess,
  delayMs: number,
  run: () => void,
): void {
  schedule(sim.world, delayMs, () => {
    if (node.proc !== proc || !proc.hasPostmaster) return;
    if (isFrozen(sim, node)) {
      const thawMs = node.frozenUntilMs - sim.world.nowMs + 0.01;
      onProcess(sim, node, proc, thawMs, run);
    } else run();
  });
}

/** Ends sessions as SIGTERM does: a commit that waits stays, unacknowledged (T2, R26). */
export function endSession(proc: PgProcess, session: Session): void {
  session.ended = true;
  proc.sessions.delete(session);
  const others = proc.waiters.filter((one) => one.session !== session);
  for (const waiter of proc.waiters) {
    if (waiter.session !== session) continue;
    waiter.outcome = "lost";
    proc.hidden.delete(waiter.row);
  }
  proc.waiters = others;
}
