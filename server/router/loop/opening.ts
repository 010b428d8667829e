import { readOpening, readProxyHeader } from "../wire/mod.ts";
import type { Handed } from "./board.ts";
import { beginCancel } from "./cancels.ts";
import { beginToRead, endOnRefusal, goOn, refuse, seek } from "./leading.ts";
import { EVENT } from "./poller.ts";
import { onClient } from "./pump.ts";
import { addEnd, endSession, type Loop, type Session } from "./state.ts";

/** So many clients may be about to say who they are, beside the sessions. */
export const MAX_OPENING = 1000;

/** Takes a client in that was counted here, and has said nothing yet. */
export function admit(
  loop: Loop,
  { fd, door, from: { host, port } }: Handed,
): void {
  const { settings, nowMs } = loop;
  loop.counters.accepted += 1;
  loop.isCalm = false;
  const client = addEnd(loop, fd, EVENT.readable, (events) => {
    if (session.stage === "open") onClient(loop, session, events);
    else onClientBefore(loop, session, events);
  });
  const session: Session = {
    id: loop.nextId++,
    door,
    from: host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`,
    client,
    server: null,
    stage: "opening",
    held: NOTHING,
    awaitsHeader: settings.proxyProtocol,
    asksEncryption: false,
    target: null,
    answers: null,
    deadlineMs: nowMs + settings.startupTimeoutMs,
    seekingMs: 0,
    retryMs: 0,
    trouble: "",
    failed: new Set(),
    movedMs: nowMs,
    isClientGone: false,
  };
  loop.sessions.add(session);
}

const NOTHING = new Uint8Array();

/** Takes what happened to the client of a session that is not open. */
function onClientBefore(loop: Loop, session: Session, events: number): void {
  switch (session.stage) {
    case "opening":
      return receive(loop, session);
    case "refusing":
      return endOnRefusal(loop, session);
    case "cancelling":
      return dropClient(loop, session);
    default:
      // It has left while it was being led.
      if (events !== 0) endSession(loop, session);
  }
}

/** What was asked for goes on without the one who asked. */
function dropClient(loop: Loop, session: Session): void {
  if (session.isClientGone) return;
  session.isClientGone = true;
  loop.poller.remove(session.client.fd);
}

function receive(loop: Loop, session: Session): void {
  const got = loop.sockets.receive(session.client.fd, loop.buffer);
  if (got === -1) return;
  if (got <= 0) return endSession(loop, session);
  session.held = joined(session.held, loop.buffer.subarray(0, got));
  if (session.awaitsHeader && !takeHeader(loop, session)) return;
  if (session.held.length > 0) takeOpening(loop, session);
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(first.length + second.length);
  bytes.set(first);
  bytes.set(second, first.length);
  return bytes;
}

/** Takes the balancer's header; false while it is not whole, or when it is none. */
function takeHeader(loop: Loop, session: Session): boolean {
  const header = readProxyHeader(session.held);
  switch (header.kind) {
    case "partial":
      return false;
    case "bad":
      refuse(
        loop,
        session,
        "bad_startup",
        "the PROXY protocol's header is missing, which proxy_protocol asks for",
      );
      return false;
    case "header":
      session.awaitsHeader = false;
      session.held = session.held.slice(header.size);
      session.from = header.from ?? session.from;
      return true;
  }
}

function takeOpening(loop: Loop, session: Session): void {
  const opening = readOpening(session.held);
  session.asksEncryption = false;
  switch (opening.kind) {
    case "partial":
      return;
    case "bad":
      return refuse(loop, session, "bad_startup", opening.why);
    case "cancel":
      return beginCancel(loop, session, opening);
    case "encryption":
      session.asksEncryption = true;
      break;
    case "session":
      beginToRead(session);
      break;
    case "tls":
      break;
  }
  // A server that has refused to encrypt is there already.
  if (session.server) goOn(loop, session, session.server);
  else seek(loop, session);
}
