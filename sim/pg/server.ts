import { PLACEHOLDER_LIST } from "../../pg/cluster/mod.ts";
import { between, chance, tell } from "../mod.ts";
import { checkStart } from "./checks_local.ts";
import {
  count,
  type PgNode,
  type PgProcess,
  type PgSim,
  type Stream,
} from "./node.ts";
import { onProcess } from "./process.ts";
import { endReceiver, endSender, pumpAll, tryConnect } from "./streaming.ts";
import { endAfter, timelineOf, writeRecord } from "./wal.ts";
import { readList, resolveAll } from "./waits.ts";

/** How often a server's background work comes round. */
const TICK_MS = 20;

/** Starts a postmaster on what the directory holds: always as a standby (R25). */
export function startServer(sim: PgSim, node: PgNode): PgProcess {
  const { world } = sim;
  const { disk } = node;
  checkStart(sim, node);
  node.lives += 1;
  disk.wal.tail = 0;
  const list = readList(disk.syncList);
  const proc: PgProcess = {
    life: node.lives,
    startedAtMs: world.nowMs,
    mode: "starting",
    hasPostmaster: true,
    postmasterFrozenUntilMs: 0,
    hbaOpen: disk.hbaOpen,
    conninfo: disk.conninfo,
    list,
    isListDefined: list.required > 0,
    checkpointerStalledUntilMs: 0,
    receivedLsn: null,
    replayed: Math.floor(disk.wal.records.length * between(world, 0.6, 1)),
    replayHeldUntilMs: 0,
    receiver: null,
    retryAtMs: 0,
    heardAtMs: world.nowMs,
    broken: null,
    senders: new Set(),
    sessions: new Set(),
    waiters: [],
    hidden: new Set(),
    epoch: 0,
    readCursor: 0,
    promoting: false,
  };
  node.proc = proc;
  disk.shutdownLsn = null;
  count(sim, "starts");
  tell(world, () => `${node.id} PostgreSQL starts`);
  recoverSoon(sim, node, proc, between(world, 10, 150));
  tick(sim, node, proc);
  return proc;
}

/** Hot standby begins where the copy is consistent: after a rewind only the source has the log for it. */
function recoverSoon(
  sim: PgSim,
  node: PgNode,
  proc: PgProcess,
  delayMs: number,
): void {
  onProcess(sim, node, proc, delayMs, () => {
    if (proc.mode !== "starting") return;
    const { wal, consistentLsn } = node.disk;
    if (endAfter(wal, proc.replayed) >= consistentLsn) proc.mode = "standby";
    else recoverSoon(sim, node, proc, TICK_MS);
  });
}

function tick(sim: PgSim, node: PgNode, proc: PgProcess): void {
  onProcess(sim, node, proc, TICK_MS, () => {
    replay(sim, node, proc);
    if (proc.mode !== "starting" || proc.conninfo) tryConnect(sim, node, proc);
    for (const stream of proc.senders) {
      const silentMs = sim.world.nowMs - stream.repliedAtMs;
      if (silentMs > 4000) endSender(stream);
    }
    pumpAll(sim, proc);
    tick(sim, node, proc);
  });
}

function replay(
  { world }: PgSim,
  { disk }: PgNode,
  proc: PgProcess,
): void {
  if (proc.mode === "primary") {
    proc.replayed = disk.wal.records.length;
    return;
  }
  if (world.nowMs < proc.replayHeldUntilMs) return;
  const left = disk.wal.records.length - proc.replayed;
  const whole = chance(world, 0.7);
  proc.replayed += whole ? left : Math.floor(left * between(world, 0, 1));
}

/** Everything of the server is gone at once. */
export function killServer(sim: PgSim, node: PgNode): void {
  const { proc } = node;
  if (!proc) return;
  tell(sim.world, () => `${node.id} PostgreSQL is gone (${proc.mode})`);
  resolveAll(proc, "lost");
  for (const session of proc.sessions) session.ended = true;
  proc.sessions.clear();
  dropStreams(sim, proc);
  proc.hasPostmaster = false;
  node.proc = null;
}

/** The postmaster is gone, and busy backends are not (R23). */
export function orphanServer(sim: PgSim, node: PgNode): void {
  const { proc } = node;
  if (!proc?.hasPostmaster) return;
  tell(sim.world, () => `${node.id} the postmaster is gone, backends are left`);
  resolveAll(proc, "lost");
  for (const session of proc.sessions) session.ended = true;
  proc.sessions.clear();
  dropStreams(sim, proc);
  proc.hasPostmaster = false;
}

