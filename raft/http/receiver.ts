import type { Message, NodeId } from "../core/mod.ts";
import type { HostAndPort } from "./address.ts";
import type { PeerCall } from "./call.ts";
import type { OpeningRefusal } from "./claim.ts";
import type { PeerContext } from "./context.ts";
import type { Frame, HelloFrame } from "./frame.ts";
import { createInlet, type Inlet } from "./inlet.ts";
import { openStream, type StreamEnd, type StreamIn } from "./stream_in.ts";
import type { Tasks } from "./tasks.ts";

/** The receiving side of one peer: the streams that we open to it. */
export interface Receiver {
  /** Says where to open them; null ends them. */
  moveTo(address: HostAndPort | null): void;
  /** To be called every `pingIntervalMs`. */
  tick(): void;
  /** Tells, once for each reason until a stream stands, that the peer turned us away. */
  turnedAway(reason: OpeningRefusal, why: string): void;
  /** Returns since when the main stream stands; null while it does not. */
  sinceMs(): number | null;
  /** Returns the last measured round trip; null before. */
  rttMs(): number | null;
}

/** Options for {@linkcode createReceiver}. */
export interface ReceiverOptions {
  readonly context: PeerContext;
  readonly peer: NodeId;
  readonly tasks: Tasks;
  /** Takes a message. */
  readonly onMessage: (message: Message) => void;
  /** Sends a frame to the peer, on the main lane. */
  readonly answer: (frame: Frame) => void;
}

/**
 * Makes the receiving side of a peer.
 *
 * @param options Whom to receive from, and what to do with what comes.
 * @returns The receiver, without a stream.
 */
export function createReceiver(options: ReceiverOptions): Receiver {
  const { context, peer, tasks } = options;
  const { self, authenticator, clock, events } = context;
  const reported = new Set<OpeningRefusal>();
  let inlet: Inlet | null = null;
  let bulk: StreamIn | null = null;
  let bootId: string | null = null;
  let sinceMs: number | null = null;
  let rttMs: number | null = null;

  function turnedAway(reason: OpeningRefusal, why: string): void {
    if (reported.has(reason)) return;
    reported.add(reason);
    context.onTrouble(peer, why);
    context.onRefused(peer, reason);
  }

  function onStanding(hello: HelloFrame): void {
    const replaced = bootId !== null && bootId !== hello.bootId;
    bootId = hello.bootId;
    sinceMs = clock.nowMs();
    reported.clear();
    if (replaced) events.gone(peer);
    events.present(peer);
  }

  function onEnd(end: StreamEnd): void {
    sinceMs = null;
    if (end.kind === "turned_away") turnedAway(end.reason, end.why);
    if (end.kind !== "broken") return;
    context.onTrouble(peer, `Its stream broke: ${end.why}`);
  }

  function onFrames(call: PeerCall, frames: readonly Frame[]): void {
    for (const frame of frames) {
      if (frame.type === "message") options.onMessage(frame.message);
      if (frame.type === "ping") options.answer({ ...frame, type: "pong" });
      if (frame.type === "pong") rttMs = clock.nowMs() - frame.sentAtMs;
      if (frame.type === "want_bulk") openBulk(call);
    }
  }

  /** Pings of the bulk lane only show that it lives; the round trip is the main lane's. */
  function onBulkFrames(frames: readonly Frame[]): void {
    for (const frame of frames) {
      if (frame.type === "message") options.onMessage(frame.message);
    }
  }

  function openBulk(call: PeerCall): void {
    if (bulk !== null) return;
    const stream = openStream({
      ...context,
      call,
      lane: "bulk",
      onStanding: () => {},
      onFrames: onBulkFrames,
    });
    bulk = stream;
    tasks.own(stream.ended.then(() => {
      if (bulk === stream) bulk = null;
    }));
  }

  function end(): void {
    bulk?.close();
    if (inlet !== null) tasks.own(inlet.stop());
    bulk = null;
    inlet = null;
    sinceMs = null;
  }

  function begin(address: HostAndPort): Inlet {
    const call = { self, peer, address, authenticator };
    return createInlet({
      ...context,
      call,
      onStanding,
      onEnd,
      onFrames: (frames) => onFrames(call, frames),
      onGone: () => events.gone(peer),
    });
  }

  return {
    moveTo: (address) => {
      end();
      if (address !== null) inlet = begin(address);
    },
    tick: () => {
      inlet?.tick();
      bulk?.tick();
    },
    turnedAway,
    sinceMs: () => sinceMs,
    rttMs: () => rttMs,
  };
}
