import { present } from "../../base/mod.ts";
import type { ClusterState, Copy, Epoch, Grant, MemberId } from "./types.ts";

/** Whether two copies are the same data directory. */
export function isSameCopy(a: Copy | null, b: Copy | null): boolean {
  return a !== null && b !== null && a.id === b.id &&
    a.incarnation === b.incarnation;
}

/** Whether `copy` is among `copies`. */
export function hasCopy(copies: readonly Copy[], copy: Copy): boolean {
  return copies.some((one) => isSameCopy(one, copy));
}

/**
 * What a copy calls itself where it streams from: unique, explicit, never `*` (R3, T10, T11). It names the
 * epoch too: an upstream that reigns anew is still the host that an older conninfo names, and who streams
 * without having noted the epoch must not hold its commits, since its position would tell of another (R15).
 */
export function applicationName(
  { id, incarnation }: Copy,
  epoch: Epoch,
): string {
  return `pgraft_${id}_${incarnation.toString(36)}_${epoch}`;
}

/** In a name: who streams under it counts for nothing, since there is no rule of that epoch. */
export const UNCOUNTED: Epoch = 0;

/** The slot of a member on whoever it streams from. */
export function slotName(id: MemberId): string {
  return `pgraft_${id}`;
}

/** A copy, and the epoch in which it was told to stream. */
export interface NamedCopy {
  readonly copy: Copy;
  readonly epoch: Epoch;
}

/** The copy that a name of {@linkcode applicationName} means; null for other names. */
export function copyOfName(name: string): NamedCopy | null {
  const match = /^pgraft_(\d+)_([0-9a-z]+)_(\d+)$/.exec(name);
  if (!match) return null;
  const incarnation = parseInt(present(match[2], "an incarnation"), 36);
  return {
    copy: { id: Number(match[1]), incarnation },
    epoch: Number(match[3]),
  };
}

/** The newest epoch that was attempted, granted or not; 0 before the first. */
export function newestEpoch({ phase, grants }: ClusterState): Epoch {
  const granted = grants.at(-1)?.epoch ?? 0;
  return phase.kind === "sealing" ? Math.max(phase.epoch, granted) : granted;
}

/** The newest grant; null before the first. */
export function newestGrant({ grants }: ClusterState): Grant | null {
  return grants.at(-1) ?? null;
}

/** Returns a grant; null when there is none of that epoch, or it is forgotten. */
export function grantOf({ grants }: ClusterState, epoch: Epoch): Grant | null {
  return grants.find((grant) => grant.epoch === epoch) ?? null;
}

/** The copy that reigns or is about to; null while nobody does. */
export function currentPrimary(state: ClusterState): Copy | null {
  const { phase } = state;
  if (phase.kind !== "granted" && phase.kind !== "open") return null;
  return grantOf(state, phase.epoch)?.winner ?? null;
}

/** A member's copy; null while it has none. */
export function copyOf({ members }: ClusterState, id: MemberId): Copy | null {
  const incarnation = members.get(id)?.incarnation ?? null;
  return incarnation === null ? null : { id, incarnation };
}
