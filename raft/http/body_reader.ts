/** Reads a body piece by piece into one buffer, which is used over and over. */
export interface BodyReader {
  /**
   * Waits for the next piece.
   *
   * @returns The piece, good until the next call; null once the body has ended.
   */
  read(): Promise<Uint8Array | null>;
  /** Lets go of the body; a pending read ends. */
  cancel(): Promise<void>;
}

/** What one read takes at most. */
const BUFFER_BYTES = 64 * 1024;

/**
 * Makes a reader of a response's body.
 *
 * A plain reader gets a buffer of 64 KiB of its own for every piece, and peers send pieces of a hundred
 * bytes, thousands a second: that alone had the collector mark the whole heap several times a second.
 *
 * @param body The body, which nobody has begun to read.
 * @returns The reader.
 */
export function createBodyReader(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
): BodyReader {
  const reader = body.getReader({ mode: "byob" });
  let buffer = new ArrayBuffer(BUFFER_BYTES);
  return {
    read: async () => {
      const { value, done } = await reader.read(new Uint8Array(buffer));
      if (done) return null;
      // The stream has moved the memory into another object.
      buffer = value.buffer;
      return value;
    },
    cancel: () => reader.cancel(),
  };
}
