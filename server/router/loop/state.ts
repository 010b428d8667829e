import { EMPTY_TABLE, type RouteTable, type Target } from "../routes/mod.ts";
import type { Answers } from "../wire/mod.ts";
import type { Board } from "./board.ts";
import type { Libc } from "./libc.ts";
import {
  type Door,
  type EndingReason,
  ENDINGS,
  type Lease,
  type LoopNews,
  type LoopSettings,
  type RefusalReason,
  REFUSALS,
} from "./messages.ts";
import { createPoller, type Poller } from "./poller.ts";
import { type Address, createSockets, type Sockets } from "./sockets.ts";

/** One of a session's two connections. */
export interface End {
  readonly fd: number;
  /** What the poller looks for. */
  interest: number;
  /** What could not be written to it yet. */
  pending: Uint8Array | null;
  /** When it last took some of that. */
  tookMs: number;
  /** Whether it writes no more. */
  hasEnded: boolean;
}

/** Where a session is. */
export type Stage =
  /** The client says who it is. */
  | "opening"
  /** There is nowhere to lead it. */
  | "waiting"
  /** The node is being connected to. */
  | "connecting"
  /** The client asked for encryption, and the server has not answered. */
  | "asking"
  /** Everything passes. */
  | "open"
  /** It is turned away as soon as it has said who it is. */
  | "refusing"
  /** It is a cancel request. */
  | "cancelling"
  | "closed";

/** A client and where it is led. */
export interface Session {
  readonly id: number;
  readonly door: Door;
  /** Who the client is, as the log names it. */
  from: string;
  readonly client: End;
  server: End | null;
  stage: Stage;
  /** What the client sent that was not passed on yet. */
  held: Uint8Array;
  /** Whether a balancer's header comes first. */
  awaitsHeader: boolean;
  /** Whether what is held asks for encryption. */
  asksEncryption: boolean;
  target: Target | null;
  /** Reads what the server says, in a session that can be read. */
  answers: Answers | null;
  /** When its stage ends at the latest. */
  deadlineMs: number;
  /** Since when it has been looked for a place; 0 while it has not. */
  seekingMs: number;
  /** Before when nothing is tried again. */
  retryMs: number;
  /** Why it could not be led to the one tried last; empty for nothing. */
  trouble: string;
  /** Members that it could not be led to. */
  readonly failed: Set<number>;
  /** When anything passed last. */
  movedMs: number;
  /** Whether the client of a cancel request has left, which goes on without it. */
  isClientGone: boolean;
}

/** A cancel request under way. */
export interface Cancel {
  readonly id: number;
  readonly pid: number;
  readonly packet: Uint8Array;
  /** The session that it aims at, where that can be read; and how far it was. */
  readonly aim:
    | { readonly session: Session; readonly readyCount: number }
    | null;
  /** Where it is held until more is known. */
  held: Target | null;
  /** Connections that carry it. */
  carriers: number;
  /** Called when all is done. */
  readonly onDone: () => void;
}

/** A connection that hands a cancel request over. */
export interface Carrier {
  readonly end: End;
  readonly cancel: Cancel;
  readonly deadlineMs: number;
}

/** What is counted. */
export interface Counters {
  accepted: number;
  longestWaitEverMs: number;
  heldCancels: number;
  readonly refused: Record<RefusalReason, number>;
  readonly ended: Record<EndingReason, number>;
  /** From clients, and from servers. A typed array: a number in a field would be made anew each time. */
  readonly bytes: Float64Array;
}

/** One of a router's loops. */
export interface Loop {
  /** Which one it is; the first listens. */
  readonly index: number;
  /** What it shares with the others. */
  readonly board: Board;
  readonly libc: Libc;
  readonly sockets: Sockets;
  readonly poller: Poller;
  readonly settings: LoopSettings;
  readonly tell: (news: LoopNews) => void;
  /** What is read goes through here. */
  readonly buffer: Uint8Array;
  readonly sessions: Set<Session>;
  /** Those that wait, in the order in which they came. */
  readonly waiting: Set<Session>;
  /** Cancel requests by number; those that others asked about stay with them. */
  readonly cancels: Map<number, Cancel>;
  readonly carriers: Set<Carrier>;
  readonly listeners: Map<number, Door>;
  /** Where each door listens, or would if this router were not drained. */
  readonly addresses: Record<Door, Address | null>;
  readonly counters: Counters;
  /** How many loops there were when this one last told that there are too few. */
  toldLoops: number;
  /** Whether all sessions stood at the last sweep, and nobody has come since. */
  isCalm: boolean;
  table: RouteTable;
  lease: Lease;
  /** Whether the next lease was asked for. */
  isLeaseWanted: boolean;
  isDrained: boolean;
  /** The time of this round. */
  nowMs: number;
  nextId: number;
  /** When listeners that were paused for want of files are looked at again; 0 while none is. */
  pausedUntilMs: number;
  /** How many lines may still be logged in this second, and when that ends. */
  logLeft: number;
  logUntilMs: number;
}

