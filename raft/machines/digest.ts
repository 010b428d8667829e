import type { ByteString } from "./byte_string.ts";

/** What a digest of nothing is (FNV-1a, 32 bits). */
export const DIGEST_START = 0x811c9dc5;
const PRIME = 0x01000193;

/**
 * Takes a whole number into a digest.
 *
 * @param digest The digest so far.
 * @param value A whole number, up to 2^53 either way.
 * @returns The new digest.
 */
export function digestNumber(digest: number, value: number): number {
  const high = Math.floor(value / 0x100000000);
  return Math.imul(Math.imul(digest ^ (value | 0), PRIME) ^ high, PRIME) >>> 0;
}

/**
 * Takes a byte string, and where it ends, into a digest.
 *
 * @param digest The digest so far.
 * @param value The byte string.
 * @returns The new digest.
 */
export function digestByteString(digest: number, value: ByteString): number {
  let hash = digestNumber(digest, value.length);
  for (let i = 0; i < value.length; i++) {
    hash = Math.imul(hash ^ value.charCodeAt(i), PRIME);
  }
  return hash >>> 0;
}

/**
 * Takes bytes, and where they end, into a digest.
 *
 * @param digest The digest so far.
 * @param value The bytes.
 * @returns The new digest.
 */
export function digestBytes(digest: number, value: Uint8Array): number {
  let hash = digestNumber(digest, value.length);
  for (const byte of value) hash = Math.imul(hash ^ byte, PRIME);
  return hash >>> 0;
}
