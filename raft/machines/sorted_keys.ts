import { invariant, present } from "../../base/mod.ts";
import type { ByteString } from "./byte_string.ts";

/** Keys a block holds at most; a full one is split. */
const BLOCK_KEYS = 512;

/** A half-open stretch of keys. */
export interface KeySpan {
  /** The first key that belongs to it. */
  readonly start: ByteString;
  /** The first key that no longer does; null for no end. */
  readonly end: ByteString | null;
}

/**
 * A set of keys in order. They lie in blocks of a few hundred, so that an insertion moves one block
 * and not a million keys, and the keys of a block lie side by side for whoever goes through them.
 */
export interface SortedKeys {
  /** Returns the number of keys. */
  size(): number;
  /** Adds a key; returns false when it was there. */
  insert(key: ByteString): boolean;
  /** Removes a key; returns false when it was not there. */
  remove(key: ByteString): boolean;
  /** Removes a stretch of keys and returns them in order. */
  removeSpan(span: KeySpan): ByteString[];
  /** Counts a stretch without going through it key by key. */
  count(span: KeySpan): number;
  /** Goes through a stretch in order; keys must neither come nor go meanwhile. */
  keys(span: KeySpan): Generator<ByteString, void, undefined>;
  /** Goes through the keys behind `after`, as `keys` does. */
  keysAfter(after: ByteString): Generator<ByteString, void, undefined>;
}

/** Where a key is, or would be. */
interface Place {
  readonly block: number;
  readonly offset: number;
}

/**
 * Makes an empty set of keys.
 *
 * @returns The set.
 *
 * @example Usage
 * ```ts
 * import { createSortedKeys } from "./sorted_keys.ts";
 *
 * const sorted = createSortedKeys();
 * for (const key of ["b", "c", "a"]) sorted.insert(key);
 * const found = [...sorted.keys({ start: "a", end: "c" })].join();
 * if (found !== "a,b") throw new Error(`Two keys expected, got ${found}`);
 * ```
 */
export function createSortedKeys(): SortedKeys {
  const blocks: ByteString[][] = [];
  let size = 0;

  function* keysFrom(
    from: Place,
    end: ByteString | null,
  ): Generator<ByteString, void, undefined> {
    let { offset } = from;
    for (let b = from.block; b < blocks.length; b++) {
      const block = blockAt(blocks, b);
      for (; offset < block.length; offset++) {
        const key = keyAt(block, offset);
        if (end !== null && key >= end) return;
        yield key;
      }
      offset = 0;
    }
  }

  return {
    size: () => size,
    insert: (key) => {
      const inserted = insertKey(blocks, key);
      if (inserted) size += 1;
      return inserted;
    },
    remove: (key) => {
      const removed = removeKey(blocks, key);
      if (removed) size -= 1;
      return removed;
    },
    removeSpan: (span) => {
      const removed = removeSpan(blocks, span);
      size -= removed.length;
      return removed;
    },
    count: ({ start, end }) => {
      const until = end === null ? size : rank(blocks, placeOf(blocks, end));
      return Math.max(0, until - rank(blocks, placeOf(blocks, start)));
    },
    keys: ({ start, end }) => keysFrom(placeOf(blocks, start), end),
    keysAfter: (after) => {
      const place = placeOf(blocks, after);
      const there = blocks[place.block]?.[place.offset] === after;
      const offset = there ? place.offset + 1 : place.offset;
      return keysFrom({ block: place.block, offset }, null);
    },
  };
}

function blockAt(blocks: ByteString[][], index: number): ByteString[] {
  return present(blocks[index], "a block of keys");
}

function keyAt(block: ByteString[], offset: number): ByteString {
  return present(block[offset], "a key of a block");
}

/** Returns the last block that begins at or before `key`, else the first. */
function blockFor(blocks: ByteString[][], key: ByteString): number {
  let low = 0;
  let high = blocks.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (keyAt(blockAt(blocks, middle), 0) <= key) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Returns the offset of the first key that is not before `key`. */
function offsetIn(block: ByteString[], key: ByteString): number {
  let low = 0;
  let high = block.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (keyAt(block, middle) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

function placeOf(blocks: ByteString[][], key: ByteString): Place {
  const block = blockFor(blocks, key);
  return { block, offset: offsetIn(blocks[block] ?? [], key) };
}

function rank(blocks: ByteString[][], place: Place): number {
  let before = place.offset;
  for (let b = 0; b < place.block; b++) before += blockAt(blocks, b).length;
  return before;
}

function insertKey(blocks: ByteString[][], key: ByteString): boolean {
  if (blocks.length === 0) {
    blocks.push([key]);
    return true;
  }
  const { block: b, offset } = placeOf(blocks, key);
  const block = blockAt(blocks, b);
  if (block[offset] === key) return false;
  if (block.length < BLOCK_KEYS) {
    block.splice(offset, 0, key);
    return true;
  }
  // Keys that come in order would leave half-empty blocks behind, were the last one split.
  if (b === blocks.length - 1 && offset === block.length) {
    blocks.push([key]);
    return true;
  }
  const right = block.splice(BLOCK_KEYS / 2);
  blocks.splice(b + 1, 0, right);
  if (offset <= block.length) block.splice(offset, 0, key);
  else right.splice(offset - block.length, 0, key);
  return true;
}

function removeKey(blocks: ByteString[][], key: ByteString): boolean {
  const { block: b, offset } = placeOf(blocks, key);
  const block = blocks[b];
  if (block === undefined || block[offset] !== key) return false;
  block.splice(offset, 1);
  tidy(blocks, b);
  return true;
}

function removeSpan(blocks: ByteString[][], span: KeySpan): ByteString[] {
  if (blocks.length === 0) return [];
  if (span.end !== null && span.end <= span.start) return [];
  const from = placeOf(blocks, span.start);
  const last = blocks.length - 1;
  const to = span.end === null
    ? { block: last, offset: blockAt(blocks, last).length }
    : placeOf(blocks, span.end);
  const first = blockAt(blocks, from.block);
  if (from.block === to.block) {
    const removed = first.splice(from.offset, to.offset - from.offset);
    tidy(blocks, from.block);
    return removed;
  }
  invariant(from.block < to.block, "a stretch of keys ends before it begins");
  const removed = first.splice(from.offset);
  const between = blocks.splice(from.block + 1, to.block - from.block - 1);
  const tail = blockAt(blocks, from.block + 1).splice(0, to.offset);
  for (const block of [...between, tail]) {
    for (const key of block) removed.push(key);
  }
  tidy(blocks, from.block + 1);
  tidy(blocks, from.block);
  return removed;
}

/** Drops an empty block and joins a small one to a neighbour. */
function tidy(blocks: ByteString[][], index: number): void {
  const block = blockAt(blocks, index);
  if (block.length === 0) {
    blocks.splice(index, 1);
    return;
  }
  if (block.length >= BLOCK_KEYS / 4) return;
  const left = index > 0 ? index - 1 : index;
  const into = blockAt(blocks, left);
  const from = blocks[left + 1];
  if (from === undefined || into.length + from.length > BLOCK_KEYS / 2) return;
  for (const key of from) into.push(key);
  blocks.splice(left + 1, 1);
}
