import { messageOf } from "../../base/mod.ts";
import {
  type ClusterState,
  copyOfName,
  currentPrimary,
  type MemberId,
  newestRule,
} from "../cluster/mod.ts";
import {
  type DataState,
  InstanceError,
  isUnseenStandby,
  type ServerView as Seen,
} from "../instance/mod.ts";
import {
  type DataView,
  type LocalView,
  lossOf,
  type PrimaryServer,
  reportOf,
  type ServerView,
  type SourceView,
  type StandbyServer,
  type StandbyView,
} from "../policy/mod.ts";
import type { Body, Watch } from "./body.ts";
import { hearEnd } from "./orphans.ts";
import { isRefused } from "./refusal.ts";

/** How long a look at the server may take. */
const LOOK_TIMEOUT_MS = 1000;
/** How long a server may leave looks unanswered before it counts as hung. */
const HUNG_MS = 1500;
/** How long a stream may be down before the server's log is asked why. */
const ASK_LOG_AFTER_MS = 300;

/**
 * Looks at this node's PostgreSQL once, and tells all members. One look comes after the other: what was seen
 * first must not be told last.
 *
 * @param body The agent.
 * @returns What was seen.
 */
export async function look(body: Body): Promise<LocalView> {
  const looking = body.looking.then(() => lookOnce(body));
  body.looking = looking.catch(() => {});
  return await looking;
}

async function lookOnce(body: Body): Promise<LocalView> {
  const { ports } = body.options;
  const { job, saved } = body;
  const server = await lookAtServer(body);
  const data = await lookAtData(body, server);
  // What a job has made since may not have been there yet: on such a look it would be done again.
  const isOld = job !== null && body.job !== job;
  // Nor may what was seen before something was noted be told with the note: a stream that was seen ended before
  // it was cut for good may have brought more (R12).
  if (isOld || body.saved !== saved) return await lookOnce(body);
  const state = ports.state();
  const view = viewOf(body, state, data, server);
  body.view = view;
  body.lookedAtMs = body.options.clock.nowMs();
  if (body.confirmed) tell(body, state, view);
  return view;
}

/** The newest look with what this process has changed itself since: nothing else is asked anew. */
export function lookAgain(body: Body): LocalView | null {
  const { view, options, rendered } = body;
  if (!view) return null;
  const { data, server } = view;
  // Closing has seen to it that nobody else is in.
  const seen = rendered.hba === "closed" && "sessions" in server
    ? { ...server, sessions: 0 }
    : server;
  const again = viewOf(body, options.ports.state(), data, seen);
  body.view = again;
  return again;
}

function tell(body: Body, state: ClusterState, view: LocalView): void {
  body.sequence += 1;
  const { boot, sequence, copy } = body;
  const progress = copy === null ? {} : { copy };
  const report = { ...reportOf(state, view), ...progress, boot, sequence };
  body.options.ports.broadcast(report);
}

function viewOf(
  body: Body,
  state: ClusterState,
  data: DataView,
  server: ServerView,
): LocalView {
  const { options, watch } = body;
  const nowMs = options.clock.nowMs();
  // In mode off only a round trip counts, since others act on what they hear of this node (R30); and so it
  // does for one that closed itself, which may not have applied yet what ended its reign (R28).
  const { hba } = body.rendered;
  const mustAsk = state.mode === "off" || hba === "closed" || hba === "closing";
  if (mustAsk) askForContact(body, nowMs);
  else if (options.ports.hasLeader()) watch.leaderSeenAtMs = nowMs;
  notePhase(body, state, nowMs);
  noteAcknowledged(body, state, server);
  noteState(watch, server, nowMs);
  const view: LocalView = {
    id: options.id,
    saved: body.saved,
    data,
    adopts: isAdoptable(body, data),
    server,
    rendered: body.rendered,
    job: body.job,
    barrier: body.barrier,
    slots: body.slots,
    checkpointEpoch: body.ownCheckpoint,
    checkpointed: body.checkpointed,
    checkpointingFor: body.checkpointingFor,
    mayHaveBeenEmpty: body.mayHaveBeenEmpty,
    canRewind: options.canRewind,
    source: sourceOf(body, state),
    rewindFailed: body.rewindFailed,
    failedStarts: body.failedStarts,
    failures: body.failures,
    failure: body.failure,
    config: configView(body),
    cascade: cascadeOf(body, state),
    mustClone: body.mustClone,
    lonelyMs: nowMs - watch.leaderSeenAtMs,
    unacknowledgedMs: nowMs - watch.acknowledgedAtMs,
    electionTimeoutMs: options.electionTimeoutMs,
    phaseMs: nowMs - watch.phaseSinceMs,
    ruleMs: nowMs - watch.ruleSinceMs,
    stillMs: nowMs - watch.stateSinceMs,
    lostMs: 0,
  };
  const isLost = lossOf(state, view) !== null;
  watch.lostSinceMs = isLost ? watch.lostSinceMs ?? nowMs : null;
  return { ...view, lostMs: nowMs - (watch.lostSinceMs ?? nowMs) };
}

