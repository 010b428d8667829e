import type { Clock, Random } from "../../base/mod.ts";
import type { Message, NodeId } from "../core/mod.ts";
import type { TransportEvents } from "../ports.ts";
import { formatAddress, type HostAndPort, reach } from "./address.ts";
import type { Authenticator } from "./auth.ts";
import { callPeer, createConnection, type PeerCall } from "./call.ts";
import {
  type LaneName,
  MESSAGE_PATH,
  type OpeningRefusal,
  OpeningRefusedError,
  type Self,
} from "./claim.ts";
import { withDeadline } from "./deadline.ts";
import { encodeFrames, frameWeightBytes } from "./encode.ts";
import { type Frame, FRAME_HEADER_BYTES, type HelloFrame } from "./frame.ts";
import { createInlet, type Inlet } from "./inlet.ts";
import { createLane, type Lane } from "./lane.ts";
import type { HttpTransportLimits } from "./limits.ts";
import { openStream, type StreamEnd, type StreamIn } from "./stream_in.ts";

/** What all peers of a transport share. */
export interface PeerContext {
  readonly self: Self;
  readonly authenticator: Authenticator | null;
  readonly limits: HttpTransportLimits;
  readonly clock: Clock;
  readonly random: Random;
  readonly events: TransportEvents;
  /** Told once for each reason, until a stream stands. */
  readonly onRefused: (peer: NodeId, reason: OpeningRefusal) => void;
  /** Told what went wrong with a peer, in words. */
  readonly onTrouble: (peer: NodeId, what: string) => void;
}

/** What is known of the traffic with a peer. */
export interface PeerStats {
  /** Where the peer is; null for a node that only calls us. */
  readonly address: string | null;
  /** Since when we receive from it, on the clock handed in; null while we do not. */
  readonly receivingSinceMs: number | null;
  /** Whether it receives from us. */
  readonly sending: boolean;
  /** Whether it receives pieces of snapshots from us now. */
  readonly sendingBulk: boolean;
  /** How many messages wait to be sent, on both lanes. */
  readonly queuedMessages: number;
  /** What they weigh. */
  readonly queuedBytes: number;
  /** How many messages to it were dropped. */
  readonly droppedMessages: number;
  /** How many messages came from it. */
  readonly receivedMessages: number;
  /** The last measured round trip, through both event loops; null before. */
  readonly rttMs: number | null;
}

/** One peer: the streams both ways, and what is known of its process. */
export interface Peer {
  /** Sends without waiting, or drops. */
  send(message: Message): void;
  /** Takes a stream that the peer has opened; an older one of the same lane ends. */
  accept(
    lane: LaneName,
    hello: HelloFrame,
  ): ReadableStream<Uint8Array<ArrayBuffer>>;
  /** Takes a message that came in a request. */
  receive(message: Message): void;
  /** Says where the peer is; null when it is no longer a member. */
  moveTo(address: HostAndPort | null): void;
  /** Finds out whether its process is gone, and tells. */
  probe(): void;
  /** To be called every `pingIntervalMs`. */
  tick(): void;
  /** Returns whether nothing is left of it: no address, and no stream of its own. */
  isForgotten(): boolean;
  /** Returns what is known of the traffic. */
  stats(): PeerStats;
  /** Ends all streams and calls. */
  stop(): Promise<void>;
}

/** What goes in a request while the peer has no stream from us. */
const BY_REQUEST: ReadonlySet<Message["kind"]> = new Set([
  "pre_vote",
  "pre_vote_response",
  "vote",
  "vote_response",
  "timeout_now",
]);

/**
 * Makes a peer, of which nothing is known yet.
 *
 * @param context What all peers share.
 * @param id Its id.
 * @returns The peer.
 */
