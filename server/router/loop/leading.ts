import type { Target } from "../routes/mod.ts";
import { createAnswers, encodeRefusal, type Refusal } from "../wire/mod.ts";
import type { RefusalReason } from "./messages.ts";
import { EVENT } from "./poller.ts";
import { ONLY_ITS_END, onServer, openPump } from "./pump.ts";
import {
  addEnd,
  cutSession,
  type End,
  endSession,
  logLine,
  look,
  type Loop,
  type Session,
  stopWaiting,
} from "./state.ts";

/** How long after a node could not be reached it is tried again. */
const RETRY_MS = 100;

/** Finds a client that has said who it is its place; where there is none, it waits. */
export function seek(loop: Loop, session: Session): void {
  if (!loop.board.place(loop.settings.maxConnections)) {
    return refuse(loop, session, "too_many");
  }
  session.seekingMs = loop.nowMs;
  lead(loop, session);
}

function lead(loop: Loop, session: Session): void {
  look(loop, session.client, ONLY_ITS_END);
  for (;;) {
    const target = session.retryMs > loop.nowMs ? null : choose(loop, session);
    if (target === null) return letWait(loop, session);
    if (beginConnect(loop, session, target)) return;
    noteFailure(session, target);
  }
}

/** Whether the routes are those of a moment ago, at the earliest an election timeout. */
export function isTrusted(loop: Loop): boolean {
  return loop.nowMs < loop.lease.untilMs;
}

/** The primary, where it may be vouched for; who asks, or waits, has that seen to for the time to come. */
function trustedPrimary(loop: Loop, target: Target | null): Target | null {
  if (!loop.isLeaseWanted && loop.nowMs >= loop.lease.renewMs) {
    loop.isLeaseWanted = true;
    loop.tell({ kind: "wanted" });
  }
  return isTrusted(loop) ? target : null;
}

/** Where a session goes now; null for nowhere. What this node can't vouch for is no place to write. */
function choose(loop: Loop, { door, failed }: Session): Target | null {
  const { table } = loop;
  if (door === "read_write") {
    const primary = trustedPrimary(loop, table.primary);
    return primary && !failed.has(primary.member) ? primary : null;
  }
  const { standbys } = table;
  for (let left = standbys.length; left > 0; left--) {
    const standby = standbys[loop.board.turn(standbys.length)];
    if (standby && !failed.has(standby.member)) return standby;
  }
  const fallback = trustedPrimary(loop, table.fallback);
  return fallback && !failed.has(fallback.member) ? fallback : null;
}

function letWait(loop: Loop, session: Session): void {
  const { settings, waiting, board } = loop;
  const isNew = session.stage !== "waiting" && session.failed.size === 0;
  if (!board.wait(isNew ? settings.maxWaiting : Infinity)) {
    return refuse(loop, session, "waiting_full");
  }
  if (session.failed.size > 0 && session.retryMs <= loop.nowMs) {
    session.failed.clear();
    session.retryMs = loop.nowMs + RETRY_MS;
  }
  session.stage = "waiting";
  session.deadlineMs = session.seekingMs + settings.waitTimeoutMs;
  waiting.add(session);
}

/** Tries again for all who wait, in the order in which they came. */
export function leadWaiting(loop: Loop): void {
  if (loop.waiting.size === 0) return;
  for (const session of [...loop.waiting]) {
    if (session.retryMs > loop.nowMs) continue;
    stopWaiting(loop, session);
    lead(loop, session);
  }
}

/** Begins to connect; false when that failed at once. */
function beginConnect(
  loop: Loop,
  session: Session,
  target: Target,
): boolean {
  const fd = loop.sockets.connect(target);
  if (fd === null) return false;
  session.target = target;
  session.stage = "connecting";
  session.deadlineMs = loop.nowMs + loop.settings.connectTimeoutMs;
  session.server = addEnd(loop, fd, EVENT.writable, (events) => {
    if (session.stage === "open") onServer(loop, session, events);
    else onServerBefore(loop, session, events);
  });
  return true;
}

/** Takes what happened to the server of a session that is not open yet. */
function onServerBefore(loop: Loop, session: Session, events: number): void {
  const { server } = session;
  if (!server) return;
  switch (session.stage) {
    case "connecting":
      return onConnected(loop, session, server);
    case "asking":
      return onEncryptionAnswer(loop, session, server);
    default:
      // The client has not said yet who it is, and the server hangs up.
      if (events & ~EVENT.writable) endSession(loop, session);
  }
}

function onConnected(loop: Loop, session: Session, server: End): void {
  if (!loop.sockets.isConnected(server.fd)) return failConnect(loop, session);
  const waitedMs = loop.nowMs - session.seekingMs;
  const { counters } = loop;
  counters.longestWaitEverMs = Math.max(counters.longestWaitEverMs, waitedMs);
  const { from, door, target } = session;
  logLine(loop, "debug", "A session begins", {
    client: from,
    door,
    member: target?.member ?? 0,
  });
  goOn(loop, session, server);
}

/** Hands over what the client began with; the server's buffer is empty, so all of it fits. */
export function goOn(loop: Loop, session: Session, server: End): void {
  const { held, asksEncryption } = session;
  session.held = new Uint8Array();
  session.movedMs = loop.nowMs;
  const sent = loop.sockets.send(server.fd, held, held.length);
  if (sent !== held.length) return endSession(loop, session);
  loop.counters.bytes[0] = (loop.counters.bytes[0] ?? 0) + sent;
  if (asksEncryption) {
    session.stage = "asking";
    session.deadlineMs = loop.nowMs + loop.settings.startupTimeoutMs;
    return look(loop, server, EVENT.readable);
  }
  openPump(loop, session, server);
}

