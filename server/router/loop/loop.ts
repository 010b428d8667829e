import { messageOf } from "../../../base/mod.ts";
import {
  dropOldCancels,
  endErrand,
  goOnSeeking,
  judgeCancel,
  takeOverCancel,
} from "./cancels.ts";
import type { Handed } from "./board.ts";
import { endOldSessions, leadWaiting } from "./leading.ts";
import { type Libc, raiseFileLimit } from "./libc.ts";
import {
  type Door,
  DOORS,
  type LoopNews,
  type LoopOrder,
  type LoopPorts,
  type LoopSettings,
} from "./messages.ts";
import { admit, MAX_OPENING } from "./opening.ts";
import { EVENT } from "./poller.ts";
import type { Address } from "./sockets.ts";
import {
  createLoop,
  endSession,
  logLine,
  type Loop,
  type LoopPlace,
} from "./state.ts";
import { statsOf } from "./stats.ts";
import { sweep } from "./sweep.ts";

/** How often deadlines are looked at while somebody waits or comes in, and while all sessions stand. */
const SWEEP_MS = 100;
const CALM_SWEEP_MS = 1000;
/** So many clients are taken in at once, before others have their turn. */
const MAX_ACCEPTS = 64;
/** How long no client is taken in when no more files may be open. */
const PAUSE_MS = 100;
/** Files of this process beside the router's. */
const OTHER_FILES = 500;
/** With more clients for each of the loops another one is wanted. */
const CLIENTS_PER_LOOP = 4;

/** What the loop is woken by, and how it gets what it is told. */
export interface LoopInbox {
  /** An eventfd that counts orders. */
  readonly wakeFd: number;
  /** An eventfd that counts clients that another loop has taken in for this one. */
  readonly handFd: number;
  /** Returns as many orders as were counted. */
  take(count: number): Promise<readonly LoopOrder[]>;
}

/**
 * Runs a loop of a router until it is told to stop. It holds its thread: between rounds it sleeps in the kernel.
 *
 * @param libc The C library, opened by this thread.
 * @param settings What the operator set. The first loop listens, the others are handed clients.
 * @param place Which loop it is.
 * @param inbox Where orders come in.
 * @param tell Takes what the node shall know.
 */
export async function runLoop(
  libc: Libc,
  settings: LoopSettings,
  place: LoopPlace,
  inbox: LoopInbox,
  tell: (news: LoopNews) => void,
): Promise<void> {
  const bounded = boundByFiles(libc, settings, place, tell);
  const loop = createLoop(libc, place, bounded, tell);
  try {
    const ports = listenAll(loop);
    tell({ kind: "ready", ports });
    let woken = 0;
    const count = new BigUint64Array(1);
    loop.poller.add(inbox.wakeFd, EVENT.readable, () => {
      libc.call.eventfd_read(inbox.wakeFd, count);
      woken = Number(count[0]);
    });
    loop.poller.add(inbox.handFd, EVENT.readable, () => {
      libc.call.eventfd_read(inbox.handFd, count);
      takeHanded(loop);
    });
    let sweptMs = loop.nowMs;
    for (let isStopped = false; !isStopped;) {
      woken = 0;
      loop.poller.wait(patienceMs(loop), () => {
        loop.nowMs = libc.nowMs();
      });
      if (woken > 0) {
        for (const order of await inbox.take(woken)) {
          if (order.kind === "stop") isStopped = true;
          else obey(loop, order);
          loop.poller.settle();
        }
        // What came in late was led by an older clock.
        loop.nowMs = libc.nowMs();
      }
      if (loop.nowMs - sweptMs < SWEEP_MS) continue;
      sweptMs = loop.nowMs;
      sweep(loop);
      loop.poller.settle();
      if (loop.pausedUntilMs > 0) resumeAccepting(loop);
    }
  } catch (error) {
    tell({ kind: "failed", why: messageOf(error) });
  } finally {
    for (const session of [...loop.sessions]) endSession(loop, session);
    for (const { end } of loop.carriers) loop.poller.remove(end.fd);
    stopListening(loop);
    loop.poller.close();
    tell({ kind: "stopped" });
  }
}

/** How long the loop may sleep while nothing happens. */
function patienceMs(loop: Loop): number {
  if (loop.pausedUntilMs > 0) return SWEEP_MS;
  if (loop.sessions.size + loop.carriers.size === 0) return -1;
  return loop.isCalm ? CALM_SWEEP_MS : SWEEP_MS;
}

