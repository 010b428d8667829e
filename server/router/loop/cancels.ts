import type { Target } from "../routes/mod.ts";
import type { CancelVerdict } from "./messages.ts";
import { EVENT } from "./poller.ts";
import { ONLY_ITS_END } from "./pump.ts";
import {
  addEnd,
  type Cancel,
  type Carrier,
  endSession,
  look,
  type Loop,
  type Session,
} from "./state.ts";

/** So many cancel requests may be held or under way; more are dropped, as PostgreSQL may drop any. */
const MAX_CANCELS = 1000;

/**
 * Takes a cancel request. It is carried to the server whose session it aims at; where that is not known, to
 * every one that this router has sessions on, since the server checks the key. One for a primary is held
 * while its statement waits for standbys: PostgreSQL would call the commit a success that nobody holds (T1).
 */
export function beginCancel(
  loop: Loop,
  session: Session,
  { pid, key }: { readonly pid: number; readonly key: string },
): void {
  if (countCancels(loop) >= MAX_CANCELS) return endSession(loop, session);
  if (session.server) loop.poller.remove(session.server.fd);
  session.server = null;
  session.target = null;
  session.stage = "cancelling";
  session.deadlineMs = Infinity;
  if (session.seekingMs > 0) loop.placed -= 1;
  session.seekingMs = 0;
  look(loop, session.client, ONLY_ITS_END);
  const aimed = aimOf(loop, pid, key);
  const cancel: Cancel = {
    packet: session.held,
    aim: aimed === null ? null : {
      session: aimed,
      readyCount: aimed.answers?.readyCount ?? 0,
    },
    held: null,
    carriers: 0,
    isClientGone: false,
  };
  session.cancel = cancel;
  const targets = aimed?.target ? [aimed.target] : allTargets(loop);
  for (const target of targets) {
    if (target.epoch === 0) carry(loop, session, cancel, target);
    else {
      cancel.held = target;
      loop.tell({ kind: "cancel", id: session.id, target, pid });
    }
  }
  endIfDone(loop, session, cancel);
}

/** Does what was found out about the statement of a cancel request that was held. */
export function judgeCancel(
  loop: Loop,
  id: number,
  verdict: CancelVerdict,
): void {
  const session = cancelOf(loop, id);
  const cancel = session?.cancel;
  const target = cancel?.held;
  if (!session || !cancel || !target) return;
  cancel.held = null;
  if (verdict === "after_wait") loop.counters.heldCancels += 1;
  const isOver = verdict === "over" || target.epoch !== loop.table.epoch ||
    (verdict === "after_wait" && !isStillAtIt(cancel));
  if (!isOver) carry(loop, session, cancel, target);
  endIfDone(loop, session, cancel);
}

/** Lets go of requests that aim at a reign that is over. */
export function dropOldCancels(loop: Loop): void {
  for (const session of [...loop.sessions]) {
    const { cancel } = session;
    if (!cancel?.held || cancel.held.epoch === loop.table.epoch) continue;
    cancel.held = null;
    endIfDone(loop, session, cancel);
  }
}

/**
 * Whether the statement that waited is known to go on. After its wait another one may run, which nobody
 * wanted to cancel.
 */
function isStillAtIt({ aim }: Cancel): boolean {
  return aim !== null && aim.session.stage === "open" &&
    aim.session.answers?.readyCount === aim.readyCount;
}

function countCancels(loop: Loop): number {
  let count = 0;
  for (const { stage } of loop.sessions) if (stage === "cancelling") count++;
  return count;
}

function cancelOf(loop: Loop, id: number): Session | null {
  for (const session of loop.sessions) {
    if (session.id === id && session.stage === "cancelling") return session;
  }
  return null;
}

function aimOf(loop: Loop, pid: number, key: string): Session | null {
  for (const session of loop.sessions) {
    const { answers } = session;
    if (answers && answers.pid === pid && answers.key === key) return session;
  }
  return null;
}

function allTargets(loop: Loop): Target[] {
  const targets = new Map<string, Target>();
  for (const { target, stage } of loop.sessions) {
    if (target && stage === "open") {
      targets.set(`${target.member} ${target.epoch}`, target);
    }
  }
  return [...targets.values()];
}

/** Hands the request over on a connection of its own, and waits until the server hangs up. */
function carry(
  loop: Loop,
  session: Session,
  cancel: Cancel,
  target: Target,
): void {
  const fd = loop.sockets.connect(target);
  if (fd === null) return;
  const end = addEnd(loop, fd, EVENT.writable, (events) => {
    const { packet } = cancel;
    const isSent = events & EVENT.writable && loop.sockets.isConnected(fd) &&
      loop.sockets.send(fd, packet, packet.length) === packet.length;
    if (isSent) look(loop, end, ONLY_ITS_END);
    else dropCarrier(loop, carrier);
  });
  const deadlineMs = loop.nowMs + loop.settings.connectTimeoutMs;
  const carrier: Carrier = { end, cancelling: session, deadlineMs };
  cancel.carriers += 1;
  loop.carriers.add(carrier);
}

/** Ends a connection that carried a request; when it was the last, the client is told by its end. */
export function dropCarrier(loop: Loop, carrier: Carrier): void {
  loop.carriers.delete(carrier);
  loop.poller.remove(carrier.end.fd);
  const { cancelling } = carrier;
  if (!cancelling.cancel) return;
  cancelling.cancel.carriers -= 1;
  endIfDone(loop, cancelling, cancelling.cancel);
}

function endIfDone(loop: Loop, session: Session, cancel: Cancel): void {
  if (cancel.held === null && cancel.carriers === 0) endSession(loop, session);
}