function dropStreams(sim: PgSim, proc: PgProcess): void {
  if (proc.receiver) endReceiver(sim, proc.receiver);
  for (const stream of proc.senders) endSender(stream);
}

/** Rewrites the files that the next start reads, for a closed standby without upstream. */
export function renderClosed(node: PgNode): void {
  const { disk } = node;
  node.toldClosed = true;
  disk.hbaOpen = false;
  disk.conninfo = null;
  disk.syncList = PLACEHOLDER_LIST;
}

/** Tells the running server its new files; every process re-reads them when it comes to it. */
export function reload(sim: PgSim, node: PgNode): void {
  const { proc, disk } = node;
  if (!proc?.hasPostmaster) return;
  const { world } = sim;
  const frozenMs = Math.max(0, proc.postmasterFrozenUntilMs - world.nowMs);
  onProcess(sim, node, proc, frozenMs + between(world, 0.2, 6), () => {
    // A primary's file is closed for the next start and open for this one (R25): see openHba.
    if (proc.mode !== "primary") proc.hbaOpen = disk.hbaOpen;
    proc.list = readList(disk.syncList);
    if (proc.list.required === 0) resolveAll(proc, "acknowledged", sim, node);
    takeConninfo(sim, node, proc);
    for (const stream of proc.senders) relist(sim, node, proc, stream);
    redefine(sim, node, proc);
  });
}

function takeConninfo(sim: PgSim, node: PgNode, proc: PgProcess): void {
  const { disk: { conninfo } } = node;
  const same = proc.conninfo?.upstream === conninfo?.upstream &&
    proc.conninfo?.name === conninfo?.name;
  proc.conninfo = conninfo;
  const { receiver } = proc;
  if (same || !receiver) return;
  // The walreceiver is told and ends in its own time; until then it goes on acknowledging (T13).
  onProcess(sim, node, proc, between(sim.world, 0.5, 50), () => {
    endReceiver(sim, receiver);
  });
}

function relist(
  sim: PgSim,
  node: PgNode,
  proc: PgProcess,
  stream: Stream,
): void {
  const tardy = chance(sim.world, 0.1);
  const delayMs = between(sim.world, 0.2, tardy ? 300 : 10);
  onProcess(sim, node, proc, delayMs, () => {
    stream.list = proc.list;
  });
}

/** The checkpointer publishes whether there is a list at all, late where it is busy (T8). */
function redefine(sim: PgSim, node: PgNode, proc: PgProcess): void {
  const { world } = sim;
  const stallMs = Math.max(0, proc.checkpointerStalledUntilMs - world.nowMs);
  onProcess(sim, node, proc, stallMs + between(world, 0.2, 8), () => {
    proc.isListDefined = proc.list.required > 0;
  });
}

/** Opens or closes the server for clients; sessions that are there stay. */
export function setHba(sim: PgSim, node: PgNode, isOpen: boolean): void {
  const { proc, disk } = node;
  if (!proc?.hasPostmaster) return;
  node.toldClosed = !isOpen;
  disk.hbaOpen = isOpen && proc.mode !== "primary";
  const frozenMs = Math.max(0, proc.postmasterFrozenUntilMs - sim.world.nowMs);
  onProcess(sim, node, proc, frozenMs + between(sim.world, 0.2, 5), () => {
    proc.hbaOpen = isOpen;
  });
}

/** Turns a standby into a primary on a timeline of its own; returns the number that it took. */
export function promoteServer(
  sim: PgSim,
  node: PgNode,
  proc: PgProcess,
  { epoch, timeline }: { readonly epoch: number; readonly timeline: number },
): number {
  const { wal } = node.disk;
  if (proc.receiver) endReceiver(sim, proc.receiver);
  proc.conninfo = null;
  wal.tail = 0;
  const next = Math.max(
    timeline,
    timelineOf(wal) + 1,
    node.disk.knownTimeline + 1,
  );
  node.disk.knownTimeline = next;
  proc.mode = "primary";
  proc.epoch = epoch;
  proc.replayed = wal.records.length;
  writeRecord(wal, { kind: "switch", epoch, bytes: 40, timeline: next });
  proc.replayed = wal.records.length;
  count(sim, epoch > 0 ? "promotions" : "promotions without a grant");
  tell(sim.world, () => `${node.id} promotes to timeline ${next} (${epoch})`);
  pumpAll(sim, proc);
  return next;
}
