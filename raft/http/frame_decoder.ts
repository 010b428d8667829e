import { decodeFrame } from "./decode.ts";
import { type Frame, FRAME_HEADER_BYTES, FrameError } from "./frame.ts";

const FIRST_CAPACITY_BYTES = 64 * 1024;

/** Finds the frames in a stream of bytes: how much there is of the frame under way. */
export interface FrameDecoder {
  readonly maxFrameBytes: number;
  /** How much of the frame's header has come. */
  headerBytes: number;
  /** What the header says, as far as it has come. */
  lengthBytes: number;
  /** The frame's content; grows with it. */
  buffer: Uint8Array<ArrayBuffer>;
  /** How much of the content has come. */
  filledBytes: number;
  /** Why nothing more is taken. */
  failure: FrameError | null;
}

/** Options for {@linkcode createFrameDecoder}. */
export interface FrameDecoderOptions {
  /** The largest content of a frame. */
  readonly maxFrameBytes: number;
}

/**
 * Makes a decoder for one stream.
 *
 * Every frame gets a buffer of exactly its size, and entries are views of it: one copy for a whole
 * batch, and an entry that lives long in the log keeps alive only its neighbours, which compaction
 * takes away along with it. Views of the received chunks would keep unrelated traffic alive.
 *
 * Memory follows the bytes that have really come, not the length that a frame claims to have.
 *
 * @param options How large a frame may be.
 * @returns The decoder.
 */
export function createFrameDecoder(
  { maxFrameBytes }: FrameDecoderOptions,
): FrameDecoder {
  return {
    maxFrameBytes,
    headerBytes: 0,
    lengthBytes: 0,
    buffer: new Uint8Array(0),
    filledBytes: 0,
    failure: null,
  };
}

/**
 * Takes the next bytes of the stream, cut anywhere.
 *
 * @param decoder The stream's decoder.
 * @param chunk The bytes.
 * @returns The frames that they complete.
 * @throws {FrameError} When they are no frames; the decoder takes no more from then on.
 */
export function decodeChunk(decoder: FrameDecoder, chunk: Uint8Array): Frame[] {
  if (decoder.failure !== null) throw decoder.failure;
  try {
    return takeChunk(decoder, chunk);
  } catch (error) {
    if (error instanceof FrameError) decoder.failure = error;
    throw error;
  }
}

function takeChunk(decoder: FrameDecoder, chunk: Uint8Array): Frame[] {
  const frames: Frame[] = [];
  let at = 0;
  while (at < chunk.length) {
    if (!hasHeader(decoder)) at = takeHeader(decoder, chunk, at);
    if (!hasHeader(decoder)) break;
    at = takeContent(decoder, chunk, at);
    if (decoder.filledBytes < decoder.lengthBytes) break;
    frames.push(decodeFrame(decoder.buffer));
    beginFrame(decoder);
  }
  return frames;
}

function hasHeader(decoder: FrameDecoder): boolean {
  return decoder.headerBytes === FRAME_HEADER_BYTES;
}

function takeHeader(
  decoder: FrameDecoder,
  chunk: Uint8Array,
  start: number,
): number {
  let at = start;
  while (!hasHeader(decoder) && at < chunk.length) {
    decoder.lengthBytes = decoder.lengthBytes * 256 + (chunk[at] ?? 0);
    decoder.headerBytes += 1;
    at += 1;
  }
  const { lengthBytes, maxFrameBytes } = decoder;
  if (!hasHeader(decoder)) return at;
  if (lengthBytes < 1 || lengthBytes > maxFrameBytes) {
    throw new FrameError(
      `Frame of ${lengthBytes} bytes is not within 1 to ${maxFrameBytes}`,
    );
  }
  return at;
}

function takeContent(
  decoder: FrameDecoder,
  chunk: Uint8Array,
  start: number,
): number {
  const missingBytes = decoder.lengthBytes - decoder.filledBytes;
  const end = Math.min(chunk.length, start + missingBytes);
  makeRoom(decoder, decoder.filledBytes + end - start);
  decoder.buffer.set(chunk.subarray(start, end), decoder.filledBytes);
  decoder.filledBytes += end - start;
  return end;
}

function makeRoom(decoder: FrameDecoder, neededBytes: number): void {
  const { buffer, filledBytes, lengthBytes } = decoder;
  if (neededBytes <= buffer.length) return;
  const grown = new Uint8Array(Math.min(
    lengthBytes,
    Math.max(neededBytes, buffer.length * 4, FIRST_CAPACITY_BYTES),
  ));
  grown.set(buffer.subarray(0, filledBytes));
  decoder.buffer = grown;
}

function beginFrame(decoder: FrameDecoder): void {
  decoder.headerBytes = 0;
  decoder.lengthBytes = 0;
  decoder.buffer = new Uint8Array(0);
  decoder.filledBytes = 0;
}