export function createPeer(context: PeerContext, id: NodeId): Peer {
  const { self, limits, clock, events } = context;
  const stopping = new AbortController();
  const tasks = new Set<Promise<void>>();
  const reported = new Set<OpeningRefusal>();
  const main: Lane = createLane(limits, {
    maxBytes: limits.maxQueueBytes,
    maxMessages: limits.maxQueueMessages,
    maxUrgentMessages: limits.maxUrgentMessages,
  });
  const bulk: Lane = createLane(limits, {
    maxBytes: limits.maxBulkQueueBytes,
    maxMessages: limits.maxBulkQueueMessages,
    maxUrgentMessages: limits.maxUrgentMessages,
  });
  let address: HostAndPort | null = null;
  let inlet: Inlet | null = null;
  let bulkIn: StreamIn | null = null;
  let bootId: string | null = null;
  let receivingSinceMs: number | null = null;
  let requestsInFlight = 0;
  let probing = false;
  let droppedMessages = 0;
  let receivedMessages = 0;
  let rttMs: number | null = null;

  function own(task: Promise<void>): void {
    tasks.add(task);
    task.finally(() => tasks.delete(task));
  }

  function callTo(target: HostAndPort): PeerCall {
    return {
      self,
      peer: id,
      address: target,
      authenticator: context.authenticator,
    };
  }

  function turnedAway(reason: OpeningRefusal, why: string): void {
    if (reported.has(reason)) return;
    reported.add(reason);
    context.onTrouble(id, why);
    context.onRefused(id, reason);
  }

  function onStanding(hello: HelloFrame): void {
    const replaced = bootId !== null && bootId !== hello.bootId;
    bootId = hello.bootId;
    receivingSinceMs = clock.nowMs();
    reported.clear();
    if (replaced) events.gone(id);
    events.present(id);
  }

  function onEnd(end: StreamEnd): void {
    receivingSinceMs = null;
    if (end.kind === "turned_away") turnedAway(end.reason, end.why);
    if (end.kind === "broken") {
      context.onTrouble(id, `Its stream broke: ${end.why}`);
    }
  }

  function onFrames(frames: readonly Frame[]): void {
    for (const frame of frames) {
      if (frame.type === "message") receive(frame.message);
      if (frame.type === "ping") main.send({ ...frame, type: "pong" });
      if (frame.type === "pong") rttMs = clock.nowMs() - frame.sentAtMs;
      if (frame.type === "want_bulk") openBulk();
    }
  }

  function receive(message: Message): void {
    if (stopping.signal.aborted) return;
    receivedMessages += 1;
    events.message(message);
  }

  function openBulk(): void {
    if (bulkIn !== null || address === null) return;
    const stream = openStream({
      call: callTo(address),
      lane: "bulk",
      limits,
      clock,
      onStanding: () => {},
      // A ping of this lane only shows that it lives; the round trip is the main lane's.
      onFrames: (frames) =>
        onFrames(frames.filter((frame) => frame.type === "message")),
    });
    bulkIn = stream;
    own(stream.ended.then(() => {
      if (bulkIn === stream) bulkIn = null;
    }));
  }

  async function request(target: HostAndPort, message: Message): Promise<void> {
    const frame = encodeFrames([{ type: "message", message }]);
    const body = frame.slice(FRAME_HEADER_BYTES);
    const post = { method: "POST", path: MESSAGE_PATH, body } as const;
    const client = createConnection();
    requestsInFlight += 1;
    try {
      await withDeadline(
        clock,
        limits.requestTimeoutMs,
        stopping.signal,
        async (signal) => {
          const call = callTo(target);
          const { response } = await callPeer(call, post, client, signal);
          await response.body?.cancel();
        },
      );
    } catch (error) {
      droppedMessages += 1;
      // Whatever else went wrong, the core asks again.
      if (error instanceof OpeningRefusedError) {
        turnedAway(error.reason, error.message);
      }
    } finally {
      requestsInFlight -= 1;
      client.close();
    }
  }

  function sendByRequest(message: Message): void {
    const possible = address !== null && BY_REQUEST.has(message.kind) &&
      requestsInFlight < limits.maxRequestsInFlight;
    if (!possible || address === null) {
      droppedMessages += 1;
      return;
    }
    own(request(address, message));
  }

  function sendBulk(frame: Frame): void {
    if (!bulk.isOpen() && !main.isOpen()) {
      droppedMessages += 1;
      return;
    }
    const first = bulk.isEmpty();
    bulk.send(frame);
    if (!bulk.isOpen() && first) main.send({ type: "want_bulk" });
  }

  function send(message: Message): void {
    if (stopping.signal.aborted) return;
    const frame: Frame = { type: "message", message };
    if (frameWeightBytes(frame) > limits.maxFrameBytes) {
      droppedMessages += 1;
      context.onTrouble(
        id,
        `A ${message.kind} is over maxFrameBytes (${limits.maxFrameBytes}) and was dropped`,
      );
      return;
    }
    if (message.kind === "snapshot_chunk") return sendBulk(frame);
    if (main.isOpen()) return main.send(frame);
    sendByRequest(message);
  }

  async function probeOnce(target: HostAndPort): Promise<void> {
    probing = true;
    const reached = await withDeadline(
      clock,
      limits.probeTimeoutMs,
      stopping.signal,
      (signal) => reach(target, signal),
    );
    probing = false;
    if (stopping.signal.aborted) return;
    if (reached.kind === "refused") events.gone(id);
    else events.present(id);
  }

  function endInlet(): void {
    bulkIn?.close();
    bulkIn = null;
    receivingSinceMs = null;
    if (inlet !== null) own(inlet.stop());
    inlet = null;
  }

  function moveTo(next: HostAndPort | null): void {
    const same = next?.hostname === address?.hostname &&
      next?.port === address?.port;
    if (stopping.signal.aborted || same) return;
    endInlet();
    address = next;
    if (next === null) return;
    inlet = createInlet({
      call: callTo(next),
      limits,
      clock,
      random: context.random,
      onStanding,
      onFrames,
      onEnd,
      onGone: () => events.gone(id),
    });
  }

  return {
    send,
    accept: (lane, hello) => (lane === "main" ? main : bulk).open(hello),
    receive,
    moveTo,
    probe: () => {
      if (stopping.signal.aborted || probing) return;
      if (address === null) return events.present(id);
      own(probeOnce(address));
    },
    tick: () => {
      main.tick(clock.nowMs());
      bulk.tick(clock.nowMs());
      if (!bulk.isOpen() && !bulk.isEmpty()) main.send({ type: "want_bulk" });
      inlet?.tick();
      bulkIn?.tick();
    },
    isForgotten: () =>
      address === null && !main.isOpen() && !bulk.isOpen() && tasks.size === 0,
    stats: () => ({
      address: address === null ? null : formatAddress(address),
      receivingSinceMs,
      sending: main.isOpen(),
      sendingBulk: bulk.isOpen(),
      queuedMessages: main.queuedMessages() + bulk.queuedMessages(),
      queuedBytes: main.queuedBytes() + bulk.queuedBytes(),
      droppedMessages: droppedMessages + main.droppedMessages() +
        bulk.droppedMessages(),
      receivedMessages,
      rttMs,
    }),
    stop: async () => {
      stopping.abort();
      endInlet();
      main.close();
      bulk.close();
      await Promise.all(tasks);
    },
  };
}
