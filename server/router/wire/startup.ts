/** What a client begins with. */
export type Opening =
  /** More bytes are needed. */
  | { readonly kind: "partial" }
  /** It asks for TLS or GSS encryption, in clear, and waits for one byte. */
  | { readonly kind: "encryption" }
  /** It speaks TLS from the first byte on: nothing of it can be read. */
  | { readonly kind: "tls" }
  /** A session in clear. */
  | { readonly kind: "session" }
  /** It wants a statement of another connection to be cancelled. */
  | { readonly kind: "cancel"; readonly pid: number; readonly key: string }
  /** No client of PostgreSQL. */
  | { readonly kind: "bad"; readonly why: string };

/** PostgreSQL takes no longer startup packet. */
export const MAX_STARTUP_BYTES = 10_000;

const TLS_HANDSHAKE = 0x16;
const SSL_REQUEST = 80_877_103;
const GSS_REQUEST = 80_877_104;
const CANCEL_REQUEST = 80_877_102;
const MIN_CANCEL_BYTES = 16;
const MAX_CANCEL_BYTES = 12 + 256;

/**
 * Reads how a client begins, no further than is needed to lead it.
 *
 * @param bytes All that has come so far.
 * @returns What it is.
 */
export function readOpening(bytes: Uint8Array): Opening {
  if (bytes[0] === TLS_HANDSHAKE) return { kind: "tls" };
  if (bytes.length < 8) {
    const isOdd = bytes.length >= 2 && (bytes[0] !== 0 || bytes[1] !== 0);
    return isOdd ? bad("it is no startup packet") : { kind: "partial" };
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const size = view.getUint32(0);
  const code = view.getUint32(4);
  if (size < 8 || size > MAX_STARTUP_BYTES) {
    return bad(`a startup packet of ${size} bytes is none`);
  }
  switch (code) {
    case SSL_REQUEST:
    case GSS_REQUEST:
      return size === 8 ? { kind: "encryption" } : bad("its length is wrong");
    case CANCEL_REQUEST:
      if (size < MIN_CANCEL_BYTES || size > MAX_CANCEL_BYTES) {
        return bad("its length is wrong");
      }
      if (bytes.length < size) return { kind: "partial" };
      return {
        kind: "cancel",
        pid: view.getInt32(8),
        key: keyOf(bytes.subarray(12, size)),
      };
  }
  if (code >>> 16 < 2 || code >>> 16 > 3) {
    return bad(`protocol ${code >>> 16}.${code & 0xffff} is not known`);
  }
  return bytes.length < size ? { kind: "partial" } : { kind: "session" };
}

/** Writes a cancel key as it is compared. */
export function keyOf(bytes: Uint8Array): string {
  return bytes.toHex();
}

function bad(why: string): Opening {
  return { kind: "bad", why };
}
