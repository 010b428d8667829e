import { Buffer } from "node:buffer";

/**
 * Bytes as a string: one character from U+0000 to U+00FF for each byte, so that the order of strings
 * is the order of bytes, and a `Map` finds them by content. It also takes a quarter of the memory of
 * many small `Uint8Array`s, and `btoa` and `atob` take and make it.
 */
export type ByteString = string;

/**
 * Reads part of `data` as a byte string.
 *
 * @param data The bytes; later changes of them do not show.
 * @param start Where to begin.
 * @param end Where to stop, exclusive.
 * @returns The byte string.
 */
export function bytesToByteString(
  data: Uint8Array,
  start = 0,
  end = data.length,
): ByteString {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength)
    .toString("latin1", start, end);
}

/**
 * Writes a byte string into `target`.
 *
 * @param value The byte string.
 * @param target Where to; must have room.
 * @param offset The first position written.
 */
export function writeByteString(
  value: ByteString,
  target: Uint8Array,
  offset: number,
): void {
  const length = value.length;
  for (let i = 0; i < length; i++) target[offset + i] = value.charCodeAt(i);
}

/**
 * Makes bytes of a byte string.
 *
 * @param value The byte string.
 * @returns Its bytes, in an array of their own.
 */
export function byteStringToBytes(value: ByteString): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(value.length);
  writeByteString(value, bytes, 0);
  return bytes;
}

/**
 * Makes a byte string of text.
 *
 * @param text Any text.
 * @returns Its UTF-8 bytes as a byte string.
 *
 * @example Usage
 * ```ts
 * import { byteStringToText, textToByteString } from "./byte_string.ts";
 *
 * const key = textToByteString("Zürich");
 * if (key.length !== 7) throw new Error("ü takes two bytes");
 * if (byteStringToText(key) !== "Zürich") throw new Error("Text must survive");
 * ```
 */
export function textToByteString(text: string): ByteString {
  return bytesToByteString(new TextEncoder().encode(text));
}

/**
 * Makes text of a byte string.
 *
 * @param value The byte string.
 * @returns Its bytes read as UTF-8, U+FFFD in the place of what is not UTF-8.
 */
export function byteStringToText(value: ByteString): string {
  return new TextDecoder("utf-8", { ignoreBOM: true })
    .decode(byteStringToBytes(value));
}

/**
 * Says whether a string is a byte string.
 *
 * @param value Any string.
 * @returns Whether no character is beyond U+00FF.
 */
export function isByteString(value: string): boolean {
  for (let i = 0; i < value.length; i++) {
    if (value.charCodeAt(i) > 0xff) return false;
  }
  return true;
}
