import type { SpanContext } from "./otel.ts";

/** A trace's id, a span's, and flags: what an entry carries of the request that it is of. */
export const MARK_BYTES = 25;

/** Writes where a span belongs. */
export function encodeMark(
  { traceId, spanId, traceFlags }: SpanContext,
): Uint8Array {
  const bytes = new Uint8Array(MARK_BYTES);
  bytes.set(Uint8Array.fromHex(traceId), 0);
  bytes.set(Uint8Array.fromHex(spanId), 16);
  bytes[24] = traceFlags;
  return bytes;
}

/** Reads it. */
export function decodeMark(bytes: Uint8Array): SpanContext {
  return {
    traceId: bytes.subarray(0, 16).toHex(),
    spanId: bytes.subarray(16, 24).toHex(),
    traceFlags: bytes[24] ?? 0,
  };
}
