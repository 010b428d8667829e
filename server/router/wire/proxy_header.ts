/** What a balancer says before the client's first byte. */
export type ProxyHeader =
  /** More bytes are needed. */
  | { readonly kind: "partial" }
  /** It takes so many bytes; `from` is the client, null where the balancer speaks for itself. */
  | {
    readonly kind: "header";
    readonly size: number;
    readonly from: string | null;
  }
  | { readonly kind: "bad" };

const SIGNATURE = Uint8Array.of(
  0x0d,
  0x0a,
  0x0d,
  0x0a,
  0x00,
  0x0d,
  0x0a,
  0x51,
  0x55,
  0x49,
  0x54,
  0x0a,
);
const FIXED_BYTES = 16;
/** No balancer says more. */
const MAX_BYTES = 2048;
const VERSION = 2;
const LOCAL = 0;
const PROXY = 1;
const TCP4 = 0x11;
const TCP6 = 0x21;

/**
 * Reads the header of the PROXY protocol, version 2.
 *
 * @param bytes All that has come so far.
 * @returns The header.
 */
export function readProxyHeader(bytes: Uint8Array): ProxyHeader {
  const known = Math.min(bytes.length, SIGNATURE.length);
  for (let at = 0; at < known; at++) {
    if (bytes[at] !== SIGNATURE[at]) return { kind: "bad" };
  }
  if (bytes.length < FIXED_BYTES) return { kind: "partial" };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const version = view.getUint8(12) >> 4;
  const command = view.getUint8(12) & 0xf;
  const size = FIXED_BYTES + view.getUint16(14);
  if (version !== VERSION || command > PROXY || size > MAX_BYTES) {
    return { kind: "bad" };
  }
  if (bytes.length < size) return { kind: "partial" };
  const from = command === LOCAL ? null : clientOf(view, size);
  return { kind: "header", size, from };
}

/** Null for families that no client of PostgreSQL's port has. */
function clientOf(view: DataView, size: number): string | null {
  switch (view.getUint8(13)) {
    case TCP4: {
      if (size < FIXED_BYTES + 12) return null;
      const host = [16, 17, 18, 19].map((at) => view.getUint8(at)).join(".");
      return `${host}:${view.getUint16(24)}`;
    }
    case TCP6: {
      if (size < FIXED_BYTES + 36) return null;
      const words = Array.from(
        { length: 8 },
        (_, at) => view.getUint16(16 + 2 * at).toString(16),
      );
      return `[${words.join(":")}]:${view.getUint16(48)}`;
    }
    default:
      return null;
  }
}
