import { isBlockedPort, parseHostPort } from "../../base/mod.ts";
import type { MemberStatus, RaftServer, RaftStatus } from "../../raft/mod.ts";
import type { LeaderOrder } from "../api/mod.ts";
import { Problem } from "../http/mod.ts";

/** How long a change of members or leadership may take. */
export const ORDER_TIMEOUT_MS = 10_000;

/** What a node asks for that wants to be a member. */
export interface JoinOrder {
  readonly kind: "join";
  readonly id: number;
  readonly incarnation: number;
  readonly address: string;
}

/** What only a leader carries out. */
export type Order = LeaderOrder | JoinOrder;

/**
 * Carries an order out on the leader.
 *
 * @param raft This node, which must lead.
 * @param order What to do.
 * @throws {RaftError} When it does not lead, or the change is refused.
 */
export async function executeOrder(
  raft: RaftServer,
  order: Order,
): Promise<void> {
  const timeoutMs = ORDER_TIMEOUT_MS;
  checkOrder(raft, order);
  switch (order.kind) {
    case "transfer":
      return await raft.transferLeadership(order.target, { timeoutMs });
    case "remove": {
      const { id, force } = order;
      return await raft.removeMember(id, { force, timeoutMs });
    }
    case "promote":
      return await raft.promoteMember(order.id, "voter", { timeoutMs });
    case "add": {
      const { id, incarnation, address, role, expectedIndex } = order;
      return await raft.addMember({ id, incarnation, address, role }, {
        timeoutMs,
        ...(expectedIndex === null ? {} : { expectedIndex }),
      });
    }
    case "join":
      return await admit(raft, order);
  }
}

/**
 * Refuses what must never be committed: every member would open streams to an address that is none,
 * and end.
 */
function checkOrder(raft: RaftServer, order: Order): void {
  const { members, role } = raft.status();
  switch (order.kind) {
    case "add":
    case "join": {
      const address = parseHostPort(order.address);
      if (address !== null && !isBlockedPort(address.port)) return;
      const why = address === null
        ? "is no host:port"
        : "has a port that clients of HTTP refuse; give the node another";
      throw new Problem(
        "bad_request",
        `raft_address: "${order.address}" ${why}`,
      );
    }
    case "remove":
    case "promote":
      // Others than the leader may not have heard of it yet.
      if (role !== "leader" || members.some(({ id }) => id === order.id)) {
        return;
      }
      throw new Problem(
        "not_found",
        `Node ${order.id} is no member of the cluster`,
      );
    case "transfer":
      return;
  }
}

/** Lets a node in. One that lost its disk takes the place of its former self, which can't be alive. */
async function admit(raft: RaftServer, order: JoinOrder): Promise<void> {
  const timeoutMs = ORDER_TIMEOUT_MS;
  const status = raft.status();
  const former = status.members.find(({ id }) => id === order.id);
  if (former?.incarnation === order.incarnation) {
    if (former.address === order.address) return;
    return await raft.moveMember(order.id, order.address, { timeoutMs });
  }
  const { id, incarnation, address } = order;
  if (former) {
    refuseDouble(status, former, order);
    await raft.removeMember(id, { timeoutMs });
  }
  await raft.addMember({ id, incarnation, address }, { timeoutMs });
}

function refuseDouble(
  status: RaftStatus,
  former: MemberStatus,
  order: JoinOrder,
): void {
  if (status.role !== "leader" || former.active !== true) return;
  throw new Problem(
    "conflict",
    `Node ${order.id} at ${former.address} is alive with another data directory; ` +
      `stop it, or give the node at ${order.address} another id`,
  );
}
