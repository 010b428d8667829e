import { type Clock, messageOf } from "../../base/mod.ts";
import { reach } from "./address.ts";
import { callPeer, createConnection, type PeerCall } from "./call.ts";
import {
  type LaneName,
  type OpeningRefusal,
  OpeningRefusedError,
  STREAM_PATH,
} from "./claim.ts";
import { createFrameDecoder, type FrameDecoder } from "./decode.ts";
import { type Frame, FrameError, type HelloFrame } from "./frame.ts";
import type { HttpTransportLimits } from "./limits.ts";

/** How a stream ended, or why it never stood. */
export type StreamEnd =
  /** Nothing listens at the peer's address. */
  | { readonly kind: "refused" }
  /** The peer answered and would not have us, or was not believed. */
  | {
    readonly kind: "turned_away";
    readonly reason: OpeningRefusal;
    readonly why: string;
  }
  /** No answer that proves anything. */
  | { readonly kind: "unanswered"; readonly why: string }
  /** It stood, and does no more. */
  | { readonly kind: "broken"; readonly stoodMs: number; readonly why: string };

/** The receiving end of one stream that we open. */
export interface StreamIn {
  /** Resolves when the stream is over. */
  readonly ended: Promise<StreamEnd>;
  /** To be called every `pingIntervalMs`: ends a stream that is silent, or a bulk stream that is idle. */
  tick(): void;
  /** Ends the stream. */
  close(): void;
}

/** Options for {@linkcode openStream}. */
export interface StreamInOptions {
  readonly call: PeerCall;
  readonly lane: LaneName;
  readonly limits: HttpTransportLimits;
  readonly clock: Clock;
  /** The peer has proved itself: the stream stands. */
  readonly onStanding: (hello: HelloFrame) => void;
  /** Frames have come, all of them from this peer and for this node. */
  readonly onFrames: (frames: readonly Frame[]) => void;
}

interface OpenedStream {
  readonly hello: HelloFrame;
  /** What came along with the hello. */
  readonly first: readonly Frame[];
  readonly reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>;
  readonly decoder: FrameDecoder;
}

function checkAddressed(call: PeerCall, frames: readonly Frame[]): void {
  for (const frame of frames) {
    if (frame.type === "hello") throw new FrameError("Stream has two hellos");
    if (frame.type !== "message") continue;
    const { from, to } = frame.message;
    if (from === call.peer && to === call.self.nodeId) continue;
    throw new FrameError(
      `Node ${call.peer} sent a message from node ${from} to node ${to}`,
    );
  }
}

async function readHello(
  reader: OpenedStream["reader"],
  decoder: FrameDecoder,
): Promise<[Frame, Frame[]]> {
  while (true) {
    const { value, done } = await reader.read();
    if (done) throw new FrameError("Stream ended before its hello");
    const [hello, ...rest] = decoder.push(value);
    if (hello !== undefined) return [hello, rest];
  }
}

async function open(
  options: StreamInOptions,
  client: Deno.HttpClient,
  signal: AbortSignal,
): Promise<OpenedStream> {
  const { call, lane, limits } = options;
  const request = { method: "GET", path: `${STREAM_PATH}${lane}` } as const;
  const { response, claim } = await callPeer(call, request, client, signal);
  if (response.body === null) throw new FrameError("Stream has no body");
  const reader = response.body.getReader();
  // The signal alone does not do: Deno forgets it once the response object has been collected.
  const cancel = (): void => void reader.cancel().catch(() => {});
  signal.addEventListener("abort", cancel, { once: true });
  const decoder = createFrameDecoder(limits);
  const [hello, first] = await readHello(reader, decoder);
  if (hello.type !== "hello") throw new FrameError("Stream has no hello");
  if (hello.clusterId !== call.self.clusterId) {
    throw new OpeningRefusedError("foreign_cluster", "Its cluster is another");
  }
  if (hello.nodeId !== call.peer) {
    throw new OpeningRefusedError("wrong_node", `It is node ${hello.nodeId}`);
  }
  const { authenticator } = call;
  if (authenticator?.checkAnswer(claim, hello, hello.proof) === false) {
    throw new OpeningRefusedError("unproven", "Its hello proves nothing");
  }
  checkAddressed(call, first);
  return { hello, first, reader, decoder };
}

/** Reads until the stream ends; returns why. */
async function readOn(
  options: StreamInOptions,
  stream: OpenedStream,
  onBytes: (frames: readonly Frame[]) => void,
  signal: AbortSignal,
): Promise<string> {
  let frames = stream.first;
  while (true) {
    onBytes(frames);
    try {
      const { value, done } = await stream.reader.read();
      if (signal.aborted) return messageOf(signal.reason);
      if (done) return "The peer ended the stream";
      frames = stream.decoder.push(value);
      checkAddressed(options.call, frames);
    } catch (error) {
      return messageOf(error);
    }
  }
}

/**
 * Opens a stream to a peer, over a connection of its own, and receives what comes.
 *
 * @param options Whom to call, and what to do with what comes.
 * @returns The stream, still to be answered.
 */
export function openStream(options: StreamInOptions): StreamIn {
  const { call, lane, limits, clock } = options;
  const abort = new AbortController();
  const silentTicks = Math.ceil(limits.silenceMs / limits.pingIntervalMs);
  const idleTicks = lane === "bulk"
    ? Math.ceil(limits.bulkIdleMs / limits.pingIntervalMs)
    : Infinity;
  let ticksSinceBytes = 0;
  let ticksSinceMessage = 0;
  let standing = false;

  function close(why: string): void {
    abort.abort(new DOMException(why, "AbortError"));
  }

  function take(frames: readonly Frame[]): void {
    ticksSinceBytes = 0;
    if (frames.length === 0 || abort.signal.aborted) return;
    if (frames.some((frame) => frame.type === "message")) ticksSinceMessage = 0;
    options.onFrames(frames);
  }

  async function openWithin(
    client: Deno.HttpClient,
  ): Promise<OpenedStream | StreamEnd> {
    const timer = clock.after(
      limits.openTimeoutMs,
      () => close(`It did not answer within ${limits.openTimeoutMs} ms`),
    );
    try {
      // A bare connection first: its error is typed, fetch buries it in words.
      const reached = await reach(call.address, abort.signal);
      if (reached.kind === "refused") return reached;
      return await open(options, client, abort.signal);
    } catch (error) {
      const why = messageOf(error);
      if (!(error instanceof OpeningRefusedError)) {
        return { kind: "unanswered", why };
      }
      return { kind: "turned_away", reason: error.reason, why };
    } finally {
      timer.cancel();
    }
  }

  async function run(): Promise<StreamEnd> {
    const client = createConnection();
    try {
      const opened = await openWithin(client);
      if ("kind" in opened) return opened;
      const sinceMs = clock.nowMs();
      standing = true;
      options.onStanding(opened.hello);
      const why = await readOn(options, opened, take, abort.signal);
      return { kind: "broken", stoodMs: clock.nowMs() - sinceMs, why };
    } finally {
      close("The stream is over");
      client.close();
    }
  }

  return {
    ended: run(),
    // Ticks, not time: a loop that was itself held up must not take its peers for silent.
    tick: () => {
      if (!standing) return;
      ticksSinceBytes += 1;
      ticksSinceMessage += 1;
      if (ticksSinceBytes > silentTicks) close("Nothing came for too long");
      if (ticksSinceMessage > idleTicks) close("No message came for long");
    },
    close: () => close("The node closed the stream"),
  };
}
