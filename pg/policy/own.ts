import {
  type ClusterState,
  type Copy,
  copyOf,
  type Grant,
  grantOf,
  isSameCopy,
  type Phase,
  slotName,
  type Timeline,
} from "../cluster/mod.ts";
import type { Step } from "./steps.ts";
import type { LocalView } from "./view.ts";

/** A phase in which somebody reigns or is about to. */
export type Reign = Extract<Phase, { kind: "granted" | "open" }>;

/** A reign and its grant. */
export interface Reigning {
  readonly phase: Reign;
  readonly grant: Grant;
}

/** What a primary and a standby say that lack nothing. */
export const CONTENT = { primary: "It reigns", standby: "It streams" } as const;

/** The reign that this node's copy has or was granted; null for none. */
export function ownReign(
  state: ClusterState,
  view: LocalView,
): Reigning | null {
  const { phase } = state;
  if (phase.kind !== "granted" && phase.kind !== "open") return null;
  const grant = grantOf(state, phase.epoch);
  if (!grant || !isSameCopy(grant.winner, ownCopy(view))) return null;
  return { phase, grant };
}

/** Nothing to do. */
export function idle(why: string): Step {
  return { kind: "idle", why };
}

/** The copy that this node has; null for none. */
export function ownCopy(
  { id, saved: { incarnation } }: LocalView,
): Copy | null {
  return incarnation === null ? null : { id, incarnation };
}

/** Whether the directory holds this cluster's data under an identity of its own. */
export function hasData(state: ClusterState, view: LocalView): boolean {
  const { data, saved } = view;
  return data.kind === "present" && data.systemId === state.systemId &&
    saved.incarnation !== null;
}

/** Whether this node's copy is the one that the cluster knows. */
export function isEntered(state: ClusterState, view: LocalView): boolean {
  return isSameCopy(copyOf(state, view.id), ownCopy(view));
}

/** What is noted as the epoch of data that somebody promoted without a grant: its number may collide. */
export const NO_EPOCH = -1;

/** Notes that a primary's data is of no epoch, unless it reigned by a grant (R33). */
export function disown(
  state: ClusterState,
  view: LocalView,
  timeline: Timeline,
): Step | null {
  const { epoch } = view.saved;
  const grant = grantOf(state, epoch);
  const reigned = isSameCopy(grant?.winner ?? null, ownCopy(view)) &&
    grant?.timeline === timeline;
  return reigned || epoch === NO_EPOCH
    ? null
    : { kind: "own", epoch: NO_EPOCH };
}

/**
 * Whether a log of this timeline is none of the epoch's history: somebody promoted it without a grant
 * (R33). Whatever it holds from there on is on no history that the table knows, so it has no position
 * (R14), covers nothing and follows nobody, however its numbers compare (T27).
 */
export function isForeign(
  state: ClusterState,
  { saved }: LocalView,
  timeline: Timeline,
): boolean {
  if (saved.epoch === NO_EPOCH) return true;
  let grant = grantOf(state, saved.epoch);
  if (!grant) return saved.epoch === 0 && timeline >= firstTimeline(state);
  for (;;) {
    if (grant.timeline === timeline) return false;
    const parent = grantOf(state, grant.parent);
    // What came before the first grant, or before those that are remembered.
    if (!parent) return timeline > grant.timeline;
    grant = parent;
  }
}

function firstTimeline({ grants }: ClusterState): Timeline {
  return grants[0]?.timeline ?? Infinity;
}

/** Slots for all others, before they are needed (T23), and none for those who left. */
export function slotsFor(
  { members }: ClusterState,
  { id, slots }: LocalView,
): Step | null {
  const wanted = [...members.keys()].filter((other) => other !== id)
    .map(slotName).toSorted();
  const isThere = wanted.length === slots.length &&
    wanted.every((name) => slots.includes(name));
  return isThere ? null : { kind: "set_slots", wanted };
}
