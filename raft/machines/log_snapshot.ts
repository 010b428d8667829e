import { present } from "../../base/mod.ts";
import type { SnapshotRestore } from "../ports.ts";
import { type LogPage, pageBytes, pageFor } from "./log_pages.ts";
import { appendEntry, createLogState, type LogState } from "./log_state.ts";
import { badSnapshot, type PieceSource } from "./pieces.ts";
import {
  createReader,
  createWriter,
  finishWriter,
  readByte,
  readCompletely,
  readNumber,
  writeByte,
  writeBytes,
  writeNumber,
} from "./wire.ts";

const FORMAT = 1;
const HEADER = 1;
const ENTRIES = 2;

/**
 * Begins a snapshot. Pages only grow, so remembering them and how far the last one went is enough.
 *
 * @param state The log, which may change between pieces.
 * @returns The pieces: a header, then one for each page.
 */
export function snapshotLogState(state: LogState): PieceSource {
  const { first, last } = state;
  const pages = state.pages.slice();
  let number = first > last ? pages.length : pageFor(pages, first);
  let header: Uint8Array | null = headerPiece(first, last);
  return {
    next: () => {
      if (header !== null) {
        const piece = header;
        header = null;
        return piece;
      }
      const page = pages[number];
      if (page === undefined) return null;
      number += 1;
      return pagePiece(page, first, last);
    },
    release: () => {
      pages.length = 0;
    },
  };
}

/**
 * Begins to take in a snapshot.
 *
 * @param done Gets the log once it is complete.
 * @returns Takes the pieces.
 */
export function restoreLogState(
  done: (state: LogState) => void,
): SnapshotRestore {
  let state: LogState | null = null;
  let last = 0;

  function takeHeader(data: Uint8Array): void {
    const reader = createReader(data);
    readByte(reader);
    const format = readByte(reader);
    const first = readNumber(reader);
    last = readNumber(reader);
    if (format !== FORMAT || first < 1 || !readCompletely(reader)) {
      throw badSnapshot("its header is not that of a log");
    }
    state = createLogState(first - 1);
  }

  return {
    piece: (data) => {
      if (state === null && data[0] === HEADER) takeHeader(data);
      else if (state !== null && data[0] === ENTRIES) takeEntries(state, data);
      else throw badSnapshot("a piece has no place in a log");
    },
    done: () => {
      if (state?.last !== last) {
        throw badSnapshot(`it ends before position ${last}`);
      }
      done(state);
    },
  };
}

function takeEntries(state: LogState, data: Uint8Array): void {
  const reader = createReader(data);
  readByte(reader);
  const first = readNumber(reader);
  const count = readNumber(reader);
  const sizes: number[] = [];
  while (sizes.length < count && !reader.failed) {
    sizes.push(readNumber(reader));
  }
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  const whole = reader.at + bytes === data.length;
  if (reader.failed || !whole || first !== state.last + 1) {
    throw badSnapshot("a piece is damaged or out of order");
  }
  let at = reader.at;
  for (const size of sizes) {
    appendEntry(state, data.subarray(at, at + size));
    at += size;
  }
}

function headerPiece(first: number, last: number): Uint8Array {
  const writer = createWriter(32);
  writeByte(writer, HEADER);
  writeByte(writer, FORMAT);
  writeNumber(writer, first);
  writeNumber(writer, last);
  return finishWriter(writer);
}

/** Encodes the entries of a page from `first` to `last`. */
function pagePiece(page: LogPage, first: number, last: number): Uint8Array {
  const from = Math.max(0, first - page.first);
  const until = Math.min(page.ends.length, last - page.first + 1);
  const start = pageBytes(page, from);
  const end = pageBytes(page, until);
  const writer = createWriter(32 + end - start + 3 * (until - from));
  writeByte(writer, ENTRIES);
  writeNumber(writer, page.first + from);
  writeNumber(writer, until - from);
  let before = start;
  for (let number = from; number < until; number++) {
    const entryEnd = present(page.ends[number], "the end of an entry");
    writeNumber(writer, entryEnd - before);
    before = entryEnd;
  }
  writeBytes(writer, page.data.subarray(start, end));
  return finishWriter(writer);
}
