import { between, chance, schedule, tell } from "../mod.ts";
import { checkJoin } from "./checks_local.ts";
import { passes, passesBoth } from "./net.ts";
import {
  isFrozen,
  type PgNode,
  type PgProcess,
  type PgSim,
  type Stream,
} from "./node.ts";
import {
  appendRecord,
  endAfter,
  endOf,
  SEGMENT_BYTES,
  timelineOf,
  type WalRecord,
} from "./wal.ts";
import { releaseBy } from "./waits.ts";

const RETRY_MS = 100;
/** A connection over which nothing comes for so long is given up. */
const STREAM_TIMEOUT_MS = 4000;
const MAX_BATCH = 8;

/** Lets a standby that is told to stream try to. */
export function tryConnect(
  sim: PgSim,
  node: PgNode,
  proc: PgProcess,
): void {
  const { world, net, nodes } = sim;
  const { receiver } = proc;
  if (receiver) {
    if (world.nowMs - receiver.heardAtMs > STREAM_TIMEOUT_MS) {
      endReceiver(sim, receiver);
    }
    return;
  }
  const { conninfo } = proc;
  const { wal } = node.disk;
  // The startup process asks for a stream once it has read all that is there.
  if (!conninfo || proc.mode === "primary" || proc.promoting) return;
  if (world.nowMs < proc.retryAtMs) return;
  if (proc.replayed < wal.records.length) return;
  proc.retryAtMs = world.nowMs + RETRY_MS;
  const upstream = nodes.get(conninfo.upstream);
  const server = upstream?.proc;
  if (!upstream || !server || !passesBoth(net, node.id, upstream.id)) return;
  const isThere = server.hasPostmaster && server.mode !== "starting" &&
    world.nowMs >= server.postmasterFrozenUntilMs && !isFrozen(sim, upstream);
  if (!isThere) return;
  const refusal = refuseStream(node, upstream);
  if (refusal !== null) {
    if (refusal.forEver) proc.broken = refusal.why;
    return;
  }
  connect(sim, node, proc, { upstream, server });
}

/** What PostgreSQL itself compares: timeline numbers and switch points, never contents (T27). */
function refuseStream(
  standby: PgNode,
  upstream: PgNode,
): { readonly why: string; readonly forEver: boolean } | null {
  if (standby.disk.systemId !== upstream.disk.systemId) {
    return { why: "the system identifiers differ", forEver: true };
  }
  const ours = standby.disk.wal;
  const theirs = upstream.disk.wal;
  const timeline = timelineOf(ours);
  if (timelineOf(theirs) < timeline) {
    return { why: "the upstream's timeline is behind", forEver: false };
  }
  const at = theirs.history.findIndex((one) => one.timeline === timeline);
  const next = theirs.history[at + 1];
  if (at < 0) {
    return { why: "the timeline is not in its history", forEver: true };
  }
  if (next && endOf(ours) > next.lsn) {
    return { why: "it is beyond the switch point", forEver: true };
  }
  return endOf(ours) > endOf(theirs)
    ? { why: "it is ahead of the flush position", forEver: false }
    : null;
}

function connect(
  sim: PgSim,
  node: PgNode,
  proc: PgProcess,
  { upstream, server }: {
    readonly upstream: PgNode;
    readonly server: PgProcess;
  },
): void {
  const { world } = sim;
  const { wal } = node.disk;
  checkJoin(sim, node, upstream);
  wal.tail = 0;
  // T12: the stream begins at the start of a segment, and so does what it says it has.
  proc.receivedLsn = Math.floor(endOf(wal) / SEGMENT_BYTES) * SEGMENT_BYTES;
  proc.broken = null;
  proc.heardAtMs = world.nowMs;
  const stream: Stream = {
    standby: node,
    standbyLife: proc.life,
    upstream,
    upstreamLife: server.life,
    name: proc.conninfo?.name ?? "",
    sent: wal.records.length,
    underWay: false,
    flushLsn: 0,
    list: server.list,
    heardAtMs: world.nowMs,
    repliedAtMs: world.nowMs,
    receiverEnded: false,
    senderEnded: false,
  };
  proc.receiver = stream;
  server.senders.add(stream);
  tell(world, () => `${node.id} streams from ${upstream.id}`);
  acknowledge(sim, stream, endOf(wal));
  keepAlive(sim, stream);
  pump(sim, stream);
}

/** Sends what standbys have not been sent. */
export function pumpAll(sim: PgSim, { senders }: PgProcess): void {
  for (const stream of senders) pump(sim, stream);
}

function pump(sim: PgSim, stream: Stream): void {
  const { upstream, sent } = stream;
  if (stream.underWay || stream.senderEnded) return;
  if (sent >= upstream.disk.wal.records.length) return;
  stream.underWay = true;
  schedule(sim.world, between(sim.world, 0.1, 2), () => arrive(sim, stream));
}

