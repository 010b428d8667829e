import { invariant, present, shortLivedBytes } from "../../base/mod.ts";

/** The parts of a node's replicated state. */
export const PARTS = [
  "kv",
  "log",
  "members",
  "cluster",
  "settings",
  "sql",
] as const;

/** One of {@linkcode PARTS}. */
export type Part = typeof PARTS[number];

/** What makes a repeated request known, and one that only pretends to be a repetition. */
export interface OnceKey {
  /** 16 bytes that stand for the caller's key. */
  readonly key: Uint8Array;
  /** 16 bytes that stand for the request that came with it. */
  readonly fingerprint: Uint8Array;
}

/** An operation for one of the parts. */
export interface PartOperation {
  readonly part: Part;
  readonly once: OnceKey | null;
  /**
   * Where the request is traced that this is of; changes nothing.
   *
   * @default {null}
   */
  readonly mark?: Uint8Array | null;
  readonly data: Uint8Array;
}

const ONCE_FLAG = 0x80;
const MARK_FLAG = 0x40;
const PART_BITS = 0x3f;
const DIGEST_BYTES = 16;
/** A trace's id, a span's, and flags. */
const MARK_BYTES = 25;

/** Encodes an operation: a byte for the part, the once-key and the mark if there are such, then its data. */
export function encodePartOperation(operation: PartOperation): Uint8Array {
  const { part, once, mark = null, data } = operation;
  const onceEnd = once ? 1 + 2 * DIGEST_BYTES : 1;
  const header = mark ? onceEnd + MARK_BYTES : onceEnd;
  const bytes = shortLivedBytes(header + data.length);
  bytes[0] = PARTS.indexOf(part) | (once ? ONCE_FLAG : 0) |
    (mark ? MARK_FLAG : 0);
  if (mark) {
    invariant(mark.length === MARK_BYTES, "a mark has 25 bytes");
    bytes.set(mark, onceEnd);
  }
  if (once) {
    invariant(
      once.key.length === DIGEST_BYTES &&
        once.fingerprint.length === DIGEST_BYTES,
      "a once-key has 16 bytes and 16 of a fingerprint",
    );
    bytes.set(once.key, 1);
    bytes.set(once.fingerprint, 1 + DIGEST_BYTES);
  }
  bytes.set(data, header);
  return bytes;
}

/** Decodes an operation; its data is a view. */
export function decodePartOperation(bytes: Uint8Array): PartOperation {
  const first = bytes[0] ?? 0xff;
  const index = first & PART_BITS;
  const part = present(PARTS[index], `part ${index} of the replicated state`);
  const onceEnd = onceEndOf(first);
  const header = (first & MARK_FLAG) === 0 ? onceEnd : onceEnd + MARK_BYTES;
  const data = bytes.subarray(header);
  if ((first & ONCE_FLAG) === 0) return { part, once: null, data };
  return {
    part,
    once: {
      key: bytes.subarray(1, 1 + DIGEST_BYTES),
      fingerprint: bytes.subarray(1 + DIGEST_BYTES, onceEnd),
    },
    data,
  };
}

function onceEndOf(first: number): number {
  return (first & ONCE_FLAG) === 0 ? 1 : 1 + 2 * DIGEST_BYTES;
}

/**
 * Takes the mark out of an operation that is encoded.
 *
 * @param bytes What {@linkcode encodePartOperation} made.
 * @returns A view of it, or null where there is none.
 */
export function markOf(bytes: Uint8Array): Uint8Array | null {
  const first = bytes[0] ?? 0;
  if ((first & MARK_FLAG) === 0) return null;
  const from = onceEndOf(first);
  return bytes.subarray(from, from + MARK_BYTES);
}
