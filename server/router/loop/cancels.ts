import type { Target } from "../routes/mod.ts";
import type {
  CancelRequest,
  CancelVerdict,
  Errand,
  Sought,
} from "./messages.ts";
import { EVENT } from "./poller.ts";
import { ONLY_ITS_END } from "./pump.ts";
import {
  addEnd,
  type Cancel,
  type Carrier,
  endSession,
  leavePlace,
  look,
  type Loop,
  type Session,
} from "./state.ts";

/** So many cancel requests may be held or under way; more are dropped, as PostgreSQL may drop any. */
const MAX_CANCELS = 1000;

/**
 * Takes a cancel request. It is carried to the server whose session it aims at; where none of the loops knows
 * that, to every one that this router has sessions on, since the server checks the key. One for a primary is
 * held while its statement waits for standbys: PostgreSQL would call the commit a success that nobody holds
 * (T1).
 */
export function beginCancel(
  loop: Loop,
  session: Session,
  { pid, key }: Omit<CancelRequest, "packet">,
): void {
  if (loop.cancels.size >= MAX_CANCELS) return endSession(loop, session);
  if (session.server) loop.poller.remove(session.server.fd);
  session.server = null;
  session.target = null;
  session.stage = "cancelling";
  session.deadlineMs = Infinity;
  leavePlace(loop, session);
  look(loop, session.client, ONLY_ITS_END);
  const request = { pid, key, packet: session.held };
  const onDone = (): void => endSession(loop, session);
  const aimed = aimOf(loop, request);
  const cancel = enterCancel(loop, request, aimed, onDone);
  if (aimed?.target) return direct(loop, cancel, [aimed.target]);
  if (loop.board.loops() === 1) return direct(loop, cancel, allTargets(loop));
  loop.tell({ kind: "seek", id: cancel.id, ...request });
}

/** Takes over a cancel request of another loop where it aims at a session of this one, and says so. */
export function takeOverCancel(
  loop: Loop,
  { asker, id, ...request }: CancelRequest & Errand,
): void {
  const isFull = loop.cancels.size >= MAX_CANCELS;
  const aimed = isFull ? null : aimOf(loop, request);
  const target = aimed?.target ?? null;
  const targets = target === null ? allTargets(loop) : [];
  loop.tell({ kind: "sought", asker, id, isTaken: target !== null, targets });
  if (target === null) return;
  const onDone = (): void => loop.tell({ kind: "errand_done", asker, id });
  direct(loop, enterCancel(loop, request, aimed, onDone), [target]);
}

/** Carries a cancel request that no other loop has taken over to where any of them has sessions. */
export function goOnSeeking(
  loop: Loop,
  id: number,
  { isTaken, targets }: Sought,
): void {
  const cancel = loop.cancels.get(id);
  if (!cancel || isTaken) return;
  direct(loop, cancel, distinct([...allTargets(loop), ...targets]));
}

/** Ends a cancel request that another loop had taken over. */
export function endErrand(loop: Loop, id: number): void {
  const cancel = loop.cancels.get(id);
  if (cancel) endIfDone(loop, cancel);
}

/** Does what was found out about the statement of a cancel request that was held. */
export function judgeCancel(
  loop: Loop,
  id: number,
  verdict: CancelVerdict,
): void {
  const cancel = loop.cancels.get(id);
  const target = cancel?.held;
  if (!cancel || !target) return;
  cancel.held = null;
  if (verdict === "after_wait") loop.counters.heldCancels += 1;
  const isOver = verdict === "over" || target.epoch !== loop.table.epoch ||
    (verdict === "after_wait" && !isStillAtIt(cancel));
  if (!isOver) carry(loop, cancel, target);
  endIfDone(loop, cancel);
}

/** Lets go of requests that aim at a reign that is over. */
export function dropOldCancels(loop: Loop): void {
  for (const cancel of [...loop.cancels.values()]) {
    if (!cancel.held || cancel.held.epoch === loop.table.epoch) continue;
    cancel.held = null;
    endIfDone(loop, cancel);
  }
}

function enterCancel(
  loop: Loop,
  { pid, packet }: CancelRequest,
  aimed: Session | null,
  onDone: () => void,
): Cancel {
  const cancel: Cancel = {
    id: loop.nextId++,
    pid,
    packet,
    aim: aimed === null ? null : {
      session: aimed,
      readyCount: aimed.answers?.readyCount ?? 0,
    },
    held: null,
    carriers: 0,
    onDone,
  };
  loop.cancels.set(cancel.id, cancel);
  return cancel;
}

/** Carries it to standbys at once, and has it judged for a primary. */
function direct(
  loop: Loop,
  cancel: Cancel,
  targets: readonly Target[],
): void {
  for (const target of targets) {
    if (target.epoch === 0) carry(loop, cancel, target);
    else {
      cancel.held = target;
      loop.tell({ kind: "cancel", id: cancel.id, target, pid: cancel.pid });
    }
  }
  endIfDone(loop, cancel);
}

/**
 * Whether the statement that waited is known to go on. After its wait another one may run, which nobody
 * wanted to cancel.
 */
function isStillAtIt({ aim }: Cancel): boolean {
  return aim !== null && aim.session.stage === "open" &&
    aim.session.answers?.readyCount === aim.readyCount;
}

function aimOf(
  loop: Loop,
  { pid, key }: Pick<CancelRequest, "pid" | "key">,
): Session | null {
  for (const session of loop.sessions) {
    const { answers } = session;
    if (answers && answers.pid === pid && answers.key === key) return session;
  }
  return null;
}

function allTargets(loop: Loop): Target[] {
  const open = [...loop.sessions].filter(({ stage }) => stage === "open");
  return distinct(open.flatMap(({ target }) => target ?? []));
}

function distinct(targets: readonly Target[]): Target[] {
  return [
    ...new Map(
      targets.map((target) => [`${target.member} ${target.epoch}`, target]),
    ).values(),
  ];
}

/** Hands the request over on a connection of its own, and waits until the server hangs up. */
function carry(loop: Loop, cancel: Cancel, target: Target): void {
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
  const carrier: Carrier = { end, cancel, deadlineMs };
  cancel.carriers += 1;
  loop.carriers.add(carrier);
}

/** Ends a connection that carried a request; when it was the last, who asked is told. */
export function dropCarrier(loop: Loop, carrier: Carrier): void {
  loop.carriers.delete(carrier);
  loop.poller.remove(carrier.end.fd);
  carrier.cancel.carriers -= 1;
  endIfDone(loop, carrier.cancel);
}

function endIfDone(loop: Loop, cancel: Cancel): void {
  if (cancel.held !== null || cancel.carriers > 0) return;
  if (loop.cancels.delete(cancel.id)) cancel.onDone();
}
