import { messageOf } from "../../base/mod.ts";
import type { Frame, HelloFrame } from "./frame.ts";
import { decodeChunk } from "./frame_decoder.ts";
import {
  checkAddressed,
  type OpenedStream,
  type OpeningFailure,
  type OpeningOptions,
  openStream,
} from "./opening.ts";

/** How a stream ended, or why it never stood. */
export type StreamEnd =
  | OpeningFailure
  /** It stood, and does no more. */
  | { readonly kind: "broken"; readonly stoodMs: number; readonly why: string };

/** The receiving end of one stream that we open. */
export interface StreamIn {
  readonly options: StreamInOptions;
  /** Ends the stream. */
  readonly abort: AbortController;
  /** Whether the peer has proved itself. */
  standing: boolean;
  // Ticks, not time: a loop that was itself held up must not take its peers for silent.
  ticksSinceBytes: number;
  ticksSinceMessage: number;
}

/** Options for {@linkcode createStreamIn}. */
export interface StreamInOptions extends OpeningOptions {
  /** The peer has proved itself: the stream stands. */
  readonly onStanding: (hello: HelloFrame) => void;
  /** Frames have come, all of them from this peer and for this node. */
  readonly onFrames: (frames: readonly Frame[]) => void;
}

/**
 * Makes the receiving end of a stream.
 *
 * @param options Whom to call, and what to do with what comes.
 * @returns The stream, still to be run.
 */
export function createStreamIn(options: StreamInOptions): StreamIn {
  return {
    options,
    abort: new AbortController(),
    standing: false,
    ticksSinceBytes: 0,
    ticksSinceMessage: 0,
  };
}

/**
 * Opens the stream, over a connection of its own, and receives what comes until it ends.
 *
 * @param stream The stream; it runs once.
 * @returns How it ended.
 */
export async function runStream(stream: StreamIn): Promise<StreamEnd> {
  const { options, abort } = stream;
  let opened: OpenedStream | OpeningFailure | null = null;
  try {
    opened = await openStream(options, abort);
    if (opened.kind !== "opened") return opened;
    const sinceMs = options.clock.nowMs();
    stream.standing = true;
    options.onStanding(opened.hello);
    const why = await readOn(stream, opened);
    const stoodMs = options.clock.nowMs() - sinceMs;
    return { kind: "broken", stoodMs, why };
  } finally {
    end(stream, "The stream is over");
    if (opened?.kind === "opened") opened.line.close();
  }
}

/**
 * Ends a stream that is silent, or a bulk stream that is idle.
 *
 * @param stream The stream, every `pingIntervalMs`.
 */
export function tickStream(stream: StreamIn): void {
  if (!stream.standing) return;
  const { limits, lane } = stream.options;
  const { silenceMs, bulkIdleMs, pingIntervalMs } = limits;
  stream.ticksSinceBytes += 1;
  stream.ticksSinceMessage += 1;
  if (stream.ticksSinceBytes > Math.ceil(silenceMs / pingIntervalMs)) {
    end(stream, "Nothing came for too long");
  }
  if (lane !== "bulk") return;
  if (stream.ticksSinceMessage > Math.ceil(bulkIdleMs / pingIntervalMs)) {
    end(stream, "No message came for long");
  }
}

/**
 * Ends a stream, or its opening.
 *
 * @param stream The stream.
 */
export function closeStream(stream: StreamIn): void {
  end(stream, "The node closed the stream");
}

function end({ abort }: StreamIn, why: string): void {
  abort.abort(new DOMException(why, "AbortError"));
}

/** Reads until the stream ends; returns why. */
async function readOn(
  stream: StreamIn,
  { line, decoder, first }: OpenedStream,
): Promise<string> {
  const { signal } = stream.abort;
  let frames = first;
  while (true) {
    take(stream, frames);
    try {
      const chunk = await line.read();
      if (signal.aborted) return messageOf(signal.reason);
      if (!chunk) return "The peer ended the stream";
      frames = decodeChunk(decoder, chunk);
      checkAddressed(stream.options.call, frames);
    } catch (error) {
      return messageOf(signal.aborted ? signal.reason : error);
    }
  }
}

function take(stream: StreamIn, frames: readonly Frame[]): void {
  const { edge, onFrames } = stream.options;
  // Behind a cut there is silence, whatever comes.
  if (edge.fault?.cutIn) return;
  stream.ticksSinceBytes = 0;
  if (frames.length === 0 || stream.abort.signal.aborted) return;
  if (frames.some((frame) => frame.type === "message")) {
    stream.ticksSinceMessage = 0;
  }
  onFrames(frames);
}
