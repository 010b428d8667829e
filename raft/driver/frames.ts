import { invariant } from "../../base/mod.ts";

/** Which part of a snapshot a piece belongs to. */
export type Section = "sessions" | "machine";

const HEADER_BYTES = 5;
const SECTIONS: readonly Section[] = ["sessions", "machine"];

/** Puts a piece's length and section before it. */
export function encodeFrame(section: Section, piece: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + piece.length);
  new DataView(bytes.buffer).setUint32(0, piece.length);
  bytes[4] = SECTIONS.indexOf(section);
  bytes.set(piece, HEADER_BYTES);
  return bytes;
}

/** Takes frames out of bytes that come in pieces of any size. */
export interface FrameReader {
  /** Takes bytes in; `found` gets every piece that is complete now. */
  push(
    bytes: Uint8Array,
    found: (section: Section, piece: Uint8Array) => void,
  ): void;
  /** How many bytes of an incomplete frame are left. */
  readonly pendingBytes: number;
}

/** Makes a reader of frames. */
export function createFrameReader(): FrameReader {
  let pending = new Uint8Array();
  return {
    push(bytes, found): void {
      let rest = concat(pending, bytes);
      while (rest.length >= HEADER_BYTES) {
        const length = new DataView(rest.buffer, rest.byteOffset).getUint32(0);
        const end = HEADER_BYTES + length;
        if (rest.length < end) break;
        const section = SECTIONS[rest[4] ?? -1];
        invariant(section !== undefined, `section ${rest[4]} is unknown`);
        found(section, rest.subarray(HEADER_BYTES, end));
        rest = rest.subarray(end);
      }
      pending = rest.slice();
    },
    get pendingBytes(): number {
      return pending.length;
    },
  };
}

function concat(first: Uint8Array, second: Uint8Array): Uint8Array {
  if (first.length === 0) return second;
  const joined = new Uint8Array(first.length + second.length);
  joined.set(first);
  joined.set(second, first.length);
  return joined;
}
