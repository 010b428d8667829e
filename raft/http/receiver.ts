import type { Message, NodeId } from "../core/mod.ts";
import type { HostAndPort } from "./address.ts";
import type { PeerCall } from "./call.ts";
import type { OpeningRefusal } from "./claim.ts";
import type { PeerContext } from "./context.ts";
import { type Edge, passIn } from "./edge.ts";
import type { Frame, HelloFrame } from "./frame.ts";
import {
  createInlet,
  hurryInlet,
  type Inlet,
  runInlet,
  stopInlet,
  tickInlet,
} from "./inlet.ts";
import {
  closeStream,
  createStreamIn,
  runStream,
  type StreamEnd,
  type StreamIn,
  tickStream,
} from "./stream_in.ts";
import type { Tasks } from "./tasks.ts";

/** The receiving side of one peer: the streams that we open to it, and what they showed. */
export interface Receiver {
  readonly options: ReceiverOptions;
  /** Where streams are opened; null when nowhere. */
  call: PeerCall | null;
  /** Keeps the main stream open; null without an address. */
  inlet: Inlet | null;
  /** The bulk stream; null while there is none. */
  bulk: StreamIn | null;
  /** Why the peer turned us away, as far as it was told since a stream last stood. */
  readonly reported: Set<OpeningRefusal>;
  /** The peer's process, as of its last hello. */
  bootId: string | null;
  /** Since when the main stream stands; null while it does not. */
  sinceMs: number | null;
  /** The last measured round trip; null before. */
  rttMs: number | null;
}

/** Options for {@linkcode createReceiver}. */
export interface ReceiverOptions {
  readonly context: PeerContext;
  readonly peer: NodeId;
  readonly edge: Edge;
  readonly tasks: Tasks;
  /** Takes a message. */
  readonly onMessage: (message: Message) => void;
  /** Takes a note. */
  readonly onNote: (data: Uint8Array) => void;
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
  return {
    options,
    call: null,
    inlet: null,
    bulk: null,
    reported: new Set(),
    bootId: null,
    sinceMs: null,
    rttMs: null,
  };
}

/**
 * Opens streams at another place, or nowhere.
 *
 * @param receiver The receiver.
 * @param address Where the peer is; null ends its streams.
 */
export function moveReceiver(
  receiver: Receiver,
  address: HostAndPort | null,
): void {
  const { context, peer, tasks } = receiver.options;
  if (receiver.bulk !== null) closeStream(receiver.bulk);
  if (receiver.inlet !== null) stopInlet(receiver.inlet);
  receiver.bulk = null;
  receiver.inlet = null;
  receiver.call = null;
  receiver.sinceMs = null;
  if (address === null) return;
  const { self, authenticator, wire } = context;
  const call = { self, peer, address, authenticator, wire };
  const inlet = inletFor(receiver, call);
  receiver.call = call;
  receiver.inlet = inlet;
  tasks.own(runInlet(inlet));
}

/**
 * Opens the main stream at once, where that waits for its next attempt: the peer is there.
 *
 * @param receiver The receiver.
 */
export function hurryReceiver({ inlet }: Receiver): void {
  if (inlet !== null) hurryInlet(inlet);
}

/**
 * Lets the streams see that time passes.
 *
 * @param receiver The receiver, every `pingIntervalMs`.
 */
export function tickReceiver({ inlet, bulk }: Receiver): void {
  if (inlet !== null) tickInlet(inlet);
  if (bulk !== null) tickStream(bulk);
}

/**
 * Tells, once for each reason until a stream stands, that the peer turned us away.
 *
 * @param receiver The receiver.
 * @param reason Why.
 * @param why The same in words.
 */
export function noteTurnedAway(
  receiver: Receiver,
  reason: OpeningRefusal,
  why: string,
): void {
  const { context, peer } = receiver.options;
  if (receiver.reported.has(reason)) return;
  receiver.reported.add(reason);
  context.onTrouble(peer, why);
  context.onRefused(peer, reason);
}

function inletFor(receiver: Receiver, call: PeerCall): Inlet {
  const { context, peer, edge } = receiver.options;
  return createInlet({
    ...context,
    call,
    edge,
    onStanding: (hello) => takeHello(receiver, hello),
    onEnd: (end) => takeEnd(receiver, end),
    onFrames: (frames) => {
      for (const frame of frames) passIn(edge, frame, receiver, takeFrame);
    },
    onGone: () => context.events.gone(peer),
  });
}

function takeHello(receiver: Receiver, hello: HelloFrame): void {
  const { context, peer } = receiver.options;
  const { bootId } = receiver;
  const replaced = bootId !== null && bootId !== hello.bootId;
  receiver.bootId = hello.bootId;
  receiver.sinceMs = context.clock.nowMs();
  receiver.reported.clear();
  if (replaced) context.events.gone(peer);
  context.events.present(peer);
}

function takeEnd(receiver: Receiver, end: StreamEnd): void {
  const { context, peer } = receiver.options;
  receiver.sinceMs = null;
  if (end.kind === "turned_away") {
    noteTurnedAway(receiver, end.reason, end.why);
  }
  if (end.kind !== "broken") return;
  context.onTrouble(peer, `Its stream broke: ${end.why}`);
}

function takeFrame(receiver: Receiver, frame: Frame): void {
  const { context, onMessage, answer } = receiver.options;
  switch (frame.type) {
    case "message":
      return onMessage(frame.message);
    case "ping":
      return answer({ ...frame, type: "pong" });
    case "pong":
      receiver.rttMs = context.clock.nowMs() - frame.sentAtMs;
      return;
    case "want_bulk":
      return openBulk(receiver);
    case "note":
      return receiver.options.onNote(frame.data);
    case "hello":
      return;
  }
}

/** Pings of the bulk lane only show that it lives; the round trip is the main lane's. */
function takeBulkFrame(receiver: Receiver, frame: Frame): void {
  if (frame.type === "message") receiver.options.onMessage(frame.message);
}

function openBulk(receiver: Receiver): void {
  const { context, edge, tasks } = receiver.options;
  const { call } = receiver;
  if (receiver.bulk !== null || call === null) return;
  const stream = createStreamIn({
    ...context,
    call,
    edge,
    lane: "bulk",
    onStanding: () => {},
    onFrames: (frames) => {
      for (const frame of frames) passIn(edge, frame, receiver, takeBulkFrame);
    },
  });
  receiver.bulk = stream;
  tasks.own(
    runStream(stream).then(() => {
      if (receiver.bulk === stream) receiver.bulk = null;
    }),
  );
}
