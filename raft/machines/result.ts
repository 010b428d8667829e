import { createReader, readByte } from "./wire.ts";

/** Why a machine refused an operation. Every member refuses the same ones. */
export const REFUSAL_REASONS = [
  "malformed",
  "invalid",
  "out_of_range",
  "full",
] as const;

/** One of {@linkcode REFUSAL_REASONS}. */
export type MachineRefusalReason = typeof REFUSAL_REASONS[number];

/** The result of an operation that changed nothing because it cannot be done. */
export interface MachineRefusal {
  readonly type: "refused";
  readonly reason: MachineRefusalReason;
  /** What is wrong, for people. */
  readonly message: string;
}

/** First byte of the result of an operation that was carried out. */
export const ACCEPTED = 0;
const REFUSED = 1;

/**
 * Encodes a refusal.
 *
 * @param reason Its class.
 * @param message What is wrong, for people.
 * @returns The result.
 */
export function encodeRefusal(
  reason: MachineRefusalReason,
  message: string,
): Uint8Array {
  const text = new TextEncoder().encode(message);
  const data = new Uint8Array(2 + text.length);
  data[0] = REFUSED;
  data[1] = REFUSAL_REASONS.indexOf(reason);
  data.set(text, 2);
  return data;
}

/**
 * Decodes a result as a refusal.
 *
 * @param data What `applyOperation` returned.
 * @returns The refusal, or null when the operation was carried out.
 * @throws {RangeError} When these bytes are no result of a machine of this folder.
 */
export function decodeRefusal(data: Uint8Array): MachineRefusal | null {
  const reader = createReader(data);
  const status = readByte(reader);
  if (!reader.failed && status === ACCEPTED) return null;
  const reason = REFUSAL_REASONS[readByte(reader)];
  if (reader.failed || status !== REFUSED || reason === undefined) {
    throw unreadableResult();
  }
  const message = new TextDecoder().decode(data.subarray(reader.at));
  return { type: "refused", reason, message };
}

/**
 * Makes the error for bytes that no machine returned.
 *
 * @returns The error.
 */
export function unreadableResult(): RangeError {
  return new RangeError(
    "Cannot decode the result of an operation: another program or version made it; run the same version on every member",
  );
}
