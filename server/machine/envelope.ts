import { invariant, present } from "../../base/mod.ts";

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
  readonly data: Uint8Array;
}

const ONCE_FLAG = 0x80;
const DIGEST_BYTES = 16;

/** Encodes an operation: a byte for the part, then the once-key if there is one, then its data. */
export function encodePartOperation(operation: PartOperation): Uint8Array {
  const { part, once, data } = operation;
  const header = once ? 1 + 2 * DIGEST_BYTES : 1;
  const bytes = new Uint8Array(header + data.length);
  bytes[0] = PARTS.indexOf(part) | (once ? ONCE_FLAG : 0);
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
  const index = first & ~ONCE_FLAG;
  const part = present(PARTS[index], `part ${index} of the replicated state`);
  if ((first & ONCE_FLAG) === 0) {
    return { part, once: null, data: bytes.subarray(1) };
  }
  const end = 1 + 2 * DIGEST_BYTES;
  return {
    part,
    once: {
      key: bytes.subarray(1, 1 + DIGEST_BYTES),
      fingerprint: bytes.subarray(1 + DIGEST_BYTES, end),
    },
    data: bytes.subarray(end),
  };
}
