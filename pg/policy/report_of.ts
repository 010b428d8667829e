import {
  type ClusterState,
  hasCopy,
  type LossReason,
  newestRule,
  type Position,
  positionOf,
} from "../cluster/mod.ts";
import { CONTENT, hasData, isForeign, ownReign } from "./own.ts";
import { plan } from "./plan.ts";
import { hasReigned, isPastTakeover } from "./plan_reign.ts";
import { endOf, isBlank, isSealed } from "./plan_sealing.ts";
import type {
  FollowReport,
  InstanceState,
  PrimaryReport,
  Report,
} from "./report.ts";
import type { Step } from "./steps.ts";
import type { LocalView, ServerView } from "./view.ts";

/** How often a takeover may fail before another member is looked for. */
const MAX_TAKEOVER_FAILURES = 3;

/**
 * How long a takeover may stand still before another member is looked for: no replay, no start, and whatever it does
 * hangs, as on a disk that does.
 */
const TAKEOVER_STILL_MS = 15_000;

/** How often the barrier may fail; standbys that must come first are waited for longer. */
const MAX_OPENING_FAILURES = 30;

/** A report without the marks by which an agent orders its reports. */
export type UnnumberedReport = Omit<Report, "boot" | "sequence">;

/** Makes what a node tells the others about its PostgreSQL (R10). */
export function reportOf(
  state: ClusterState,
  view: LocalView,
): UnnumberedReport {
  const { id, saved, server, data } = view;
  const sealed = isSealed(state, view);
  const blank = isBlank(state, view);
  const { phase } = state;
  const isOut = phase.kind === "sealing" &&
    (sealed || (blank && saved.pledge >= phase.epoch));
  const loss = lossOf(state, view);
  const step = plan(state, view);
  return {
    id,
    pledge: saved.pledge,
    incarnation: blank || (data.kind === "present" && !view.job)
      ? saved.incarnation
      : null,
    state: stateOf(state, view, sealed),
    role: server.kind === "primary" || server.kind === "standby"
      ? server.kind
      : "none",
    sealed: isOut ? phase.epoch : 0,
    position: positionOfView(state, view),
    ...saved.epoch > 0 ? { followed: saved.followed } : {},
    timeline: timelineOf(view),
    replayLsn: replayOf(view),
    lost: loss?.reason ?? null,
    lostEpoch: loss?.epoch ?? 0,
    lostDetail: loss?.detail ?? "",
    lostMs: loss ? view.lostMs : 0,
    primary: primaryReport(state, view),
    following: followReport(view),
    ...isAdopting(state, view) ? { adopts: true } : {},
    needsClone: step.kind === "await_leave",
    ...step.kind === "await_checkpoint" ? { awaitsCheckpoint: true } : {},
    config: view.config,
    trouble: troubleOf(view, reasonOf(step)),
  };
}

function stateOf(
  state: ClusterState,
  view: LocalView,
  sealed: boolean,
): InstanceState {
  const { job, server, data } = view;
  if (job?.kind === "clone") return "cloning";
  if (job?.kind === "rewind") return "rewinding";
  if (job) return "starting";
  if (sealed) return "sealed";
  if (isStranger(state, view)) return "failed";
  switch (server.kind) {
    case "stopped":
      return data.kind === "unusable" || view.failures > 0
        ? "failed"
        : "stopped";
    case "leftovers":
    case "hung":
      return "failed";
    case "starting":
      return "starting";
    case "standby":
      return server.streaming ? "streaming" : "running";
    case "primary":
      return "running";
  }
}

/** A database that pgraft did not make, while it can still become the cluster's. */
function isAdopting({ systemId }: ClusterState, view: LocalView): boolean {
  return systemId === null && view.adopts === true;
}

/** A database that pgraft did not make and that is not this cluster's. */
function isStranger(state: ClusterState, view: LocalView): boolean {
  const { systemId } = state;
  const { data, saved } = view;
  return !isAdopting(state, view) && data.kind === "present" &&
    saved.founding === 0 &&
    (saved.incarnation === null || data.systemId !== systemId);
}

function positionOfView(
  state: ClusterState,
  view: LocalView,
): Position | null {
  if (!hasData(state, view) || view.job) return null;
  const { server, data, saved } = view;
  const at = (lsn: number): Position => positionOf(state, saved.epoch, lsn);
  switch (server.kind) {
    case "standby":
      return isForeign(state, view, server.timeline) ? null : at(endOf(server));
    case "primary":
      return isForeign(state, view, server.timeline)
        ? null
        : at(server.flushLsn);
    case "stopped":
      return data.kind === "present" && data.shutdownLsn !== null
        ? at(data.shutdownLsn)
        : null;
    default:
      return null;
  }
}

