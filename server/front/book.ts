import type { FrontLimits } from "./limits.ts";

/** Why a connection was ended from this side. */
export type CutReason =
  /** It brought no whole header in time. */
  | "no_request"
  /** It was without a request for long. */
  | "idle"
  /** Its caller took nothing of what waits for it. */
  | "stalled"
  /** All places were taken, and another caller came. */
  | "displaced"
  /** All places were taken, each with a request under way. */
  | "full";

/** A connection, as far as its bounds go. */
export interface Guest {
  readonly sinceMs: number;
  /** Whether a request has ever come. */
  hasAsked: boolean;
  /** How many requests are under way. */
  active: number;
  /** Since when none is. */
  quietSinceMs: number;
  /** Since when what waits for the caller does not move; null while it does. */
  stalledSinceMs: number | null;
  /** Ends the connection. */
  readonly cut: () => void;
}

/** Counts of a front, which only grow but for the connections. */
export interface FrontStats {
  readonly connections: number;
  readonly cuts: Readonly<Record<CutReason, number>>;
}

/** The connections of a front. */
export interface Book {
  readonly guests: Set<Guest>;
  readonly limits: FrontLimits;
  readonly cuts: Record<CutReason, number>;
}

/** Makes an empty book. */
export function createBook(limits: FrontLimits): Book {
  const cuts = { no_request: 0, idle: 0, stalled: 0, displaced: 0, full: 0 };
  return { guests: new Set(), limits, cuts };
}

/**
 * Takes a connection in. When all places are taken, the one that has waited longest for its first
 * request goes, else the one that has been idle longest: a crowd that asks nothing keeps nobody out.
 *
 * @param book The book.
 * @param nowMs The time.
 * @param cut Ends the connection.
 * @returns The connection; null where there is no place, and it was cut.
 */
export function admit(
  book: Book,
  nowMs: number,
  cut: () => void,
): Guest | null {
  if (book.guests.size >= book.limits.maxConnections) {
    const guest = leastWanted(book);
    if (guest === null) {
      book.cuts.full += 1;
      cut();
      return null;
    }
    end(book, guest, "displaced");
  }
  const guest: Guest = {
    sinceMs: nowMs,
    hasAsked: false,
    active: 0,
    quietSinceMs: nowMs,
    stalledSinceMs: null,
    cut,
  };
  book.guests.add(guest);
  return guest;
}

/** A request has come. */
export function begin(guest: Guest): void {
  guest.hasAsked = true;
  guest.active += 1;
}

/** A request has been answered, or its caller has gone. */
export function finish(guest: Guest, nowMs: number): void {
  guest.active -= 1;
  if (guest.active === 0) guest.quietSinceMs = nowMs;
}

/** Ends the connections that are over their bounds. */
export function sweep(book: Book, nowMs: number): void {
  for (const guest of book.guests) {
    const reason = overstays(guest, book.limits, nowMs);
    if (reason !== null) end(book, guest, reason);
  }
}

function overstays(
  { sinceMs, hasAsked, active, quietSinceMs, stalledSinceMs }: Guest,
  { firstRequestMs, idleMs, stallMs }: FrontLimits,
  nowMs: number,
): CutReason | null {
  if (stalledSinceMs !== null && nowMs - stalledSinceMs > stallMs) {
    return "stalled";
  }
  if (!hasAsked) return nowMs - sinceMs > firstRequestMs ? "no_request" : null;
  return active === 0 && nowMs - quietSinceMs > idleMs ? "idle" : null;
}

/** Connections stand in the order in which they came. */
function leastWanted({ guests }: Book): Guest | null {
  let idlest: Guest | null = null;
  for (const guest of guests) {
    if (!guest.hasAsked) return guest;
    if (guest.active > 0) continue;
    if (idlest && idlest.quietSinceMs <= guest.quietSinceMs) continue;
    idlest = guest;
  }
  return idlest;
}

function end(book: Book, guest: Guest, reason: CutReason): void {
  book.cuts[reason] += 1;
  book.guests.delete(guest);
  guest.cut();
}