function configView({ config }: Body): LocalView["config"] {
  const { version, pendingRestart, pendingPrimary, fault } = config;
  return { version, pendingRestart, pendingPrimary, fault };
}

function sourceOf(
  { options: { ports } }: Body,
  state: ClusterState,
): SourceView {
  const { phase } = state;
  const primary = currentPrimary(state);
  return primary === null || !("epoch" in phase)
    ? "unheard"
    : ports.sourceOf(primary.id, phase.epoch);
}

function cascadeOf(
  { options: { id, ports } }: Body,
  state: ClusterState,
): MemberId | null {
  const source = state.members.get(id)?.tags.cascadeFrom ?? null;
  const reigns = source !== null && currentPrimary(state)?.id === source;
  const { phase } = state;
  if (source === null || reigns || phase.kind !== "open") return null;
  return ports.isStreaming(source, phase.epoch) ? source : null;
}

/** A database that pgraft did not make, where that is wished for or was begun. */
function isAdoptable({ options, saved }: Body, data: DataView): boolean {
  if (data.kind !== "present" || saved.founding > 0) return false;
  return saved.adopted === data.systemId ||
    (options.adopt && saved.adopted === "" && saved.incarnation === null);
}

/** Contact with the quorum, as of when it was asked for. */
function askForContact(body: Body, nowMs: number): void {
  const { watch, options } = body;
  if (watch.isAskingForContact) return;
  watch.isAskingForContact = true;
  body.contactEnded = options.ports.confirm().then(() => {
    watch.leaderSeenAtMs = nowMs;
  }).catch(() => {}).finally(() => {
    watch.isAskingForContact = false;
  });
}

function notePhase(
  { watch }: Body,
  { phase, lastRule }: ClusterState,
  nowMs: number,
): void {
  const epoch = "epoch" in phase ? phase.epoch : 0;
  const name = `${phase.kind} ${epoch}`;
  if (watch.rule !== lastRule) watch.ruleSinceMs = nowMs;
  watch.rule = lastRule;
  if (name === watch.phase) return;
  watch.phase = name;
  watch.phaseSinceMs = nowMs;
}

function noteState(watch: Watch, server: ServerView, nowMs: number): void {
  const replayLsn = server.kind === "standby" ? server.replayLsn : 0;
  const state = `${watch.phase} ${server.kind} ${replayLsn}`;
  if (state === watch.state) return;
  watch.state = state;
  watch.stateSinceMs = nowMs;
}

/** The probe's own commit, once k standbys of the rule hold it, is a synchronous probe (R28). */
function noteAcknowledged(
  { watch }: Body,
  state: ClusterState,
  server: ServerView,
): void {
  const rule = newestRule(state);
  if (server.kind !== "primary" || !rule || watch.probeLsn === 0) return;
  const holding = rule.standbys.filter((copy) =>
    server.standbys.some((standby) =>
      standby.copy.id === copy.id &&
      standby.copy.incarnation === copy.incarnation &&
      standby.flushLsn >= watch.probeLsn
    )
  );
  if (holding.length >= rule.required) {
    watch.acknowledgedAtMs = watch.probedAtMs;
    watch.lastWriteAtMs = watch.probedAtMs;
  }
}

