import type { ClusterState } from "../../pg/cluster/mod.ts";
import type { HighAvailability } from "./ha.ts";

/**
 * Waits until the state as applied here is as wanted.
 *
 * @param ha This node's view.
 * @param timeoutMs How long at most.
 * @param holds Whether it is so.
 * @returns The state then, or at the deadline.
 */
export async function whenState(
  ha: HighAvailability,
  timeoutMs: number,
  holds: (state: ClusterState) => boolean,
): Promise<ClusterState> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const look = (): void => {
    if (holds(ha.state())) resolve();
  };
  const timer = ha.clock.after(timeoutMs, resolve);
  const forget = ha.onChange(look);
  look();
  await promise;
  timer.cancel();
  forget();
  return ha.state();
}
