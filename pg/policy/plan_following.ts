import {
  type ClusterState,
  type Copy,
  copyOf,
  type Epoch,
  hasCopy,
  type Lsn,
  newestRule,
  positionOf,
  type Relation,
  relationTo,
} from "../cluster/mod.ts";
import {
  CONTENT,
  disown,
  hasData,
  idle,
  isEntered,
  isForeign,
  type Reigning,
  slotsFor,
} from "./own.ts";
import { endOf, isEndKnown } from "./plan_sealing.ts";
import type { Step } from "./steps.ts";
import type { LocalView, StandbyServer } from "./view.ts";

/** Follows, rewinds or clones, decided by epochs (R29). */
export function planFollowing(
  state: ClusterState,
  reigning: Reigning,
  view: LocalView,
): Step {
  if (!hasData(state, view)) return planClone(state, reigning, view);
  const { phase } = reigning;
  // Before that it may be all that is left to hold the barrier (R21).
  const mayClone = phase.kind === "open" && view.server.kind !== "primary";
  if (view.mustClone && mayClone) {
    return planClone(state, reigning, view);
  }
  const { server } = view;
  switch (server.kind) {
    case "starting":
      return planStarting(state, reigning, view);
    case "hung":
      return mayOnlyBeSlow(reigning, server)
        ? idle("Waiting for PostgreSQL to answer")
        : { kind: "stop", mode: "immediate", why: "It is hung" };
    case "leftovers":
      return { kind: "stop", mode: "immediate", why: "It is leftovers" };
    case "primary": {
      // R33: a promotion without a grant ends at once, paused or not.
      const why = `Node ${reigning.grant.winner.id} reigns`;
      return disown(state, view, server.timeline) ??
        { kind: "stop", mode: "immediate", why };
    }
    case "stopped":
      return isBroken(view) ? planClone(state, reigning, view) : {
        kind: "start",
      };
    case "standby":
      return planStandby(state, reigning, view, server);
  }
}

/** How long a standby may leave its agent without an answer while somebody is open. */
export const HUNG_PATIENCE_MS = 10_000;

/**
 * Whether a standby may be slow rather than hung, as in a moment of much load: a recovery would cost more than the
 * wait, and both standbys' at once would stop the primary's writes. Before the opening there is no time for that.
 */
function mayOnlyBeSlow(
  { phase }: Reigning,
  { silentMs = Infinity }: Extract<LocalView["server"], { kind: "hung" }>,
): boolean {
  return phase.kind === "open" && silentMs < HUNG_PATIENCE_MS;
}

/**
 * What was rewound gets to a consistent state only with the log of those whose history it has (R29). What it
 * holds before is of no use to anybody, so no commit may rest on it.
 */
function planStarting(
  state: ClusterState,
  reigning: Reigning,
  view: LocalView,
): Step {
  const { saved, rendered } = view;
  const { phase: { epoch }, grant: { winner } } = reigning;
  if (saved.rewound === 0) return idle("PostgreSQL starts");
  if (saved.rewound !== epoch) return planClone(state, reigning, view);
  return saved.upstream === null || rendered.upstream === null
    ? { kind: "recover_from", epoch, upstream: winner.id }
    : idle("Recovering what was rewound");
}

/** Whether it failed to start so often that its data must be taken for damaged. */
function isBroken({ failedStarts }: LocalView): boolean {
  return failedStarts >= MAX_START_FAILURES;
}

/** How often a start is tried before the data is taken for damaged. */
export const MAX_START_FAILURES = 5;

