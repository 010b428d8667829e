import { readAnswers } from "../wire/mod.ts";
import { EVENT } from "./poller.ts";
import {
  cutSession,
  type End,
  endSession,
  look,
  type Loop,
  type Session,
} from "./state.ts";

/** What is looked for at a connection from which nothing is read. */
export const ONLY_ITS_END: number = EVENT.peerEnded;

/** Lets everything pass from now on, both ways. */
export function openPump(loop: Loop, session: Session, server: End): void {
  session.stage = "open";
  session.movedMs = loop.nowMs;
  session.deadlineMs = Infinity;
  const { stallTimeoutMs } = loop.settings;
  if (stallTimeoutMs > 0) {
    loop.sockets.limitSilence(session.client.fd, stallTimeoutMs);
    loop.sockets.limitSilence(server.fd, stallTimeoutMs);
  }
  look(loop, session.client, EVENT.readable);
  look(loop, server, EVENT.readable);
}

/** Takes what happened to a session's client. */
export function onClient(loop: Loop, session: Session, events: number): void {
  const { server, client } = session;
  if (server) onEnd(loop, session, events, client, server, false);
}

/** Takes what happened to a session's server. */
export function onServer(loop: Loop, session: Session, events: number): void {
  const { server, client } = session;
  if (server) onEnd(loop, session, events, server, client, true);
}

function onEnd(
  loop: Loop,
  session: Session,
  events: number,
  from: End,
  to: End,
  isServer: boolean,
): void {
  if (events & EVENT.writable) {
    flush(loop, session, from, to);
    if (session.stage !== "open") return;
  }
  if (events & EVENT.readable) pass(loop, session, from, to, isServer);
  else if (events & (EVENT.broken | EVENT.hungUp)) endSession(loop, session);
}

/** Passes on what has come, as much as the other side takes. */
function pass(
  loop: Loop,
  session: Session,
  from: End,
  to: End,
  isServer: boolean,
): void {
  const { buffer, sockets, counters } = loop;
  const got = sockets.receive(from.fd, buffer);
  if (got <= 0) {
    if (got === 0) return passEnd(loop, session, from, to);
    if (got === -2) endSession(loop, session);
    return;
  }
  session.movedMs = loop.nowMs;
  const at = isServer ? 1 : 0;
  counters.bytes[at] = (counters.bytes[at] ?? 0) + got;
  const { answers } = session;
  const size = isServer && answers !== null
    ? readAnswers(answers, buffer, got)
    : got;
  const sent = size === 0 ? 0 : sockets.send(to.fd, buffer, size);
  if (size < got) return cutSession(loop, session, "cancelled_wait");
  if (sent === size) return;
  if (sent === -2) return endSession(loop, session);
  // What the other side does not take holds this one back: nothing is read before it is gone.
  to.pending = buffer.slice(sent, size);
  to.tookMs = loop.nowMs;
  look(loop, to, to.interest | EVENT.writable);
  look(loop, from, from.interest & ~EVENT.readable);
}

/** Passes on that one side writes no more; the other may go on. */
function passEnd(loop: Loop, session: Session, from: End, to: End): void {
  from.hasEnded = true;
  look(loop, from, from.interest & ~EVENT.readable);
  if (to.pending !== null) return;
  endWriting(loop, session, from, to);
}

function endWriting(
  loop: Loop,
  session: Session,
  from: End,
  to: End,
): void {
  if (to.hasEnded && from.pending === null) return endSession(loop, session);
  loop.sockets.endWriting(to.fd);
}

/** Writes what is pending to `to`, and lets `from` go on when all of it is gone. */
function flush(loop: Loop, session: Session, to: End, from: End): void {
  const { pending } = to;
  if (pending === null) return;
  const sent = loop.sockets.send(to.fd, pending, pending.length);
  if (sent === -2) return endSession(loop, session);
  if (sent > 0) {
    to.tookMs = loop.nowMs;
    session.movedMs = loop.nowMs;
  }
  if (sent < pending.length) {
    to.pending = pending.subarray(sent);
    return;
  }
  to.pending = null;
  look(loop, to, to.interest & ~EVENT.writable);
  if (from.hasEnded) endWriting(loop, session, from, to);
  else look(loop, from, from.interest | EVENT.readable);
}