async function lookAtServer(body: Body): Promise<ServerView> {
  const { instance, clock } = body.options;
  const { watch } = body;
  const postmaster = await instance.postmaster();
  if (!postmaster) {
    watch.hungSinceMs = null;
    return { kind: await instance.isOccupied() ? "leftovers" : "stopped" };
  }
  try {
    const seen = await instance.observe({ timeoutMs: LOOK_TIMEOUT_MS });
    watch.hungSinceMs = null;
    hearEnd(body, postmaster.pid);
    noteLoaded(body, seen);
    watch.drift = {
      drift: seen.drift,
      lsn: seen.flushLsn ?? seen.replayLsn ?? 0,
    };
    return seen.inRecovery
      ? await standbyOf(body, seen)
      : primaryOf(body, seen);
  } catch (error) {
    const nowMs = clock.nowMs();
    if (error instanceof InstanceError && error.code === "timeout") {
      watch.hungSinceMs ??= nowMs - LOOK_TIMEOUT_MS;
      const silentMs = nowMs - watch.hungSinceMs;
      const detail = `PostgreSQL has not answered for ${
        Math.round(silentMs)
      } ms`;
      if (silentMs >= HUNG_MS) return { kind: "hung", detail, silentMs };
      return keepLast(body);
    }
    if (postmaster.isForeign) {
      // R25: it is a closed standby, and of no use to anybody before it is started in order.
      const detail = "Somebody else has started it, out of the agent's reach";
      return { kind: "hung", detail };
    }
    if (isUnseenStandby(error) && !body.isLowering) {
      const detail = "A promotion was cut short, and it lets nobody in";
      return { kind: "hung", detail };
    }
    if (watch.failing?.reason === "postmaster_hung") {
      return { kind: "hung", detail: watch.failing.detail };
    }
    return { kind: "starting" };
  }
}

/** What was set by ALTER SYSTEM counts from a reload on, and this is how one is noticed. */
function noteLoaded({ watch, options }: Body, { loadedAt }: Seen): void {
  if (watch.loadedAt === loadedAt) return;
  watch.loadedAt = loadedAt;
  options.ports.configurationLoaded();
}

/** One look that took too long is no reason to forget what was seen before, while it still holds. */
function keepLast({ view, saved }: Body): ServerView {
  return view?.saved === saved ? view.server : { kind: "starting" };
}

async function standbyOf(body: Body, seen: Seen): Promise<StandbyServer> {
  const { watch, saved, options } = body;
  const nowMs = options.clock.nowMs();
  const receiveLsn = seen.receiveLsn ?? 0;
  const replayLsn = seen.replayLsn ?? 0;
  const heard = `${seen.receiver?.lastMessageAt} ${receiveLsn}`;
  if (seen.receiver !== null && heard !== watch.heard) {
    watch.heard = heard;
    watch.heardAtMs = heardAt(body, nowMs, seen.receiver.heardAgoMs ?? 0);
    watch.lastWriteAtMs = watch.heardAtMs;
  }
  const streaming = seen.receiver?.status === "streaming";
  const unmoved = seen.startupWaits && watch.replayWaited &&
    watch.replayLsn === replayLsn;
  watch.replayLsn = replayLsn;
  watch.replayWaited = seen.startupWaits;
  watch.replayPausedSinceMs = seen.replayPaused
    ? watch.replayPausedSinceMs ?? nowMs
    : null;
  const replayDone = unmoved ||
    (seen.receiveLsn !== null && replayLsn >= receiveLsn);
  return {
    kind: "standby",
    endLsn: Math.max(receiveLsn, replayLsn),
    replayLsn,
    replayDone,
    receiver: seen.receiver !== null ||
      (seen.settings.get("primary_conninfo") ?? "") !== "",
    streaming,
    silentMs: nowMs - watch.heardAtMs,
    refused: !streaming && saved.upstream !== null &&
      await isUpstreamRefusing(body),
    timeline: await timelineOf(body, seen),
    sessions: seen.sessions,
    broken: streaming ? null : await brokenStream(body, nowMs),
  };
}