/** Lets a session be read that is in clear. */
export function beginToRead(session: Session): void {
  session.answers = createAnswers();
}

const REFUSES_ENCRYPTION = "N".charCodeAt(0);
const ONE_BYTE = new Uint8Array(1);

/** The server takes the encryption, and nothing can be read; or not, and the client begins anew. */
function onEncryptionAnswer(loop: Loop, session: Session, server: End): void {
  const got = loop.sockets.receive(server.fd, ONE_BYTE);
  if (got === -1) return;
  const { client } = session;
  if (got !== 1 || loop.sockets.send(client.fd, ONE_BYTE, 1) !== 1) {
    return endSession(loop, session);
  }
  if (ONE_BYTE[0] !== REFUSES_ENCRYPTION) {
    return openPump(loop, session, server);
  }
  session.stage = "opening";
  session.deadlineMs = loop.nowMs + loop.settings.startupTimeoutMs;
  look(loop, server, ONLY_ITS_END);
  look(loop, client, EVENT.readable);
}

/** Looks for another place, since this one could not be reached; nothing was said to the client yet. */
export function failConnect(loop: Loop, session: Session): void {
  const { target } = session;
  if (target) noteFailure(session, target);
  leaveServer(loop, session);
  lead(loop, session);
}

function noteFailure(session: Session, { member, host, port }: Target): void {
  session.failed.add(member);
  session.trouble = `node ${member} can't be reached at ${host} port ${port}`;
}

/** Takes a session that was about to be led back into the waiting room, or ends one that stood. */
export function uproot(loop: Loop, session: Session): void {
  if (session.stage !== "connecting") {
    return cutSession(loop, session, "epoch_over");
  }
  leaveServer(loop, session);
  lead(loop, session);
}

function leaveServer(loop: Loop, session: Session): void {
  if (session.server) loop.poller.remove(session.server.fd);
  session.server = null;
  session.target = null;
}

/** Ends the sessions that the table does not let live. */
export function endOldSessions(loop: Loop): void {
  const { epoch, readers } = loop.table;
  for (const session of [...loop.sessions]) {
    const { target } = session;
    if (target === null || session.stage === "cancelling") continue;
    const mayLive = target.epoch === 0
      ? readers.includes(target.member)
      : target.epoch === epoch;
    if (!mayLive) uproot(loop, session);
  }
}

/** Turns a client away that has waited long enough. */
export function refuseLate(loop: Loop, session: Session): void {
  const { trouble } = session;
  const isKnown = trouble !== "" && loop.table.why === "" && isTrusted(loop);
  if (isKnown) refuse(loop, session, "unreachable", trouble);
  else refuse(loop, session, "wait_timeout");
}

/** Turns a client away with an error that it can show. */
export function refuse(
  loop: Loop,
  session: Session,
  reason: RefusalReason,
  detail = "",
): void {
  loop.counters.refused[reason] += 1;
  const refusal = refusalOf(loop, session, reason, detail);
  logLine(loop, "info", "A client was turned away", {
    client: session.from,
    door: session.door,
    reason,
    detail: refusal.message,
  });
  if (session.asksEncryption && !session.server) {
    return declineEncryption(loop, session, refusal);
  }
  loop.sockets.send(
    session.client.fd,
    ...sized(encodeRefusal(refusal)),
  );
  endSession(loop, session);
}

/** A client that asks for encryption can show an error only after it was told that there is none. */
function declineEncryption(
  loop: Loop,
  session: Session,
  refusal: Refusal,
): void {
  stopWaiting(loop, session);
  if (
    loop.sockets.send(
      session.client.fd,
      Uint8Array.of(REFUSES_ENCRYPTION),
      1,
    ) !== 1
  ) {
    return endSession(loop, session);
  }
  session.stage = "refusing";
  session.held = encodeRefusal(refusal);
  session.deadlineMs = loop.nowMs + loop.settings.startupTimeoutMs;
  look(loop, session.client, EVENT.readable);
}

/** The client has said who it is, in clear, and is told now. */
export function endOnRefusal(loop: Loop, session: Session): void {
  if (loop.sockets.receive(session.client.fd, loop.buffer) > 0) {
    loop.sockets.send(session.client.fd, ...sized(session.held));
  }
  endSession(loop, session);
}

function sized(bytes: Uint8Array): [Uint8Array, number] {
  return [bytes, bytes.length];
}

function refusalOf(
  loop: Loop,
  { door }: Session,
  reason: RefusalReason,
  detail: string,
): Refusal {
  const { settings, table } = loop;
  const again = "Try again; pgraft ctl status shows the cluster.";
  switch (reason) {
    case "wait_timeout": {
      const what = door === "read_write"
        ? "no primary takes sessions"
        : "no node can be read";
      const why = isTrusted(loop)
        ? table.why
        : "this node has no contact with a majority of the cluster";
      const because = why === "" ? "" : `: ${why}`;
      const message = `pgraft: ${what}${because}`;
      return { code: "57P03", message, hint: again };
    }
    case "waiting_full":
      return {
        code: "53300",
        message: `pgraft: ${settings.maxWaiting} sessions wait already`,
        hint: `${again} The limit is max_waiting in [router].`,
      };
    case "too_many":
      return {
        code: "53300",
        message:
          `pgraft: there are ${settings.maxConnections} sessions already`,
        hint: "The limit is max_connections in [router].",
      };
    case "unreachable":
      return {
        code: "08006",
        message: `pgraft: ${detail}`,
        hint: again,
      };
    case "bad_startup":
      return {
        code: "08P01",
        message: `pgraft: this is no client of PostgreSQL: ${detail}`,
        hint: "",
      };
    case "startup_timeout":
      return {
        code: "08P01",
        message: "pgraft: no startup packet came in time",
        hint: "",
      };
  }
}
