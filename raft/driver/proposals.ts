import {
  createNumbered,
  createSlab,
  type Numbered,
  randomIdentity,
  type Slab,
} from "../../base/mod.ts";
import type { Index, Proposal, Refusal, RefusedProposal } from "../core/mod.ts";
import { RaftError } from "../errors.ts";
import type { RaftOperation } from "../ports.ts";
import { encodeOpenSession, encodeOperation } from "./command.ts";
import type { DriverPorts } from "./ports.ts";
import { resultOf, SESSION_WINDOW, type SessionTable } from "./sessions.ts";

/** What a proposal came to: its result and where it stands in the log, or why there is none. */
export type ProposalOutcome =
  | {
    readonly kind: "applied";
    readonly index: Index;
    readonly result: Uint8Array;
  }
  | { readonly kind: "failed"; readonly error: RaftError };

/** A proposal whose outcome somebody waits for. */
export interface Waiter {
  readonly operation: RaftOperation;
  readonly deadlineMs: number;
  readonly proposedAtMs: number;
  readonly done: (outcome: ProposalOutcome) => void;
  /** How often it was handed to a leader. */
  attempts: number;
  /** A bit for each attempt that may be in a log; 0 means that it certainly is in none. */
  open: number;
  /** When it was last handed to a leader; -Infinity when it must be. */
  sentAtMs: number;
}

/** This node's proposals, which ride on a session of its own so that sending twice is harmless. */
export interface Proposals {
  /** 0 before the first proposal. */
  session: number;
  sessionOpen: boolean;
  sessionSentAtMs: number;
  nextSequence: number;
  /** By sequence. */
  readonly waiters: Numbered<Waiter>;
  /** Those that came since proposals were last handed to a leader, by sequence; some may be gone. */
  readonly fresh: number[];
  /** Whether among all the others some must be sent again. */
  rescan: boolean;
  /** What commands are encoded into. */
  readonly slab: Slab;
  /** When deadlines and lost messages are looked for next. */
  sweepAtMs: number;
}

/** How many proposals of a node may be under way: fewer than a session's window. */
export const MAX_PENDING_PROPOSALS = 8192;
/** How often deadlines and lost messages are looked for. */
export const SWEEP_INTERVAL_MS = 50;
/** The proposal id that stands for the opening of the session. */
const OPENING = 0;
/** Attempts that are told apart. From the last one on, refusals no longer prove anything. */
const MAX_ATTEMPTS = 16;

/** Makes the book of proposals. */
export function createProposals(): Proposals {
  return {
    session: 0,
    sessionOpen: false,
    sessionSentAtMs: -Infinity,
    nextSequence: 1,
    waiters: createNumbered(),
    fresh: [],
    rescan: false,
    slab: createSlab(),
    sweepAtMs: Infinity,
  };
}

/** Takes a proposal in; `done` is called once. */
export function addProposal(
  book: Proposals,
  ports: DriverPorts,
  operation: RaftOperation,
  timeoutMs: number,
  done: (outcome: ProposalOutcome) => void,
): void {
  if (book.waiters.size >= MAX_PENDING_PROPOSALS) {
    const message =
      `${MAX_PENDING_PROPOSALS} proposals of this node are under way; try again`;
    done({ kind: "failed", error: new RaftError("busy", message) });
    return;
  }
  const nowMs = ports.nowMs();
  const sequence = book.nextSequence++;
  book.waiters.set(sequence, {
    operation,
    deadlineMs: nowMs + timeoutMs,
    proposedAtMs: nowMs,
    done,
    attempts: 0,
    open: 0,
    sentAtMs: -Infinity,
  });
  noteFresh(book, sequence);
  if (book.sweepAtMs === Infinity) book.sweepAtMs = nowMs + SWEEP_INTERVAL_MS;
}

/** Without a leader proposals come and go: then it is cheaper to look at all that are left. */
function noteFresh(book: Proposals, sequence: number): void {
  if (book.fresh.length < MAX_PENDING_PROPOSALS) {
    book.fresh.push(sequence);
    return;
  }
  book.fresh.length = 0;
  book.rescan = true;
}

/**
 * Collects what must be handed to the core now. While the oldest has no answer none goes that is a window ahead
 * of it: every member keeps the results of all after the oldest, and has room for a window of them.
 *
 * @param hasLeader Whether a leader is known: else nothing is sent.
 */
export function takeUnsent(
  book: Proposals,
  ports: DriverPorts,
  hasLeader: boolean,
): Proposal[] {
  if (!hasLeader || (!book.rescan && book.fresh.length === 0)) return [];
  const nowMs = ports.nowMs();
  if (!book.sessionOpen) return takeOpening(book, ports, nowMs);
  const proposals: Proposal[] = [];
  const ackedBelow = book.waiters.lowest ?? book.nextSequence;
  let isHeldBack = false;
  for (const sequence of book.rescan ? numbersOf(book) : book.fresh) {
    const waiter = book.waiters.get(sequence);
    if (waiter?.sentAtMs !== -Infinity) continue;
    isHeldBack = sequence >= ackedBelow + SESSION_WINDOW;
    if (isHeldBack) break;
    waiter.sentAtMs = nowMs;
    const attempt = Math.min(waiter.attempts++, MAX_ATTEMPTS - 1);
    waiter.open |= 1 << attempt;
    const command = { session: book.session, sequence, ackedBelow };
    const data = encodeOperation(command, waiter.operation, book.slab);
    const id = sequence * MAX_ATTEMPTS + attempt;
    proposals.push({ id, kind: "command", data });
  }
  book.rescan = isHeldBack;
  book.fresh.length = 0;
  return proposals;
}

function numbersOf({ waiters }: Proposals): number[] {
  return Array.from(waiters, ([sequence]) => sequence);
}

