import {
  bytesToByteString,
  byteStringToBytes,
} from "../../raft/machines/mod.ts";
import type { OnceKey } from "./envelope.ts";

/** How many keys are remembered; the one that came first goes first, by log position. */
export const MAX_ONCE_KEYS = 100_000;

interface Answer {
  readonly fingerprint: string;
  readonly result: Uint8Array;
}

/** The answers to requests that must happen once. Part of the replicated state. */
export interface OnceTable {
  /** In the order in which they were first answered. */
  readonly answers: Map<string, Answer>;
}

/** What becomes of a request with a key. */
export type OnceVerdict =
  | { readonly kind: "new" }
  | { readonly kind: "repeated"; readonly result: Uint8Array }
  | { readonly kind: "reused" };

/** The first byte of the result of an operation with a once-key. */
export const ONCE_ANSWERED = 0;
/** The result of an operation whose once-key came with another request before. */
export const ONCE_REUSED = 1;

/** Makes an empty table. */
export function createOnceTable(): OnceTable {
  return { answers: new Map() };
}

/** Looks a request up. */
export function lookUpOnce(table: OnceTable, once: OnceKey): OnceVerdict {
  const answer = table.answers.get(bytesToByteString(once.key));
  if (!answer) return { kind: "new" };
  const same = answer.fingerprint === bytesToByteString(once.fingerprint);
  return same
    ? { kind: "repeated", result: answer.result }
    : { kind: "reused" };
}

/** Remembers an answer. */
export function keepOnce(
  table: OnceTable,
  once: OnceKey,
  result: Uint8Array,
): void {
  const { answers } = table;
  answers.set(bytesToByteString(once.key), {
    fingerprint: bytesToByteString(once.fingerprint),
    result,
  });
  if (answers.size <= MAX_ONCE_KEYS) return;
  for (const oldest of answers.keys()) {
    answers.delete(oldest);
    return;
  }
}

const ANSWERS_PER_PIECE = 256;
const HEADER_BYTES = 36;

/** Encodes the table as it is now, piece by piece. */
export function snapshotOnce(table: OnceTable): Iterable<Uint8Array> {
  return encodePieces([...table.answers]);
}

function* encodePieces(
  answers: readonly [string, Answer][],
): Iterable<Uint8Array> {
  for (let at = 0; at < answers.length; at += ANSWERS_PER_PIECE) {
    yield encodePiece(answers.slice(at, at + ANSWERS_PER_PIECE));
  }
}

function encodePiece(answers: readonly [string, Answer][]): Uint8Array {
  let size = 0;
  for (const [, { result }] of answers) size += HEADER_BYTES + result.length;
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const [key, { fingerprint, result }] of answers) {
    bytes.set(byteStringToBytes(key), at);
    bytes.set(byteStringToBytes(fingerprint), at + 16);
    view.setUint32(at + 32, result.length);
    bytes.set(result, at + HEADER_BYTES);
    at += HEADER_BYTES + result.length;
  }
  return bytes;
}

/** Takes back a piece that {@linkcode snapshotOnce} made. */
export function restoreOnce(table: OnceTable, piece: Uint8Array): void {
  const view = new DataView(piece.buffer, piece.byteOffset, piece.byteLength);
  let at = 0;
  while (at < piece.length) {
    const end = at + HEADER_BYTES + view.getUint32(at + 32);
    table.answers.set(bytesToByteString(piece.subarray(at, at + 16)), {
      fingerprint: bytesToByteString(piece.subarray(at + 16, at + 32)),
      result: piece.slice(at + HEADER_BYTES, end),
    });
    at = end;
  }
}
