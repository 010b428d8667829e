import type { NodeId } from "../core/mod.ts";
import { RaftError } from "../errors.ts";
import type { NewMember, RaftServer } from "./types.ts";

/**
 * Founds a cluster of nodes that live in one process, or starts them again when it was founded before.
 *
 * @param servers The founding members, by id.
 * @param addresses Where their transports reach them; a network in memory needs none.
 * @throws {RaftError} When only some of them are empty: those lost their disks, and come back by
 * being removed and added again, never by founding anew.
 */
export async function foundCluster(
  servers: ReadonlyMap<NodeId, RaftServer>,
  addresses: ReadonlyMap<NodeId, string> = new Map(),
): Promise<void> {
  const members: NewMember[] = [];
  const empty: NodeId[] = [];
  for (const [id, server] of servers) {
    const { identity, isEmpty } = await server.initialize();
    const { incarnation } = identity;
    members.push({ id, incarnation, address: addresses.get(id) ?? "" });
    if (isEmpty) empty.push(id);
  }
  if (empty.length > 0 && empty.length < servers.size) {
    const message =
      `Members ${empty.join(", ")} are empty, the others are not; ` +
      "start the others, then remove and add the empty ones";
    throw new RaftError("bad_call", message);
  }
  for (const server of servers.values()) {
    if (empty.length > 0) await server.bootstrap(members);
    await server.start();
  }
}