function takeOpening(
  book: Proposals,
  ports: DriverPorts,
  nowMs: number,
): Proposal[] {
  if (book.sessionSentAtMs !== -Infinity) return [];
  if (book.session === 0) book.session = randomIdentity(ports.random);
  book.sessionSentAtMs = nowMs;
  const data = encodeOpenSession(book.session);
  return [{ id: OPENING, kind: "command", data }];
}

/** This node's session is open: what waited for it can go. */
export function onSessionOpened(book: Proposals, session: number): void {
  if (session !== book.session || book.sessionOpen) return;
  book.sessionOpen = true;
  book.rescan = true;
}

/** A proposal of this node was applied, now or before. */
export function onApplied(
  book: Proposals,
  ports: DriverPorts,
  sequence: number,
  index: Index,
  result: Uint8Array,
  nowMs: number,
): void {
  const waiter = book.waiters.get(sequence);
  if (!waiter) return;
  book.waiters.delete(sequence);
  ports.observer.committed?.(nowMs - waiter.proposedAtMs);
  waiter.done({ kind: "applied", index, result });
}

/**
 * This node's session was forgotten before the entry that was just refused. Whatever of it came
 * before, this node applied and answered; whatever comes after is refused as well. So all that is
 * still waited for was not applied, and can go again on a new session.
 */
export function onExpired(book: Proposals, session: number): void {
  if (session !== book.session) return;
  book.session = 0;
  book.sessionOpen = false;
  for (const [, waiter] of book.waiters) waiter.open = 0;
  resendAll(book);
}

/** A snapshot took the place of entries that this node did not apply: what it holds is the answer. */
export function onInstalled(
  book: Proposals,
  ports: DriverPorts,
  table: SessionTable,
  index: Index,
): void {
  if (book.session === 0) return;
  const known = table.sessions.has(book.session);
  const nowMs = ports.nowMs();
  for (const [sequence, waiter] of book.waiters) {
    const result = resultOf(table, book.session, sequence);
    if (result) onApplied(book, ports, sequence, index, result, nowMs);
    else if (!known && waiter.open !== 0) {
      book.waiters.delete(sequence);
      waiter.done({ kind: "failed", error: expiredError() });
    }
  }
  if (known) onSessionOpened(book, book.session);
  else onExpired(book, book.session);
}

function expiredError(): RaftError {
  const message =
    "The session expired while this node was away; the proposal may have been applied";
  return new RaftError("outcome_unknown", message);
}

/**
 * A proposal was not appended. If it never left this node, that is certain; a forward may have been
 * repeated on its way and refused once only, so its outcome stays open and it is sent again.
 */
export function onRefused(book: Proposals, refused: RefusedProposal): void {
  const { id, reason, forwarded } = refused;
  if (id === OPENING) {
    book.sessionSentAtMs = -Infinity;
    return;
  }
  const sequence = Math.floor(id / MAX_ATTEMPTS);
  const attempt = id % MAX_ATTEMPTS;
  const waiter = book.waiters.get(sequence);
  if (!waiter) return;
  // Looked at again with the next sweep, or when there is another leader.
  waiter.sentAtMs = -Infinity;
  const isLast = attempt === MAX_ATTEMPTS - 1;
  if (!forwarded && !isLast) waiter.open &= ~(1 << attempt);
  const certain = reason === "too_large" ||
    (reason === "busy" && waiter.open === 0);
  if (!certain) return;
  book.waiters.delete(sequence);
  waiter.done({ kind: "failed", error: refusalError(reason, waiter) });
}

function refusalError(reason: Refusal, waiter: Waiter): RaftError {
  if (reason === "too_large") {
    const message =
      `An entry of ${waiter.operation.data.length} bytes exceeds ` +
      "max_entry_size; split it or raise the limit on every member";
    return new RaftError("too_large", message);
  }
  const message =
    "The leader has too much that is not committed yet; try again later";
  return new RaftError("busy", message);
}

/** There is another leader: what may have been lost with the old one is sent again. */
export function resendAll(book: Proposals): void {
  for (const [, waiter] of book.waiters) waiter.sentAtMs = -Infinity;
  book.sessionSentAtMs = -Infinity;
  book.rescan = book.waiters.size > 0;
}

/** Ends what took too long, and sends again what seems lost. */
export function sweep(
  book: Proposals,
  nowMs: number,
  resendAfterMs: number,
): void {
  if (nowMs < book.sweepAtMs) return;
  for (const [sequence, waiter] of book.waiters) {
    if (nowMs >= waiter.deadlineMs) {
      book.waiters.delete(sequence);
      waiter.done({ kind: "failed", error: timeoutError(waiter) });
    } else if (nowMs - waiter.sentAtMs >= resendAfterMs) {
      waiter.sentAtMs = -Infinity;
      book.rescan = true;
    }
  }
  if (nowMs - book.sessionSentAtMs >= resendAfterMs) {
    book.sessionSentAtMs = -Infinity;
  }
  const idle = book.waiters.size === 0;
  book.sweepAtMs = idle ? Infinity : nowMs + SWEEP_INTERVAL_MS;
}

function timeoutError(waiter: Waiter): RaftError {
  if (waiter.open === 0) {
    const message = "No leader took the proposal in time; nothing happened";
    return new RaftError("no_quorum", message);
  }
  const message =
    "The proposal was not confirmed in time; it may be applied yet";
  return new RaftError("outcome_unknown", message);
}

/** Ends every proposal. */
export function failAll(book: Proposals, error: RaftError): void {
  const waiters = Array.from(book.waiters, ([, waiter]) => waiter);
  book.waiters.dropBelow(book.nextSequence);
  for (const waiter of waiters) waiter.done({ kind: "failed", error });
}
