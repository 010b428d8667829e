import { hasData, type LocalView } from "../policy/mod.ts";
import type { Body } from "./body.ts";

/**
 * Has a postmaster's end wake the agent, once for each. What it leaves is ended at once: hundreds of sessions wake
 * with the agent, and as long as they end by themselves everything else stands in line behind them.
 */
export function hearEnd(body: Body, pid: number): void {
  const { watch, waker, options: { instance } } = body;
  if (watch.heardPid === pid) return;
  watch.heardPid = pid;
  // It ends with the postmaster, which may outlive this agent: nobody can wait for that.
  void instance.untilEnded(pid).then(async (isHeard) => {
    if (!isHeard) return;
    // While the agent does something, what is there may be what it has just started.
    if (waker.isNapping() && body.view) {
      // What fails here fails again when the agent looks, and is told then.
      await endOrphans(body, body.view).catch(() => {});
    }
    waker.poke();
  });
}

/**
 * Ends what a dead postmaster has left (R23), whoever reigns and whether or not failover is paused: nobody has use
 * for it, and it is in the way of what comes now. Only of the cluster's own data: with others' nothing is done.
 */
export async function endOrphans(body: Body, view: LocalView): Promise<void> {
  const { instance, ports } = body.options;
  if (body.job !== null || !hasData(ports.state(), view)) return;
  await instance.endOrphans();
}
