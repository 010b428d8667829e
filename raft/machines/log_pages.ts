import { present } from "../../base/mod.ts";

/** The size of a page; an entry that does not fit gets a page of its own size. */
const PAGE_BYTES = 64 * 1024;
/** Entries of a page at most, which bounds the time that it takes to encode one. */
const PAGE_ENTRIES = 2048;

/**
 * Some entries one after the other. Bytes and ends are only ever added, so that whoever remembers
 * how many there were sees the page as it was.
 */
export interface LogPage {
  /** The position of the first entry. */
  readonly first: number;
  readonly data: Uint8Array;
  /** Where each entry ends in `data`. */
  readonly ends: number[];
}

/**
 * Begins a page.
 *
 * @param first The position of its first entry.
 * @param entryBytes The size of that entry.
 * @returns The empty page.
 */
export function createPage(first: number, entryBytes: number): LogPage {
  const data = new Uint8Array(Math.max(PAGE_BYTES, entryBytes));
  return { first, data, ends: [] };
}

/**
 * Says whether another entry fits.
 *
 * @param page The page.
 * @param entryBytes The entry's size.
 * @returns Whether it fits.
 */
export function hasRoom(page: LogPage, entryBytes: number): boolean {
  return page.ends.length < PAGE_ENTRIES &&
    pageBytes(page, page.ends.length) + entryBytes <= page.data.length;
}

/**
 * Adds an entry.
 *
 * @param page Must have room.
 * @param entry Is copied.
 */
export function addToPage(page: LogPage, entry: Uint8Array): void {
  const start = pageBytes(page, page.ends.length);
  page.data.set(entry, start);
  page.ends.push(start + entry.length);
}

/**
 * Says where an entry of a page is.
 *
 * @param page The page.
 * @param position The entry's position in the log.
 * @returns A view of it.
 */
export function viewOf(page: LogPage, position: number): Uint8Array {
  const number = position - page.first;
  const end = present(page.ends[number], "the end of an entry of a page");
  return page.data.subarray(pageBytes(page, number), end);
}

/**
 * Says how many bytes the first entries of a page take.
 *
 * @param page The page.
 * @param count How many entries.
 * @returns Their size.
 */
export function pageBytes(page: LogPage, count: number): number {
  return count === 0 ? 0 : present(page.ends[count - 1], "an entry's end");
}

/**
 * Finds the page of a position.
 *
 * @param pages Pages in order.
 * @param position A position that one of them has.
 * @returns The page's number in `pages`.
 */
export function pageFor(pages: readonly LogPage[], position: number): number {
  let low = 0;
  let high = pages.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (present(pages[middle], "a page").first <= position) low = middle;
    else high = middle - 1;
  }
  return low;
}