function timelineOf({ server, data }: LocalView): number {
  const ofServer = server.kind === "primary" || server.kind === "standby"
    ? server.timeline
    : 0;
  const ofData = data.kind === "present" ? data.timeline : 0;
  return Math.max(ofServer, ofData);
}

function replayOf({ server }: LocalView): number {
  if (server.kind === "standby") return server.replayLsn;
  return server.kind === "primary" ? server.flushLsn : 0;
}

/** Why a reign can not go on. */
export interface Loss {
  readonly epoch: number;
  readonly reason: LossReason;
  readonly detail: string;
}

/** Why the reign that this node has can't go on; null while it can, or has none (R7 a). */
export function lossOf(state: ClusterState, view: LocalView): Loss | null {
  const reigning = ownReign(state, view);
  if (!reigning) return null;
  const { phase } = reigning;
  const { server, failures, failure } = view;
  const { epoch } = phase;
  if (
    phase.kind === "granted" && failures >= MAX_OPENING_FAILURES &&
    !awaitsStandbys(state, server)
  ) {
    const detail = `It can't open: ${failure}`;
    return { epoch, reason: "takeover_failed", detail };
  }
  if (hasReigned(reigning, view)) return lostReign(epoch, view);
  const isPast = server.kind === "standby" &&
    isPastTakeover(state, reigning, view, server);
  if (isPast || failures >= MAX_TAKEOVER_FAILURES) {
    const detail = isPast
      ? "It is not any more where the grant found it"
      : `It can't take over: ${failure}`;
    return { epoch, reason: "takeover_failed", detail };
  }
  const isStill = !reigning.grant.promoted &&
    view.stillMs >= TAKEOVER_STILL_MS;
  if (!isStill) return null;
  const detail = `Its takeover has stood still for ${
    Math.round(view.stillMs)
  } ms: ${server.kind}`;
  return { epoch, reason: "takeover_failed", detail };
}

/**
 * Whether too few of those who shall hold the barrier stream as yet. They may be cloning, which takes as
 * long as it takes, and another reign would only end their source and have them begin again (R21).
 */
function awaitsStandbys(state: ClusterState, server: ServerView): boolean {
  const rule = newestRule(state);
  if (server.kind !== "primary" || !rule) return false;
  const holding = server.standbys.filter(({ copy, streaming }) =>
    streaming && hasCopy(rule.standbys, copy)
  );
  return holding.length < rule.required;
}

function lostReign(epoch: number, { server }: LocalView): Loss | null {
  switch (server.kind) {
    case "primary":
      return server.failing ? { epoch, ...server.failing } : null;
    case "hung":
      return { epoch, reason: "postmaster_hung", detail: server.detail };
    default:
      return {
        epoch,
        reason: "postmaster_gone",
        detail: "PostgreSQL has stopped",
      };
  }
}

function primaryReport(
  { phase }: ClusterState,
  { server, saved, rendered, checkpointed, checkpointEpoch }: LocalView,
): PrimaryReport | null {
  if (server.kind !== "primary") return null;
  const { flushLsn, standbys, absent, syncWaiters } = server;
  return {
    epoch: saved.epoch,
    flushLsn,
    standbys,
    absent,
    open: rendered.hba === "open" && phase.kind === "open",
    hasCheckpoint: checkpointEpoch === saved.epoch,
    handover: checkpointed,
    syncWaiters,
  };
}

function followReport({ server, saved }: LocalView): FollowReport | null {
  if (server.kind !== "standby" || !saved.upstream) return null;
  const { id, epoch } = saved.upstream;
  return {
    epoch,
    upstream: id,
    streaming: server.streaming,
    silentMs: server.silentMs,
    refused: server.refused,
  };
}

/** What a step waits for, in words; null for one that does something. */
function reasonOf(step: Step): string | null {
  switch (step.kind) {
    case "idle":
      return step.why;
    case "await_checkpoint":
      return `It must be rewound: waiting for a checkpoint of node ${step.source}`;
    default:
      return null;
  }
}

function troubleOf(view: LocalView, why: string | null): string | null {
  if (view.failures > 0) return view.failure;
  if (why === CONTENT.primary || why === CONTENT.standby) return null;
  return view.data.kind === "unusable" ? view.data.why : why;
}
