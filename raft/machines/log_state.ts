import { present } from "../../base/mod.ts";
import { DIGEST_START, digestBytes, digestNumber } from "./digest.ts";
import {
  addToPage,
  createPage,
  hasRoom,
  type LogPage,
  pageFor,
  viewOf,
} from "./log_pages.ts";

/** Everything that a log holds. */
export interface LogState {
  /** In order; the first may begin with entries that are no longer part of the log. */
  readonly pages: LogPage[];
  /** The position of the oldest entry; one more than `last` when there is none. */
  first: number;
  /** The position of the newest entry; 0 before the first append. */
  last: number;
  /** The size of all entries. */
  sizeBytes: number;
}

/** How much a log keeps. */
export interface LogRetention {
  /** The greatest number of entries. */
  readonly retainEntries: number;
  /** The greatest size of all entries together, the newest aside, which is always kept. */
  readonly retainBytes: number;
}

/**
 * Makes an empty log that goes on behind a position.
 *
 * @param before The position before the first entry.
 * @returns The state.
 */
export function createLogState(before: number): LogState {
  return { pages: [], first: before + 1, last: before, sizeBytes: 0 };
}

/**
 * Appends an entry.
 *
 * @param state Where.
 * @param entry Is copied.
 */
export function appendEntry(state: LogState, entry: Uint8Array): void {
  state.last += 1;
  let page = state.pages.at(-1);
  if (page === undefined || !hasRoom(page, entry.length)) {
    page = createPage(state.last, entry.length);
    state.pages.push(page);
  }
  addToPage(page, entry);
  state.sizeBytes += entry.length;
}

/**
 * Lets go of the oldest entries until what is left is within bounds.
 *
 * @param state Where.
 * @param retention The bounds.
 */
export function retain(state: LogState, retention: LogRetention): void {
  const { retainEntries, retainBytes } = retention;
  while (
    state.first < state.last &&
    (state.sizeBytes > retainBytes ||
      state.last - state.first + 1 > retainEntries)
  ) {
    const oldest = present(state.pages[0], "the oldest page");
    state.sizeBytes -= viewOf(oldest, state.first).length;
    state.first += 1;
    if (state.first === oldest.first + oldest.ends.length) state.pages.shift();
  }
}

/**
 * Finds an entry.
 *
 * @param state Where.
 * @param position The entry's position.
 * @returns A view of it, or null when the log does not have it.
 */
export function entryAt(state: LogState, position: number): Uint8Array | null {
  if (position < state.first || position > state.last) return null;
  const page = state.pages[pageFor(state.pages, position)];
  return viewOf(present(page, "the page of an entry"), position);
}

/**
 * Computes a checksum of a log.
 *
 * @param state The log.
 * @returns 32 bits; equal for equal logs, however they lie in pages.
 */
export function digestLog(state: LogState): number {
  let digest = digestNumber(DIGEST_START, state.first);
  for (let position = state.first; position <= state.last; position++) {
    const entry = present(entryAt(state, position), "an entry of the log");
    digest = digestBytes(digest, entry);
  }
  return digest;
}
