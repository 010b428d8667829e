import {
  bytesToByteString,
  byteStringToBytes,
} from "../../raft/machines/mod.ts";
import { SqlProblem } from "./failure.ts";

/** Bytes as text; null where PostgreSQL could not hold them as text. */
export function textOf(bytes: Uint8Array): string | null {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
      .decode(bytes);
    return text.includes("\0") ? null : text;
  } catch {
    return null;
  }
}

/** The same of a byte string; what is no text is shown as PostgreSQL shows bytes. */
export function shownText(bytes: string): string {
  const plain = byteStringToBytes(bytes);
  return textOf(plain) ?? `\\x${plain.toHex()}`;
}

/**
 * The same where it must be text.
 *
 * @param what Whose bytes they are.
 * @throws {SqlProblem} When they are none.
 */
export function requireText(bytes: Uint8Array, what: string): string {
  const text = textOf(bytes);
  if (text !== null) return text;
  throw new SqlProblem(
    "22021",
    `${what} is not text: its bytes are no UTF-8, or hold a zero`,
    "Read it over HTTP, in base64.",
  );
}

/** The same of a byte string. */
export function requireTextOf(bytes: string, what: string): string {
  return requireText(byteStringToBytes(bytes), what);
}

/** Text as the bytes of the store. */
export function bytesOfText(text: string): string {
  return bytesToByteString(new TextEncoder().encode(text));
}
