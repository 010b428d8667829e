import type { Message, NodeId } from "../core/mod.ts";
import { formatAddress, type HostAndPort, reach } from "./address.ts";
import type { LaneName } from "./claim.ts";
import type { PeerContext } from "./context.ts";
import { createCourier } from "./courier.ts";
import { withDeadline } from "./deadline.ts";
import { frameWeightBytes } from "./encode.ts";
import type { Frame, HelloFrame } from "./frame.ts";
import { createLane, type Lane } from "./lane.ts";
import type { HttpTransportLimits } from "./limits.ts";
import { createReceiver } from "./receiver.ts";
import { createTasks } from "./tasks.ts";

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

function createLanes(
  limits: HttpTransportLimits,
): Readonly<Record<LaneName, Lane>> {
  const { maxUrgentMessages } = limits;
  return {
    main: createLane(limits, {
      maxBytes: limits.maxQueueBytes,
      maxMessages: limits.maxQueueMessages,
      maxUrgentMessages,
    }),
    bulk: createLane(limits, {
      maxBytes: limits.maxBulkQueueBytes,
      maxMessages: limits.maxBulkQueueMessages,
      maxUrgentMessages,
    }),
  };
}

/**
 * Makes a peer, of which nothing is known yet.
 *
 * @param context What all peers share.
 * @param id Its id.
 * @returns The peer.
 */
export function createPeer(context: PeerContext, id: NodeId): Peer {
  const { limits, clock, events } = context;
  const stopping = new AbortController();
  const tasks = createTasks();
  const { main, bulk } = createLanes(limits);
  const receiver = createReceiver({
    context,
    peer: id,
    tasks,
    onMessage: receive,
    answer: control,
  });
  const courier = createCourier({
    context,
    peer: id,
    tasks,
    stopping: stopping.signal,
    onTurnedAway: ({ reason, message }) => receiver.turnedAway(reason, message),
  });
  let address: HostAndPort | null = null;
  let probing = false;
  let droppedMessages = 0;
  let receivedMessages = 0;

  function receive(message: Message): void {
    if (stopping.signal.aborted) return;
    receivedMessages += 1;
    events.message(message);
  }

  function drop(why: string | null): void {
    droppedMessages += 1;
    if (why !== null) context.onTrouble(id, why);
  }

  function control(frame: Frame): void {
    if (main.isOpen()) main.send(frame);
  }

  function askForBulk(): void {
    if (!bulk.isOpen() && !bulk.isEmpty()) control({ type: "want_bulk" });
  }

  function sendBulk(frame: Frame): void {
    if (!bulk.isOpen() && !main.isOpen()) return drop(null);
    const isFirst = bulk.isEmpty();
    bulk.send(frame);
    if (isFirst) askForBulk();
  }

  function send(message: Message): void {
    if (stopping.signal.aborted) return;
    const frame: Frame = { type: "message", message };
    const { maxFrameBytes } = limits;
    if (frameWeightBytes(frame) > maxFrameBytes) {
      return drop(`Dropped one ${message.kind} over ${maxFrameBytes} bytes`);
    }
    if (message.kind === "snapshot_chunk") return sendBulk(frame);
    if (main.isOpen()) return main.send(frame);
    courier.send(address, message);
  }

  async function probe(target: HostAndPort): Promise<void> {
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

  function moveTo(next: HostAndPort | null): void {
    const isSame = next?.hostname === address?.hostname &&
      next?.port === address?.port;
    if (stopping.signal.aborted || isSame) return;
    address = next;
    receiver.moveTo(next);
  }

  function stats(): PeerStats {
    return {
      address: address === null ? null : formatAddress(address),
      receivingSinceMs: receiver.sinceMs(),
      sending: main.isOpen(),
      sendingBulk: bulk.isOpen(),
      queuedMessages: main.queuedMessages() + bulk.queuedMessages(),
      queuedBytes: main.queuedBytes() + bulk.queuedBytes(),
      droppedMessages: droppedMessages + courier.droppedMessages() +
        main.droppedMessages() + bulk.droppedMessages(),
      receivedMessages,
      rttMs: receiver.rttMs(),
    };
  }

  return {
    send,
    accept: (lane, hello) => (lane === "main" ? main : bulk).open(hello),
    receive,
    moveTo,
    probe: () => {
      if (stopping.signal.aborted || probing) return;
      if (address === null) return events.present(id);
      tasks.own(probe(address));
    },
    tick: () => {
      main.tick(clock.nowMs());
      bulk.tick(clock.nowMs());
      askForBulk();
      receiver.tick();
    },
    isForgotten: () =>
      address === null && !main.isOpen() && !bulk.isOpen() &&
      tasks.count() === 0,
    stats,
    stop: async () => {
      stopping.abort();
      receiver.moveTo(null);
      main.close();
      bulk.close();
      await tasks.settled();
    },
  };
}
