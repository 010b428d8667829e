import { type Clock, messageOf } from "../../base/mod.ts";
import { callPeer, orUntrusted, type PeerCall } from "./call.ts";
import {
  type LaneName,
  type OpeningRefusal,
  OpeningRefusedError,
  STREAM_PATH,
} from "./claim.ts";
import type { Claim } from "./auth.ts";
import { askAcross, type Edge } from "./edge.ts";
import { type Frame, FrameError, type HelloFrame } from "./frame.ts";
import {
  createFrameDecoder,
  decodeChunk,
  type FrameDecoder,
} from "./frame_decoder.ts";
import type { HttpTransportLimits } from "./limits.ts";
import type { StreamLine } from "./stream_line.ts";

/** Which stream to open. */
export interface OpeningOptions {
  readonly call: PeerCall;
  readonly edge: Edge;
  readonly lane: LaneName;
  readonly limits: HttpTransportLimits;
  readonly clock: Clock;
}

/** A stream that stands: the peer has proved itself. */
export interface OpenedStream {
  readonly kind: "opened";
  /** What it comes over; it is to be closed. */
  readonly line: StreamLine;
  readonly hello: HelloFrame;
  /** What came along with the hello. */
  readonly first: readonly Frame[];
  readonly decoder: FrameDecoder;
}

/** Why a stream does not stand. */
export type OpeningFailure =
  /** Nothing listens at the peer's address. */
  | { readonly kind: "refused" }
  /** The peer answered and would not have us, or was not believed. */
  | {
    readonly kind: "turned_away";
    readonly reason: OpeningRefusal;
    readonly why: string;
  }
  /** No answer that proves anything. */
  | { readonly kind: "unanswered"; readonly why: string };

/**
 * Opens a stream to a peer, up to its hello.
 *
 * @param options Which one.
 * @param abort Ends the opening, and the stream once it stands; aborted here when time is up.
 * @returns The stream, or why there is none.
 */
export async function openStream(
  options: OpeningOptions,
  abort: AbortController,
): Promise<OpenedStream | OpeningFailure> {
  const { call, edge, limits, clock } = options;
  const { signal } = abort;
  const held: { line: StreamLine | null } = { line: null };
  const timer = clock.after(limits.openTimeoutMs, () => {
    const why = `It did not answer within ${limits.openTimeoutMs} ms`;
    abort.abort(new DOMException(why, "AbortError"));
  });
  try {
    return await askAcross(edge, signal, async () => {
      const { wire, address } = call;
      held.line = await orUntrusted(
        wire,
        address,
        () => wire.connect(address, signal),
      );
      return await ask(options, held.line, signal);
    });
  } catch (error) {
    held.line?.close();
    if (error instanceof Deno.errors.ConnectionRefused) {
      return { kind: "refused" };
    }
    const why = messageOf(error);
    if (!(error instanceof OpeningRefusedError)) {
      return { kind: "unanswered", why };
    }
    return { kind: "turned_away", reason: error.reason, why };
  } finally {
    timer.cancel();
  }
}

/**
 * Checks that frames of a stream are what its peer may send to this node.
 *
 * @param call Who called whom.
 * @param frames The frames after the hello.
 * @throws {FrameError} When they are not.
 */
export function checkAddressed(call: PeerCall, frames: readonly Frame[]): void {
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

async function ask(
  { call, lane, limits }: OpeningOptions,
  line: StreamLine,
  signal: AbortSignal,
): Promise<OpenedStream> {
  const request = { method: "GET", path: `${STREAM_PATH}${lane}` } as const;
  const { claim } = await callPeer(call, request, line, signal);
  const decoder = createFrameDecoder(limits);
  const [hello, first] = await readHello(line, decoder);
  checkHello(call, claim, hello);
  checkAddressed(call, first);
  return { kind: "opened", line, hello, first, decoder };
}

async function readHello(
  line: StreamLine,
  decoder: FrameDecoder,
): Promise<[HelloFrame, Frame[]]> {
  while (true) {
    const chunk = await line.read();
    if (!chunk) throw new FrameError("Stream ended before its hello");
    const [hello, ...rest] = decodeChunk(decoder, chunk);
    if (hello === undefined) continue;
    if (hello.type !== "hello") throw new FrameError("Stream has no hello");
    return [hello, rest];
  }
}

function checkHello(call: PeerCall, claim: Claim, hello: HelloFrame): void {
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
}