const BUFFER_BYTES = 64 * 1024;

/** Which of a router's loops one is, and how it meets the others. */
export interface LoopPlace {
  readonly index: number;
  readonly board: Board;
}

/** Makes a loop without sessions. */
export function createLoop(
  libc: Libc,
  { index, board }: LoopPlace,
  settings: LoopSettings,
  tell: (news: LoopNews) => void,
): Loop {
  const zeros = <K extends string>(keys: readonly K[]): Record<K, number> =>
    Object.fromEntries(keys.map((key) => [key, 0])) as Record<K, number>;
  return {
    index,
    board,
    libc,
    sockets: createSockets(libc),
    poller: createPoller(libc),
    settings,
    tell,
    buffer: new Uint8Array(BUFFER_BYTES),
    sessions: new Set(),
    waiting: new Set(),
    cancels: new Map(),
    carriers: new Set(),
    listeners: new Map(),
    addresses: { ...settings.listen },
    counters: {
      accepted: 0,
      longestWaitEverMs: 0,
      heldCancels: 0,
      refused: zeros(REFUSALS),
      ended: zeros(ENDINGS),
      bytes: new Float64Array(2),
    },
    toldLoops: 0,
    isCalm: true,
    table: EMPTY_TABLE,
    lease: { untilMs: 0, renewMs: 0 },
    isLeaseWanted: false,
    isDrained: false,
    nowMs: libc.nowMs(),
    nextId: 1,
    pausedUntilMs: 0,
    logLeft: 0,
    logUntilMs: 0,
  };
}

/** Makes one of a session's connections, and has it looked after. */
export function addEnd(
  loop: Loop,
  fd: number,
  interest: number,
  handler: (events: number) => void,
): End {
  loop.poller.add(fd, interest, handler);
  const { nowMs } = loop;
  return { fd, interest, pending: null, tookMs: nowMs, hasEnded: false };
}

/** Changes what a connection is looked at for. */
export function look(loop: Loop, end: End, interest: number): void {
  if (end.interest === interest) return;
  end.interest = interest;
  loop.poller.change(end.fd, interest);
}

/** Ends a session, whatever is under way. */
export function endSession(loop: Loop, session: Session): void {
  if (session.stage === "closed") return;
  session.stage = "closed";
  leavePlace(loop, session);
  if (!session.isClientGone) loop.poller.remove(session.client.fd);
  if (session.server) loop.poller.remove(session.server.fd);
  session.server = null;
  loop.sessions.delete(session);
  loop.board.leave(loop.index);
  stopWaiting(loop, session);
}

/** Gives up the place that a session has or looks for. */
export function leavePlace({ board }: Loop, session: Session): void {
  if (session.seekingMs > 0) board.unplace();
  session.seekingMs = 0;
}

/** Takes a session out of the waiting room, where it is there. */
export function stopWaiting({ board, waiting }: Loop, session: Session): void {
  if (waiting.delete(session)) board.unwait();
}

const LOG_LINES_PER_S = 20;

/** Logs a line about a session; a flood of clients is no flood of lines. */
export function logLine(
  loop: Loop,
  level: "debug" | "info" | "warning",
  message: string,
  fields: Readonly<Record<string, unknown>>,
): void {
  if (loop.nowMs >= loop.logUntilMs) {
    loop.logUntilMs = loop.nowMs + 1000;
    loop.logLeft = LOG_LINES_PER_S;
  }
  if (loop.logLeft === 0) return;
  loop.logLeft -= 1;
  loop.tell({ kind: "log", level, message, fields });
}

/** Ends a session that stood, and counts why. */
export function cutSession(
  loop: Loop,
  session: Session,
  reason: EndingReason,
): void {
  loop.counters.ended[reason] += 1;
  const { from, target, door } = session;
  endSession(loop, session);
  const level = reason === "cancelled_wait" ? "warning" : "debug";
  logLine(loop, level, "A session was ended", {
    client: from,
    door,
    member: target?.member ?? 0,
    reason,
  });
}
