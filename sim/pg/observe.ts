import {
  copyOfName,
  currentPrimary,
  newestRule,
} from "../../pg/cluster/mod.ts";
import type {
  DataView,
  LocalView,
  PrimaryServer,
  ServerView,
  SourceView,
  StandbyServer,
} from "../../pg/policy/mod.ts";
import { between, chance } from "../mod.ts";
import { ELECTION_TIMEOUT_MS } from "./consensus.ts";
import {
  type Agent,
  clockOf,
  type PgNode,
  type PgProcess,
  type PgSim,
  stateOf,
} from "./node.ts";
import { endAfter, endOf, timelineOf } from "./wal.ts";
import { flushedBy } from "./waits.ts";
import type { Doer, Work } from "./work.ts";

/** How long a control connection is waited for before the postmaster is taken for hung. */
const HUNG_AFTER_MS = 500;

/** What a look has shown, each at its own moment. */
export interface Seen {
  readonly server: ServerView;
  readonly data: DataView;
}

/** How long a look may take on a busy machine, and otherwise. */
const SLOW_LOOK_MS = 300;
const LOOK_MS = 3;

/**
 * Looks as an agent does: what it sees of its server is older than what it knows itself when it is done. It
 * looks again where something was noted or begun meanwhile (R12).
 */
export function* look({ sim, node, agent }: Doer): Work<Seen> {
  const { world } = sim;
  // What was seen first must not be told last.
  while (agent.isLooking) yield 0.5;
  agent.isLooking = true;
  for (;;) {
    const { saved } = node;
    const { job } = agent;
    const server = serverOf(sim, node, agent);
    const isSlow = chance(world, 0.05);
    yield between(world, 0.1, isSlow ? SLOW_LOOK_MS : LOOK_MS);
    const data = dataOf(node);
    yield between(world, 0.1, 1);
    const isOld = job !== null && agent.job !== job;
    if (isOld || node.saved !== saved) continue;
    agent.isLooking = false;
    return { server, data };
  }
}

/** The same with what this process has changed itself since: closing has seen to it that nobody else is in. */
export function seenAgain({ rendered }: Agent, seen: Seen): Seen {
  return rendered.hba === "closed" && "sessions" in seen.server
    ? { ...seen, server: { ...seen.server, sessions: 0 } }
    : seen;
}

/** What an agent knows of its own PostgreSQL; of now where it has not looked. */
export function viewOf(
  sim: PgSim,
  node: PgNode,
  agent: Agent,
  seen: Seen | null = null,
): LocalView {
  const now = clockOf(sim, node);
  const server = seen?.server ?? serverOf(sim, node, agent);
  noteState(agent, server, now);
  return {
    id: node.id,
    saved: node.saved,
    data: seen?.data ?? dataOf(node),
    server,
    rendered: agent.rendered,
    job: agent.job,
    barrier: agent.barrier,
    slots: node.slots,
    checkpointEpoch: agent.checkpointEpoch,
    checkpointed: agent.checkpointed,
    checkpointingFor: agent.checkpointingFor,
    mayHaveBeenEmpty: agent.mayHaveBeenEmpty,
    canRewind: node.id % 2 === 1 || node.id % 3 === 0,
    source: sourceOf(sim, agent),
    rewindFailed: agent.rewindFailed,
    failedStarts: 0,
    config: { version: 0, pendingRestart: [], fault: null },
    cascade: cascadeOf(sim, node, agent),
    mustClone: false,
    ruleMs: 0,
    stillMs: now - agent.stateSinceMs,
    failures: agent.failures,
    failure: agent.failure,
    lonelyMs: (sim.world.nowMs - agent.leaderAtMs) * node.clockRate,
    unacknowledgedMs: (sim.world.nowMs - agent.acknowledgedAtMs) *
      node.clockRate,
    electionTimeoutMs: ELECTION_TIMEOUT_MS,
    phaseMs: now - agent.phaseSinceMs,
    lostMs: agent.lostSinceMs === null ? 0 : now - agent.lostSinceMs,
  };
}

function noteState(agent: Agent, server: ServerView, now: number): void {
  const replayLsn = server.kind === "standby" ? server.replayLsn : 0;
  const state = `${agent.phaseKey} ${server.kind} ${replayLsn}`;
  if (state === agent.state) return;
  agent.state = state;
  agent.stateSinceMs = now;
}

/** T17: by the newest report of whoever reigns, unless it has fallen silent. */
function sourceOf(sim: PgSim, agent: Agent): SourceView {
  const { world } = sim;
  const state = stateOf(sim, agent);
  const heard = agent.heard.get(currentPrimary(state)?.id ?? 0);
  const primary = heard?.report?.primary;
  const isHeard = heard !== undefined && "epoch" in state.phase &&
    world.nowMs - heard.heardAtMs < ELECTION_TIMEOUT_MS &&
    primary?.epoch === state.phase.epoch;
  if (!isHeard) return "unheard";
  return primary.hasCheckpoint ? "checkpointed" : "reigns";
}