function arrive(sim: PgSim, stream: Stream): void {
  const { standby, upstream, sent } = stream;
  const { world, net } = sim;
  const proc = standby.proc;
  if (stream.receiverEnded || stream.senderEnded) return;
  if (!proc || proc.receiver !== stream) return;
  const isHeld = isFrozen(sim, standby) || isFrozen(sim, upstream) ||
    !passes(net, upstream.id, standby.id) ||
    world.nowMs < standby.diskHungUntilMs ||
    world.nowMs < standby.diskFullUntilMs;
  if (isHeld) {
    schedule(world, 10, () => arrive(sim, stream));
    return;
  }
  stream.underWay = false;
  const records = upstream.disk.wal.records;
  const batch = Math.ceil(between(world, 0, MAX_BATCH));
  const upTo = Math.min(records.length, sent + batch);
  const isTorn = chance(world, 0.1);
  take(sim, standby, proc, records.slice(sent, isTorn ? upTo - 1 : upTo));
  stream.sent = isTorn ? upTo - 1 : upTo;
  const { wal } = standby.disk;
  const next = records[stream.sent];
  if (isTorn && next) {
    wal.tail = Math.floor((next.end - next.lsn) * between(world, 0.1, 0.95));
  }
  proc.receivedLsn = Math.max(proc.receivedLsn ?? 0, endOf(wal) + wal.tail);
  proc.heardAtMs = world.nowMs;
  stream.heardAtMs = world.nowMs;
  acknowledge(sim, stream, endOf(wal) + wal.tail);
  pump(sim, stream);
  pumpAll(sim, proc);
}

function take(
  { world }: PgSim,
  { disk }: PgNode,
  proc: PgProcess,
  records: readonly WalRecord[],
): void {
  for (const record of records) appendRecord(disk.wal, record);
  disk.knownTimeline = Math.max(disk.knownTimeline, timelineOf(disk.wal));
  const isHeld = world.nowMs < proc.replayHeldUntilMs || chance(world, 0.3);
  if (!isHeld) proc.replayed = disk.wal.records.length;
}

/** The walreceiver says what is flushed: an answer under way arrives also when it has ended since. */
function acknowledge(sim: PgSim, stream: Stream, lsn: number): void {
  const { world, net } = sim;
  let tries = 50;
  const arriveBack = (): void => {
    const { upstream, standby } = stream;
    const proc = upstream.proc;
    if (stream.senderEnded || proc?.life !== stream.upstreamLife) return;
    const isHeld = isFrozen(sim, upstream) ||
      !passes(net, standby.id, upstream.id);
    if (isHeld) {
      if (--tries > 0) schedule(world, 20, arriveBack);
      return;
    }
    stream.repliedAtMs = world.nowMs;
    stream.flushLsn = Math.max(stream.flushLsn, lsn);
    releaseBy(sim, stream);
  };
  schedule(world, between(world, 0.2, 3), arriveBack);
}

/** Both ends say now and then that they live. */
function keepAlive(sim: PgSim, stream: Stream): void {
  const { world, net } = sim;
  schedule(world, 200, () => {
    const { standby, upstream } = stream;
    if (stream.receiverEnded || stream.senderEnded) return;
    const isAwake = !isFrozen(sim, standby) && !isFrozen(sim, upstream);
    if (isAwake && passes(net, upstream.id, standby.id)) {
      stream.heardAtMs = world.nowMs;
      if (standby.proc) standby.proc.heardAtMs = world.nowMs;
    }
    if (isAwake && passes(net, standby.id, upstream.id)) {
      stream.repliedAtMs = world.nowMs;
      releaseBy(sim, stream);
    }
    keepAlive(sim, stream);
  });
}

/** The walreceiver ends; its walsender hears of it when the network lets it. */
export function endReceiver(sim: PgSim, stream: Stream): void {
  if (stream.receiverEnded) return;
  stream.receiverEnded = true;
  const { standby, upstream } = stream;
  if (standby.proc?.receiver === stream) {
    standby.proc.receiver = null;
    standby.proc.retryAtMs = sim.world.nowMs + between(sim.world, 5, RETRY_MS);
  }
  const hangUp = (): void => {
    if (stream.senderEnded) return;
    const isHeld = isFrozen(sim, upstream) ||
      !passes(sim.net, standby.id, upstream.id);
    if (isHeld) schedule(sim.world, 50, hangUp);
    else endSender(stream);
  };
  schedule(sim.world, between(sim.world, 3, 8), hangUp);
}

/** The walsender ends: what arrives for it later is lost. */
export function endSender(stream: Stream): void {
  stream.senderEnded = true;
  const { upstream, standby } = stream;
  upstream.proc?.senders.delete(stream);
  // The standby sees the end of the connection as soon as anything of it comes.
  stream.heardAtMs = Math.min(stream.heardAtMs, 0);
  if (standby.proc?.receiver === stream) standby.proc.retryAtMs = 0;
}

/** How much of its log a standby has replayed, in bytes. */
export function replayedEnd({ disk }: PgNode, proc: PgProcess): number {
  return endAfter(disk.wal, proc.replayed);
}
