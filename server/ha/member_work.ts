import {
  type ClusterState,
  currentPrimary,
  type DataMember,
  type MemberId,
  type OrderKind,
} from "../../pg/cluster/mod.ts";
import { Problem } from "../http/mod.ts";
import type { HighAvailability } from "./ha.ts";
import { proposeWish } from "./wish.ts";
import { switchOver } from "./wishes.ts";

/** Work that an operator asks for. */
export interface WorkWish {
  readonly id: MemberId;
  readonly kind: OrderKind;
  /** Whether a primary is restarted as it is, with a loss of service, instead of being switched away from. */
  readonly inPlace: boolean;
}

/**
 * Asks a member for work; its agent does it. A primary that is to restart hands its reign over first, and so
 * nobody waits for its restart.
 *
 * @returns The order's number, by which its outcome is found in the member's description.
 * @throws {Problem} When the member can't do it.
 */
export async function orderWork(
  ha: HighAvailability,
  { id, kind, inPlace }: WorkWish,
): Promise<number> {
  await ha.confirm();
  memberOf(ha.state(), id);
  refuseAbsent(ha, id);
  if (isPrimary(ha.state(), id)) await leaveReign(ha, id, kind, inPlace);
  await proposeWish(ha, {
    type: "order",
    id,
    kind,
    inPlace,
    atMs: Date.now(),
  });
  return memberOf(ha.state(), id).order?.number ?? 0;
}

async function leaveReign(
  ha: HighAvailability,
  id: MemberId,
  kind: OrderKind,
  inPlace: boolean,
): Promise<void> {
  if (kind === "reinit") {
    throw new Problem(
      "conflict",
      `Node ${id} is the primary, whose data is what others copy; switch over first`,
    );
  }
  if (kind === "restart" && !inPlace) await switchOver(ha, null);
}

/** Begins or ends work on a member; a primary hands its reign over first. */
export async function setMaintenance(
  ha: HighAvailability,
  id: MemberId,
  maintenance: boolean,
): Promise<void> {
  await ha.confirm();
  memberOf(ha.state(), id);
  if (maintenance && isPrimary(ha.state(), id)) await switchOver(ha, null);
  await proposeWish(ha, { type: "maintenance", id, maintenance });
}

function memberOf({ members }: ClusterState, id: MemberId): DataMember {
  const member = members.get(id);
  if (member) return member;
  throw new Problem("not_found", `Node ${id} is no data member`);
}

function isPrimary(state: ClusterState, id: MemberId): boolean {
  return currentPrimary(state)?.id === id;
}

/** An order that nobody reads would be carried out at a time that nobody chose. */
function refuseAbsent(ha: HighAvailability, id: MemberId): void {
  if (!ha.watch.isLost(id)) return;
  throw new Problem(
    "conflict",
    `The agent of node ${id} does not answer; start it first`,
  );
}