/** As an agent does: by the newest report that it has heard. */
function cascadeOf(sim: PgSim, node: PgNode, agent: Agent): number | null {
  const state = stateOf(sim, agent);
  const source = state.members.get(node.id)?.tags.cascadeFrom ?? null;
  const { phase } = state;
  if (source === null || phase.kind !== "open") return null;
  if (currentPrimary(state)?.id === source) return null;
  const heard = agent.heard.get(source);
  const following = heard?.report?.following;
  const isRecent = heard !== undefined &&
    sim.world.nowMs - heard.heardAtMs < ELECTION_TIMEOUT_MS;
  return isRecent && following?.epoch === phase.epoch && following.streaming
    ? source
    : null;
}

function dataOf({ disk, proc }: PgNode): DataView {
  if (disk.marker) return { kind: "unusable", why: `A ${disk.marker} broke` };
  if (disk.kind === "empty") return { kind: "empty" };
  return {
    kind: "present",
    systemId: disk.systemId,
    timeline: Math.max(timelineOf(disk.wal), disk.knownTimeline),
    shutdownLsn: proc ? null : disk.shutdownLsn,
  };
}

function serverOf(sim: PgSim, node: PgNode, agent: Agent): ServerView {
  const { proc } = node;
  if (!proc) return { kind: "stopped" };
  if (!proc.hasPostmaster) return { kind: "leftovers" };
  const frozenMs = proc.postmasterFrozenUntilMs - sim.world.nowMs;
  if (frozenMs > 0 && frozenMs < FREEZE_MS - HUNG_AFTER_MS) {
    return { kind: "hung", detail: "No connection within its deadline" };
  }
  if (proc.mode === "starting") return { kind: "starting" };
  if (proc.mode === "primary") return primaryOf(sim, node, proc, agent);
  return standbyOf(sim, node, proc);
}

/** How long a frozen postmaster stays so. */
export const FREEZE_MS = 5000;

function standbyOf(
  sim: PgSim,
  { id, disk, clockRate }: PgNode,
  proc: PgProcess,
): StandbyServer {
  const replayLsn = endAfter(disk.wal, proc.replayed);
  const upstream = sim.nodes.get(proc.conninfo?.upstream ?? 0);
  const reaches = upstream && !sim.net.cut.has(`${id}>${upstream.id}`) &&
    !sim.net.cut.has(`${upstream.id}>${id}`);
  return {
    kind: "standby",
    endLsn: Math.max(proc.receivedLsn ?? 0, replayLsn),
    replayLsn,
    replayDone: proc.replayed === disk.wal.records.length,
    receiver: proc.receiver !== null || proc.conninfo !== null,
    streaming: proc.receiver !== null && !proc.receiver.senderEnded,
    silentMs: (sim.world.nowMs - proc.heardAtMs) * clockRate,
    refused: Boolean(reaches && !upstream.proc?.hasPostmaster),
    timeline: timelineOf(disk.wal),
    sessions: proc.sessions.size,
    broken: proc.broken,
  };
}

function primaryOf(
  sim: PgSim,
  node: PgNode,
  proc: PgProcess,
  agent: Agent,
): PrimaryServer {
  const { nowMs } = sim.world;
  const standbys = [...proc.senders].flatMap(({ name, flushLsn }) => {
    const named = copyOfName(name);
    return named?.epoch === node.saved.epoch
      ? [{ copy: named.copy, streaming: true, flushLsn }]
      : [];
  });
  const absent: { id: number; ms: number }[] = [];
  for (const id of stateOf(sim, agent).members.keys()) {
    if (id === node.id) continue;
    if (standbys.some(({ copy }) => copy.id === id)) {
      agent.absentSinceMs.delete(id);
      continue;
    }
    const since = agent.absentSinceMs.get(id) ?? nowMs;
    agent.absentSinceMs.set(id, since);
    absent.push({ id, ms: (nowMs - since) * node.clockRate });
  }
  return {
    kind: "primary",
    flushLsn: endOf(node.disk.wal),
    timeline: timelineOf(node.disk.wal),
    sessions: proc.sessions.size,
    standbys,
    absent,
    syncWaiters: proc.waiters.length,
    failing: failingOf(sim, node),
  };
}

function failingOf(
  { world: { nowMs } }: PgSim,
  { diskHungUntilMs, diskFullUntilMs }: PgNode,
): PrimaryServer["failing"] {
  if (nowMs < diskFullUntilMs) {
    return { reason: "disk_full", detail: "The disk is full" };
  }
  // The probe has a deadline: a short hang is not seen (R9).
  return diskHungUntilMs - nowMs > 0 && diskHungUntilMs - nowMs < 3000
    ? { reason: "disk_hung", detail: "The probe hangs" }
    : null;
}

/** The synchronous probe of R28: whether k standbys hold what was written a moment ago. */
export function noteProbe(sim: PgSim, node: PgNode, agent: Agent): void {
  const { proc } = node;
  if (proc?.mode !== "primary") {
    agent.probeLsn = 0;
    agent.acknowledgedAtMs = sim.world.nowMs;
    return;
  }
  const rule = newestRule(stateOf(sim, agent));
  const isMet = !rule ||
    flushedBy(proc, proc.list.names, agent.probeLsn) >= rule.required;
  if (isMet) {
    agent.acknowledgedAtMs = sim.world.nowMs;
    agent.probeLsn = endOf(node.disk.wal);
  }
}
