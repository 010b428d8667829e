/** Why a client is turned away: its code, and what it is told. */
export interface Refusal {
  readonly code: "57P03" | "53300" | "08006" | "08P01";
  readonly message: string;
  readonly hint: string;
}

/** Answers a request for encryption: there is none. */
export const NO_ENCRYPTION: Uint8Array = Uint8Array.of("N".charCodeAt(0));

/**
 * Writes a refusal as PostgreSQL would.
 *
 * @param refusal Why.
 * @returns An `ErrorResponse`.
 */
export function encodeRefusal({ code, message, hint }: Refusal): Uint8Array {
  const fields = [
    "SFATAL",
    "VFATAL",
    `C${code}`,
    `M${message}`,
    ...hint === "" ? [] : [`H${hint}`],
  ];
  const body = new TextEncoder().encode(`${fields.join("\0")}\0\0`);
  const bytes = new Uint8Array(5 + body.length);
  bytes[0] = "E".charCodeAt(0);
  new DataView(bytes.buffer).setUint32(1, 4 + body.length);
  bytes.set(body, 5);
  return bytes;
}
