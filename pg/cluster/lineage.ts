import { formatLsn } from "../../base/mod.ts";
import { grantOf } from "./copies.ts";
import type { ClusterState, Epoch, Lsn, Position } from "./types.ts";

/** How a copy's data stands to the history of an epoch (R29). */
export type Relation =
  /** It is a beginning of that history, or on it. */
  | { readonly kind: "prefix" }
  /** It has something of its own from there on. */
  | { readonly kind: "diverged"; readonly sinceLsn: Lsn; readonly from: Epoch }
  /** The table does not reach back to where they came apart. */
  | { readonly kind: "unknown" };

/**
 * Finds the epoch of the last write-ahead log of data that followed an epoch and ends at a position:
 * what lies before an epoch's start belongs to its parents (R14). Never asks for timelines, which may
 * collide (T12, T27).
 */
export function positionOf(
  state: ClusterState,
  followed: Epoch,
  lsn: Lsn,
): Position {
  let epoch = followed;
  for (;;) {
    const grant = grantOf(state, epoch);
    if (!grant || grant.parent === 0 || lsn > grant.startLsn) break;
    epoch = grant.parent;
  }
  return { epoch, lsn };
}

/** Compares positions: the epoch counts first (R14). */
export function comparePositions(a: Position, b: Position): number {
  return a.epoch - b.epoch || a.lsn - b.lsn;
}

/** Tells how data that ends at `position` stands to the history that leads to `epoch`. */
export function relationTo(
  state: ClusterState,
  position: Position,
  epoch: Epoch,
): Relation {
  const branches = branchesOf(state, epoch);
  let at: Epoch = position.epoch;
  let endLsn = position.lsn;
  for (;;) {
    const limit = branches.get(at);
    if (limit !== undefined) {
      if (endLsn <= limit) {
        const isOwn = at !== position.epoch;
        return isOwn
          ? { kind: "diverged", sinceLsn: endLsn, from: at }
          : { kind: "prefix" };
      }
      return { kind: "diverged", sinceLsn: limit, from: at };
    }
    const grant = grantOf(state, at);
    if (!grant || grant.parent === 0) return { kind: "unknown" };
    endLsn = grant.startLsn;
    at = grant.parent;
  }
}

/** The epochs of a history, each with where the next one branches off. */
function branchesOf(state: ClusterState, epoch: Epoch): Map<Epoch, Lsn> {
  const limits = new Map<Epoch, Lsn>([[epoch, Infinity]]);
  let grant = grantOf(state, epoch);
  while (grant && grant.parent !== 0) {
    limits.set(grant.parent, grant.startLsn);
    grant = grantOf(state, grant.parent);
  }
  return limits;
}

/** A position for people: `epoch 3, 0/3000060`. */
export function formatPosition({ epoch, lsn }: Position): string {
  return `epoch ${epoch}, ${formatLsn(lsn)}`;
}
