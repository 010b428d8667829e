import { Problem } from "../http/mod.ts";
import type { BridgeContext } from "./context.ts";

/** How a write is proposed: only on the leader, unless the setting says that it is handed on. */
export function writing(context: BridgeContext): { readonly forward: boolean } {
  requireLeader(context);
  return { forward: context.forwardsWrites() };
}

/**
 * Refuses what only the leader does, where the setting does not say that it is handed on.
 *
 * @throws {Problem} When this node does not lead; it names who does.
 */
export function requireLeader(context: BridgeContext): void {
  const { node } = context;
  if (context.forwardsWrites()) return;
  const { leaderId } = node.raft.leadership();
  if (leaderId === node.id) return;
  throw new Problem("not_leader", `Node ${node.id} is not the leader`, {
    leader: leaderId === 0 ? null : { id: leaderId, address: "" },
  });
}
