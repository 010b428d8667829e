import { createNumbered, invariant, type Numbered } from "../../base/mod.ts";
import type { Index } from "../core/mod.ts";
import type { CommandId } from "./command.ts";

/** How many sessions are kept; the one that was used longest ago, by log position, goes first. */
export const MAX_SESSIONS = 1024;
/** How many commands of a session may be without an acknowledged result. */
export const SESSION_WINDOW = 16384;

/** What is kept of a proposer. */
export interface Session {
  lastUsedIndex: Index;
  ackedBelow: number;
  /** Results by sequence, kept until the proposer needs them no more. */
  readonly results: Numbered<Uint8Array>;
}

/**
 * Who proposed what (dissertation §6.3). Part of the replicated state: every member decides alike,
 * by the log alone, whether a command is new.
 */
export interface SessionTable {
  readonly sessions: Map<number, Session>;
}

/** What becomes of a command. */
export type Admission =
  /** It is new. */
  | { readonly kind: "apply" }
  /** It was applied before; `result` is null when the proposer had acknowledged it. */
  | { readonly kind: "duplicate"; readonly result: Uint8Array | null }
  /** Its session is unknown: whether it was applied before can't be told, so it is not applied. */
  | { readonly kind: "expired" };

/** Makes an empty table. */
export function createSessionTable(): SessionTable {
  return { sessions: new Map() };
}

/** Opens a session; opening it again changes nothing. */
export function openSession(
  table: SessionTable,
  id: number,
  index: Index,
): void {
  const existing = table.sessions.get(id);
  if (existing) {
    existing.lastUsedIndex = index;
    return;
  }
  if (table.sessions.size >= MAX_SESSIONS) dropOldest(table);
  table.sessions.set(id, {
    lastUsedIndex: index,
    ackedBelow: 0,
    results: createNumbered(),
  });
}

function dropOldest(table: SessionTable): void {
  let oldest = 0;
  let oldestIndex = Infinity;
  for (const [id, session] of table.sessions) {
    if (session.lastUsedIndex >= oldestIndex) continue;
    oldest = id;
    oldestIndex = session.lastUsedIndex;
  }
  table.sessions.delete(oldest);
}

/** Decides whether a command is applied. */
export function admit(
  table: SessionTable,
  id: CommandId,
  index: Index,
): Admission {
  const session = table.sessions.get(id.session);
  if (!session) return { kind: "expired" };
  session.lastUsedIndex = index;
  forget(session, id.ackedBelow);
  if (id.sequence < session.ackedBelow) {
    return { kind: "duplicate", result: null };
  }
  const result = session.results.get(id.sequence);
  return result ? { kind: "duplicate", result } : { kind: "apply" };
}

function forget(session: Session, ackedBelow: number): void {
  if (ackedBelow <= session.ackedBelow) return;
  session.ackedBelow = ackedBelow;
  session.results.dropBelow(ackedBelow);
}

/** Keeps the result of a command that was applied. */
export function keepResult(
  table: SessionTable,
  id: CommandId,
  result: Uint8Array,
): void {
  const session = table.sessions.get(id.session);
  invariant(session !== undefined, `session ${id.session} is unknown`);
  session.results.set(id.sequence, result);
  invariant(
    session.results.size <= SESSION_WINDOW * 2,
    `session ${id.session} keeps ${session.results.size} results`,
  );
}

/** The kept result of a command, or undefined. */
export function resultOf(
  table: SessionTable,
  session: number,
  sequence: number,
): Uint8Array | undefined {
  return table.sessions.get(session)?.results.get(sequence);
}

/**
 * Encodes the table as it is now, piece by piece: one session each.
 *
 * @returns Pieces that {@linkcode restoreSession} takes back.
 */
export function snapshotSessions(table: SessionTable): Iterable<Uint8Array> {
  const copies = [...table.sessions].map(([id, session]) => ({
    id,
    lastUsedIndex: session.lastUsedIndex,
    ackedBelow: session.ackedBelow,
    results: [...session.results],
  }));
  return encodeAll(copies);
}

interface SessionCopy {
  readonly id: number;
  readonly lastUsedIndex: Index;
  readonly ackedBelow: number;
  readonly results: readonly (readonly [number, Uint8Array])[];
}

function* encodeAll(copies: readonly SessionCopy[]): Iterable<Uint8Array> {
  for (const copy of copies) yield encodeSession(copy);
}

const SESSION_HEADER_BYTES = 28;
const RESULT_HEADER_BYTES = 12;

function encodeSession(copy: SessionCopy): Uint8Array {
  let size = SESSION_HEADER_BYTES;
  for (const [, result] of copy.results) {
    size += RESULT_HEADER_BYTES + result.length;
  }
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  view.setFloat64(0, copy.id);
  view.setFloat64(8, copy.lastUsedIndex);
  view.setFloat64(16, copy.ackedBelow);
  view.setUint32(24, copy.results.length);
  let at = SESSION_HEADER_BYTES;
  for (const [sequence, result] of copy.results) {
    view.setFloat64(at, sequence);
    view.setUint32(at + 8, result.length);
    bytes.set(result, at + RESULT_HEADER_BYTES);
    at += RESULT_HEADER_BYTES + result.length;
  }
  return bytes;
}

/** Takes back a piece that {@linkcode snapshotSessions} made. */
export function restoreSession(table: SessionTable, piece: Uint8Array): void {
  const view = new DataView(piece.buffer, piece.byteOffset, piece.byteLength);
  const results = createNumbered<Uint8Array>();
  let at = SESSION_HEADER_BYTES;
  for (let left = view.getUint32(24); left > 0; left--) {
    const length = view.getUint32(at + 8);
    const start = at + RESULT_HEADER_BYTES;
    results.set(view.getFloat64(at), piece.slice(start, start + length));
    at = start + length;
  }
  table.sessions.set(view.getFloat64(0), {
    lastUsedIndex: view.getFloat64(8),
    ackedBelow: view.getFloat64(16),
    results,
  });
}