function planStandby(
  state: ClusterState,
  reigning: Reigning,
  view: LocalView,
  server: StandbyServer,
): Step {
  const { phase: { epoch }, grant } = reigning;
  const { saved, rendered } = view;
  const entering = planEntering(state, reigning, view);
  if (entering) return entering;
  // What streams in this epoch has the same history, so it may be streamed from as well as the primary.
  const upstream = view.cascade ?? grant.winner.id;
  const follows = saved.upstream?.id === upstream &&
    saved.upstream.epoch === epoch;
  if (follows && !isForeign(state, view, server.timeline)) {
    // The agent may have died between the note and the telling; to be told twice changes nothing.
    if (rendered.upstream?.epoch !== epoch) {
      return { kind: "follow", epoch, upstream };
    }
    if (server.broken !== null) return planClone(state, reigning, view);
    if (rendered.rule !== 0) return { kind: "set_rule", rule: null };
    // T21: what an old primary had beyond the others must not be read before it follows.
    if (server.streaming && rendered.hba !== "open") return { kind: "open" };
    return slotsFor(state, view) ??
      idle(server.streaming ? CONTENT.standby : "Waiting for the primary");
  }
  // Cut first: the position decides only what it can no longer grow beyond.
  if (saved.upstream !== null || server.receiver) {
    return { kind: "cut_upstream" };
  }
  if (isForeign(state, view, server.timeline)) {
    return planClone(state, reigning, view);
  }
  // After a restart its end is not known before all is replayed: a tail of its own would look like none,
  // and count as log of the epoch that it is told to follow (T12).
  if (!isEndKnown(state, view, server)) return { kind: "finish_replay" };
  const relation = relationOf(state, reigning, view, server);
  if (relation.kind === "prefix") {
    return { kind: "follow", epoch, upstream };
  }
  if (!server.replayDone) return idle("Replaying what it has");
  return relation.kind === "diverged"
    ? planRejoin(state, reigning, view, relation)
    : planClone(state, reigning, view);
}

/**
 * A copy that nobody knows yet is told before it counts for anything (R3). The one before is gone, so
 * nothing is won by waiting for rules that name it: they go on to, and this one does not cover them.
 */
function planEntering(
  state: ClusterState,
  { phase: { epoch } }: Reigning,
  view: LocalView,
): Step | null {
  const { id, saved: { incarnation } } = view;
  if (incarnation === null || isEntered(state, view)) return null;
  const member = state.members.get(id);
  if (!member) return idle("Waiting to be registered");
  const replaces = member.incarnation;
  return {
    kind: "propose",
    command: { type: "enter", id, incarnation, replaces, epoch },
  };
}

function relationOf(
  state: ClusterState,
  { phase: { epoch } }: Reigning,
  { saved }: LocalView,
  server: StandbyServer,
): Relation {
  const position = positionOf(state, saved.epoch, endOf(server));
  return relationTo(state, position, epoch);
}

function planRejoin(
  state: ClusterState,
  reigning: Reigning,
  view: LocalView,
  { sinceLsn, from }: Extract<Relation, { kind: "diverged" }>,
): Step {
  const { phase: { epoch }, grant } = reigning;
  if (!grant.promoted) return idle("Waiting for the primary to promote");
  if (!view.canRewind || view.rewindFailed === epoch) {
    return planClone(state, reigning, view, { sinceLsn, from });
  }
  const source = grant.winner.id;
  return view.source === "checkpointed"
    ? { kind: "rewind", epoch, source, sinceLsn, from }
    : { kind: "await_checkpoint", source };
}

function planClone(
  state: ClusterState,
  { phase: { epoch }, grant }: Reigning,
  view: LocalView,
  lost: { readonly sinceLsn: Lsn; readonly from: Epoch } | null = null,
): Step {
  if (isHeldByRule(state, view)) {
    return { kind: "await_leave" };
  }
  if (!grant.promoted) return idle("Waiting for the primary to promote");
  // Of one that is dead there is nothing to be had, and while this copy is whole it can still be sealed.
  if (view.source === "unheard") {
    return idle(`Waiting to hear node ${grant.winner.id}, to clone it`);
  }
  return { kind: "clone", epoch, source: grant.winner.id, lost };
}

/** How long a copy waits for the retirement of rules that name it once the newest does not. */
const LEAVE_PATIENCE_MS = 5000;

/**
 * Whether a rule of the reign names the copy that would be given up (R4). Before the barrier nobody has
 * been told of any commit of this epoch, and a member that must clone may be the only one who can
 * acknowledge it, so then it does not wait (R21). Nor does it for ever when the newest rule has left it out
 * and can't be met without it: that one would never pass its barrier and so never retire the older ones.
 * These stay in force, covered by the primary alone, until the new copy has entered.
 */
function isHeldByRule(state: ClusterState, view: LocalView): boolean {
  const { phase, rules } = state;
  const held: Copy | null = copyOf(state, view.id);
  if (phase.kind !== "open" || !held) return false;
  const newest = newestRule(state);
  const isLeftOut = newest !== null && !hasCopy(newest.standbys, held);
  if (isLeftOut && newest.standbys.length < newest.required) return false;
  if (isLeftOut && view.ruleMs >= LEAVE_PATIENCE_MS) return false;
  return rules.some(({ epoch, standbys }) =>
    epoch === phase.epoch && hasCopy(standbys, held)
  );
}