/** Two files for each session, and some for those who have not become one. */
function boundByFiles(
  libc: Libc,
  settings: LoopSettings,
  { index }: LoopPlace,
  tell: (news: LoopNews) => void,
): LoopSettings {
  const limit = raiseFileLimit(libc);
  const fitting = Math.floor((limit - OTHER_FILES - MAX_OPENING) / 2);
  if (fitting >= settings.maxConnections) return settings;
  const maxConnections = Math.max(1, fitting);
  if (index > 0) return { ...settings, maxConnections };
  tell({
    kind: "log",
    level: "warning",
    message:
      `The router takes ${maxConnections} sessions only, since this process may open ${limit} files: ` +
      "raise its limit (LimitNOFILE, ulimit -n) or lower max_connections in [router]",
    fields: {},
  });
  return { ...settings, maxConnections };
}

function obey(loop: Loop, order: LoopOrder): void {
  switch (order.kind) {
    case "table":
      loop.table = order.table;
      for (const session of loop.waiting) session.retryMs = 0;
      endOldSessions(loop);
      dropOldCancels(loop);
      return leadWaiting(loop);
    case "lease":
      loop.lease = order;
      loop.isLeaseWanted = false;
      return leadWaiting(loop);
    case "drain":
      if (loop.isDrained === order.isDrained) return;
      loop.isDrained = order.isDrained;
      if (order.isDrained) return stopListening(loop);
      return listenAgain(loop);
    case "cancel":
      return judgeCancel(loop, order.id, order.verdict);
    case "seek":
      return takeOverCancel(loop, order);
    case "sought":
      return goOnSeeking(loop, order.id, order);
    case "errand_done":
      return endErrand(loop, order.id);
    case "stats": {
      const { sequence } = order;
      return loop.tell({ kind: "stats", sequence, stats: statsOf(loop) });
    }
    case "stop":
      return;
  }
}

function listenAll(loop: Loop): LoopPorts {
  const ports: Record<Door, number | null> = {
    read_write: null,
    read_only: null,
  };
  for (const door of DOORS) {
    const address = loop.addresses[door];
    if (address === null) continue;
    const port = listenAt(loop, door, address);
    ports[door] = port;
    // Where any port would do, this one does from now on.
    loop.addresses[door] = { host: address.host, port };
  }
  return ports;
}

function listenAt(loop: Loop, door: Door, address: Address): number {
  const { fd, port } = loop.sockets.listen(address);
  loop.listeners.set(fd, door);
  loop.poller.add(fd, EVENT.readable, () => acceptSome(loop, door, fd));
  return port;
}

function acceptSome(loop: Loop, door: Door, listener: number): void {
  for (let left = MAX_ACCEPTS; left > 0; left--) {
    const taken = loop.sockets.accept(listener);
    if (taken === null) return;
    if (taken === "full") return pauseAccepting(loop);
    place(loop, { door, ...taken });
  }
}

/** Gives a client to the loop that has the fewest. */
function place(loop: Loop, client: Handed): void {
  const { board, settings, libc } = loop;
  const clients = board.clients().reduce((sum, count) => sum + count, 0);
  if (clients >= settings.maxConnections + MAX_OPENING) {
    loop.counters.refused.too_many += 1;
    libc.call.close(client.fd);
    return;
  }
  const index = board.enter();
  if (index === loop.index) admit(loop, client);
  else {
    board.hand(index, client);
    libc.call.eventfd_write(board.wakeFd(index), 1n);
  }
  const loops = board.loops();
  const isCrowded = clients >= loops * CLIENTS_PER_LOOP &&
    loops < settings.threads;
  if (!isCrowded || loop.toldLoops === loops) return;
  loop.toldLoops = loops;
  loop.tell({ kind: "crowded" });
}

/** Takes the clients that the first loop has taken in for this one. */
function takeHanded(loop: Loop): void {
  for (;;) {
    const client = loop.board.take(loop.index);
    if (client === null) return;
    admit(loop, client);
  }
}

/** Else the kernel would tell of the same client over and over. */
function pauseAccepting(loop: Loop): void {
  loop.pausedUntilMs = loop.nowMs + PAUSE_MS;
  for (const fd of loop.listeners.keys()) loop.poller.change(fd, 0);
  logLine(loop, "warning", "No more files may be open: clients wait", {});
}

function resumeAccepting(loop: Loop): void {
  if (loop.nowMs < loop.pausedUntilMs) return;
  loop.pausedUntilMs = 0;
  for (const fd of loop.listeners.keys()) {
    loop.poller.change(fd, EVENT.readable);
  }
}

function stopListening(loop: Loop): void {
  for (const fd of loop.listeners.keys()) loop.poller.remove(fd);
  loop.listeners.clear();
}

/** Whoever has taken the port meanwhile keeps it; the operator tries again. */
function listenAgain(loop: Loop): void {
  try {
    listenAll(loop);
  } catch (error) {
    stopListening(loop);
    loop.isDrained = true;
    logLine(loop, "warning", "The router can't listen again", {
      reason: messageOf(error),
    });
  }
}
