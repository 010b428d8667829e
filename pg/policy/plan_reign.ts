import {
  type ClusterState,
  isRuleChanging,
  newestRule,
  positionOf,
  type Rule,
} from "../cluster/mod.ts";
import {
  CONTENT,
  disown,
  idle,
  isForeign,
  type Reigning,
  slotsFor,
} from "./own.ts";
import { endOf, isEndKnown } from "./plan_sealing.ts";
import { isFenced } from "./self_fence.ts";
import type { Step } from "./steps.ts";
import type { LocalView, PrimaryServer, StandbyServer } from "./view.ts";

/** Takes the reign over, passes the barrier, opens, and keeps the rules (R18 to R20). */
export function planReign(
  state: ClusterState,
  reigning: Reigning,
  view: LocalView,
): Step {
  const { server } = view;
  switch (server.kind) {
    case "starting":
      return idle("PostgreSQL starts");
    case "hung":
    case "leftovers":
      // A reign that was begun ends by an attempt, in which this copy seals like all others.
      return hasReigned(reigning, view)
        ? idle("The reign is lost; waiting for the next epoch")
        : { kind: "stop", mode: "immediate", why: `It is ${server.kind}` };
    case "stopped":
      // What has reigned starts in the attempt that follows; a pause puts that off (R24, R33).
      return hasReigned(reigning, view)
        ? idle("PostgreSQL has stopped; waiting for the next epoch")
        : { kind: "start" };
    case "standby":
      return hasReigned(reigning, view) ||
          isPastTakeover(state, reigning, view, server)
        ? idle("The reign is lost; waiting for the next epoch")
        : takeOver(state, reigning, view, server);
    case "primary":
      return reign(state, reigning, view, server);
  }
}

/** Whether this copy was seen as the primary of this epoch: what stopped since needs a new grant (R24). */
export function hasReigned(
  { phase, grant }: Reigning,
  { saved }: LocalView,
): boolean {
  return saved.epoch === grant.epoch &&
    (phase.kind === "open" || grant.promoted);
}

/**
 * Whether it can't take over any more: it had promoted and stopped before it could tell (another
 * promotion would be another timeline), or its log has grown since it sealed, by a promotion that
 * nobody granted or that came late, so that it is not what the grant says.
 */
export function isPastTakeover(
  state: ClusterState,
  { grant }: Reigning,
  view: LocalView,
  server: StandbyServer,
): boolean {
  const { saved } = view;
  const { timeline } = server;
  if (timeline >= grant.timeline || isForeign(state, view, timeline)) {
    return true;
  }
  // By what it sealed with: half a record at its end goes beyond, and is none (R13).
  return saved.epoch !== grant.epoch && isEndKnown(state, view, server) &&
    positionOf(state, saved.epoch, endOf(server)).epoch !== grant.parent;
}

function takeOver(
  state: ClusterState,
  { grant }: Reigning,
  view: LocalView,
  server: StandbyServer,
): Step {
  const { saved, rendered } = view;
  const rule = newestRule(state);
  if (!rule) return idle("There is no rule");
  if (saved.upstream !== null || server.receiver) {
    return { kind: "cut_upstream" };
  }
  const slots = slotsFor(state, view);
  // A slot that can't be made costs its standby a copy at worst, and a reign is worth more (T23).
  if (slots && view.failures === 0) return slots;
  if (rendered.rule !== rule.number) return { kind: "set_rule", rule };
  if (rendered.hba !== "closed" || server.sessions > 0) {
    return { kind: "close" };
  }
  if (!server.replayDone) return { kind: "finish_replay" };
  if (saved.epoch !== grant.epoch) return { kind: "own", epoch: grant.epoch };
  return { kind: "promote", timeline: grant.timeline };
}

function reign(
  state: ClusterState,
  reigning: Reigning,
  view: LocalView,
  server: PrimaryServer,
): Step {
  const { phase, grant } = reigning;
  const { epoch } = phase;
  const rule = newestRule(state);
  const isOther = isForeign(state, view, server.timeline);
  if (view.saved.epoch !== epoch || !rule || isOther) {
    const why = `It was promoted without the grant of epoch ${epoch}`;
    return disown(state, view, server.timeline) ??
      { kind: "stop", mode: "immediate", why };
  }
  if (!grant.promoted) {
    return { kind: "announce_promotion", epoch, timeline: grant.timeline };
  }
  const fence = fenced(state, view, server);
  if (fence) return fence;
  const barrier = passBarrier(state, reigning, rule, view);
  if (barrier) return barrier;
  if (phase.kind === "granted") {
    return { kind: "announce_opening", epoch, rule: rule.number };
  }
  if (view.rendered.hba !== "open") return { kind: "open" };
  const { handover } = phase;
  const isDone = handover === null || view.checkpointed === handover.number;
  if (!isDone && view.checkpointingFor !== handover.number) {
    return { kind: "checkpoint", handover: handover.number };
  }
  return slotsFor(state, view) ?? idle(CONTENT.primary);
}

/** A primary that nobody can see closes itself, when that costs no write (R28, R30). */
function fenced(
  state: ClusterState,
  view: LocalView,
  server: PrimaryServer,
): Step | null {
  if (!isFenced(state, view)) return null;
  return view.rendered.hba !== "closed" || server.sessions > 0
    ? { kind: "close" }
    : idle("Closed: no leader is known, and no standby acknowledges");
}

/** Has the newest rule followed and proved before anything rests on it (R18, R20). */
function passBarrier(
  state: ClusterState,
  { phase }: Reigning,
  rule: Rule,
  view: LocalView,
): Step | null {
  const { epoch } = phase;
  // Where the list may have been empty, a commit must be seen waiting before the names go in (T8).
  const seeWaiting = view.mayHaveBeenEmpty && rule.required > 0;
  if (view.rendered.rule !== rule.number && !seeWaiting) {
    return { kind: "set_rule", rule };
  }
  if (rule.standbys.length < rule.required) {
    return idle(`Waiting for ${rule.required} standbys that hold commits`);
  }
  // What waited when it closed itself is in its log and held by nobody: as after a start, it opens only
  // when a newer commit is held (R24, R28).
  const { hba } = view.rendered;
  const wasClosed = hba === "closed" || hba === "closing";
  const isChanging = isRuleChanging(state);
  if (phase.kind === "open" && !isChanging && !wasClosed) return null;
  if (view.barrier !== rule.number) {
    return { kind: "barrier", rule, seeWaiting };
  }
  if (phase.kind !== "open" || !isChanging) return null;
  return { kind: "retire_rules", epoch, rule };
}
