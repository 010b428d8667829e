import {
  type CatchUp,
  type ClusterState,
  comparePositions,
  grantOf,
  isSameCopy,
  type Lsn,
  newestRule,
  type Phase,
  positionOf,
} from "../cluster/mod.ts";
import { disown, hasData, idle, ownCopy, ownReign } from "./own.ts";
import type { Step } from "./steps.ts";
import type { LocalView, StandbyServer } from "./view.ts";

type Sealing = Extract<Phase, { kind: "sealing" }>;

/** How long standbys stream on while a primary ends in order (R32). */
export const PLANNED_STREAM_MS = 1500;

/** Seals: after the pledge nothing reaches this copy, and nobody is told of more than it reports (R12). */
export function planSealing(
  state: ClusterState,
  phase: Sealing,
  view: LocalView,
): Step {
  if (!hasData(state, view)) return idle("No valid data to seal");
  const { server } = view;
  switch (server.kind) {
    case "starting":
      // One that was rewound streams before it can be looked at: only its end shows that it has stopped (R12).
      return view.saved.upstream === null
        ? idle("PostgreSQL starts")
        : { kind: "stop", mode: "immediate", why: "It streams, unseen" };
    case "hung":
    case "leftovers":
      return { kind: "stop", mode: "immediate", why: `It is ${server.kind}` };
    case "primary":
      return disown(state, view, server.timeline) ?? {
        kind: "stop",
        mode: isOrderly(phase, view) ? "fast" : "immediate",
        why: `Epoch ${phase.epoch} begins`,
      };
    case "stopped":
      // Nobody streams from a server that is down.
      if (isSameCopy(phase.catchUp?.source ?? null, ownCopy(view))) {
        return { kind: "start" };
      }
      if (isSealed(state, view)) return idle("Sealed, stopped in order");
      return mayWait(state, view)
        ? idle("Leaving the disk to those who are up")
        : { kind: "start" };
    case "standby":
      return sealStandby(state, phase, view, server);
  }
}

/** How long the old primary lets the others seal before it recovers, which costs the disk much. */
const PATIENCE_MS = 300;

/** With k >= 1 the others are enough, and recover nothing; alone, every moment counts (R6). */
function mayWait(state: ClusterState, { phaseMs }: LocalView): boolean {
  const rule = newestRule(state);
  return rule !== null && rule.required > 0 && phaseMs < PATIENCE_MS;
}

/** Only a planned change lets the primary write its end; a loss has no time for that. */
function isOrderly({ attempt }: Sealing, { phaseMs }: LocalView): boolean {
  return attempt.kind === "planned" && phaseMs < PLANNED_STREAM_MS;
}

function sealStandby(
  state: ClusterState,
  phase: Sealing,
  view: LocalView,
  server: StandbyServer,
): Step {
  const { catchUp, epoch } = phase;
  const { saved, rendered } = view;
  const isCut = saved.upstream === null && !server.receiver;
  if (catchUp !== null && lacks(state, catchUp, view, server)) {
    const source = catchUp.source.id;
    const step = {
      kind: "catch_up",
      epoch,
      source,
      follows: catchUp.epoch,
    } as const;
    if (saved.upstream?.id === source && saved.upstream.epoch === epoch) {
      return rendered.upstream?.epoch === epoch
        ? idle(`Streaming the difference from node ${source}`)
        : step;
    }
    return isCut ? step : { kind: "cut_upstream" };
  }
  if (isCut) {
    return isEndKnown(state, view, server)
      ? idle("Sealed")
      : { kind: "finish_replay" };
  }
  // The old primary's last record shall arrive before the stream is cut.
  if (isOrderly(phase, view) && server.streaming) {
    return idle("Waiting for the end of the old primary's log");
  }
  return { kind: "cut_upstream" };
}

/** Whether this copy is to stream, and has not got all of it for sure. */
function lacks(
  state: ClusterState,
  { target, epoch, lsn }: CatchUp,
  view: LocalView,
  server: StandbyServer,
): boolean {
  if (!isSameCopy(target, ownCopy(view))) return false;
  const position = positionOf(state, view.saved.epoch, endOf(server));
  return !isEndKnown(state, view, server) ||
    comparePositions(position, { epoch, lsn }) < 0;
}

/** Whether this copy is sealed for the present attempt: what it reports can't grow by itself. */
export function isSealed(state: ClusterState, view: LocalView): boolean {
  const { phase } = state;
  const { saved, server, data, job } = view;
  if (phase.kind !== "sealing" || job || !hasData(state, view)) return false;
  if (saved.pledge < phase.epoch || saved.upstream !== null) return false;
  switch (server.kind) {
    case "standby":
      return !server.receiver && isEndKnown(state, view, server);
    case "stopped":
      // R32: an end in order says itself where it is; any other is known after recovery only.
      return phase.attempt.kind === "planned" && data.kind === "present" &&
        data.shutdownLsn !== null &&
        data.timeline === grantOf(state, saved.epoch)?.timeline;
    default:
      return false;
  }
}

/**
 * Whether nothing reaches this copy while its data is of no use: it is being rewound or replaced, was cut short in
 * that, or has not got to a consistent state since. All that can be told is what it never followed.
 */
export function isBlank(state: ClusterState, view: LocalView): boolean {
  const { saved, server, job } = view;
  if (saved.incarnation === null || saved.epoch <= 0) return false;
  if (saved.upstream !== null || ownReign(state, view)) return false;
  if (job) return job.kind === "rewind" || job.kind === "clone";
  return server.kind === "starting"
    ? saved.rewound > 0
    : server.kind === "stopped" && !hasData(state, view);
}

/**
 * Whether it is known where a standby's log ends. After a restart it is not before all of it is replayed:
 * PostgreSQL lets sessions in long before that, and has received nothing yet (R12, T12). And what is
 * flushed beyond the start of the epoch that it follows is that epoch's only when replay has passed the
 * start: else it may be half a record of the epoch before (R13, R14).
 */
export function isEndKnown(
  state: ClusterState,
  { saved }: LocalView,
  { replayDone, replayLsn, endLsn }: StandbyServer,
): boolean {
  if (replayDone) return true;
  const startLsn = grantOf(state, saved.epoch)?.startLsn ?? 0;
  return endLsn > replayLsn && replayLsn > startLsn;
}

/** Where a standby's log ends: half a record at its end is none, PostgreSQL writes over it (R13). */
export function endOf({ replayDone, replayLsn, endLsn }: StandbyServer): Lsn {
  return replayDone ? replayLsn : endLsn;
}
