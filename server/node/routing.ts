import { systemClock } from "../../base/mod.ts";
import { startRouter } from "../router/mod.ts";
import { askAwaitingSync } from "../peers/mod.ts";
import type { Node } from "./node.ts";
import { isAwaitingSync } from "./sync_wait.ts";

/** Starts a node's router, where it is to have one; it is called as soon as the API answers. */
export async function beginRouting(node: Node): Promise<void> {
  const { config, machine, raft, relay } = node;
  node.router = await startRouter(config, {
    clock: systemClock(),
    state: () => machine.cluster(),
    observations: () => node.ha?.watch.observations() ?? null,
    confirm: (timeoutMs) => raft.read(() => {}, { timeoutMs }),
    isAwaitingSync: async (member, pid) => {
      if (member === config.node.id) {
        return await isAwaitingSync(node.local, pid);
      }
      const peer = raft.status().members.find(({ id }) => id === member);
      if (!peer) throw new Error(`Node ${member} is no member`);
      return await askAwaitingSync(relay.http(), peer, pid);
    },
  });
}