/** When the upstream was heard: the server knows, and it was since the last look, whatever clocks do. */
function heardAt(
  { lookedAtMs }: Body,
  nowMs: number,
  heardAgoMs: number,
): number {
  return Math.min(nowMs, Math.max(lookedAtMs, nowMs - heardAgoMs));
}

/**
 * The timeline on which the log ends. What the server says of a standby may be of before its last
 * checkpoint, and a promotion that nobody granted must be seen (R33); its files know.
 */
async function timelineOf(
  { watch, options }: Body,
  { receiver, receiveLsn, replayLsn, timeline }: Seen,
): Promise<number> {
  if (receiver?.status === "streaming") return receiver.receivedTli;
  const endLsn = Math.max(receiveLsn ?? 0, replayLsn ?? 0);
  if (watch.timeline.endLsn !== endLsn) {
    const found = await options.instance.timelineAt(endLsn);
    watch.timeline = { endLsn, timeline: found ?? timeline };
  }
  return watch.timeline.timeline;
}

async function isUpstreamRefusing({ saved, options }: Body): Promise<boolean> {
  const { ports } = options;
  const upstream = ports.state().members.get(saved.upstream?.id ?? 0);
  return upstream !== undefined && await isRefused(upstream);
}

/** A stream that is down for a while may have a reason that no waiting mends. */
async function brokenStream(
  { watch, saved, options }: Body,
  nowMs: number,
): Promise<string | null> {
  const downMs = nowMs - Math.max(watch.heardAtMs, watch.followedAtMs);
  if (saved.upstream === null || downMs < ASK_LOG_AFTER_MS) return null;
  return await options.instance.brokenStream(watch.followedLogBytes);
}

function primaryOf(body: Body, seen: Seen): PrimaryServer {
  const { watch, options, saved } = body;
  const nowMs = options.clock.nowMs();
  const standbys: StandbyView[] = [];
  for (const { name, state, flushLsn } of seen.replication) {
    const named = copyOfName(name);
    if (named?.epoch !== saved.epoch) continue;
    standbys.push({
      copy: named.copy,
      streaming: state === "streaming",
      flushLsn: flushLsn ?? 0,
    });
  }
  const absent: { id: number; ms: number }[] = [];
  for (const id of options.ports.state().members.keys()) {
    const isThere = id === options.id ||
      standbys.some(({ copy, streaming }) => copy.id === id && streaming);
    if (isThere) {
      watch.absentSinceMs.delete(id);
      continue;
    }
    const sinceMs = watch.absentSinceMs.get(id) ?? nowMs;
    watch.absentSinceMs.set(id, sinceMs);
    absent.push({ id, ms: nowMs - sinceMs });
  }
  return {
    kind: "primary",
    flushLsn: seen.flushLsn ?? 0,
    timeline: seen.timeline,
    sessions: seen.sessions,
    standbys,
    absent,
    syncWaiters: seen.syncWaiters,
    failing: watch.failing,
  };
}

async function lookAtData(
  { options, job, view, saved }: Body,
  server: ServerView,
): Promise<DataView> {
  const isRunning = server.kind === "standby" || server.kind === "primary";
  const last = view?.data;
  if (isRunning && last?.kind === "present" && last.shutdownLsn === null) {
    return last;
  }
  if (job) return last ?? { kind: "empty" };
  try {
    const { instance } = options;
    const data = dataOf(await instance.inspect(), isRunning);
    if (data.kind !== "present" || saved.incarnation === null) return data;
    return await instance.readMark() === String(saved.incarnation)
      ? data
      : { kind: "unusable", why: "The data directory holds another copy" };
  } catch (error) {
    return { kind: "unusable", why: messageOf(error) };
  }
}

function dataOf(state: DataState, isRunning: boolean): DataView {
  switch (state.kind) {
    case "empty":
      return { kind: "empty" };
    case "unusable":
      return { kind: "unusable", why: state.reason };
    case "present":
      return {
        kind: "present",
        systemId: state.systemId,
        timeline: Math.max(state.timeline, state.minRecoveryTimeline),
        shutdownLsn: !isRunning && state.controlState === "shut down"
          ? state.checkpointLsn
          : null,
      };
  }
}
