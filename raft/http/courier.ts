import type { Message, NodeId } from "../core/mod.ts";
import type { HostAndPort } from "./address.ts";
import { callPeer, createConnection, type PeerCall } from "./call.ts";
import { MESSAGE_PATH, OpeningRefusedError } from "./claim.ts";
import type { PeerContext } from "./context.ts";
import { withDeadline } from "./deadline.ts";
import { encodeFrames } from "./encode.ts";
import { FRAME_HEADER_BYTES } from "./frame.ts";
import type { Tasks } from "./tasks.ts";

/** Sends single messages in requests, while the peer has no stream from us. */
export interface Courier {
  /** Sends a message, or drops it: only votes and their like go this way. */
  send(address: HostAndPort | null, message: Message): void;
  /** Returns how many messages were dropped so far. */
  droppedMessages(): number;
}

/** Options for {@linkcode createCourier}. */
export interface CourierOptions {
  readonly context: PeerContext;
  readonly peer: NodeId;
  readonly tasks: Tasks;
  /** Aborted when the peer is stopped. */
  readonly stopping: AbortSignal;
  /** Told when the peer turned a request away. */
  readonly onTurnedAway: (error: OpeningRefusedError) => void;
}

const BY_REQUEST: ReadonlySet<Message["kind"]> = new Set([
  "pre_vote",
  "pre_vote_response",
  "vote",
  "vote_response",
  "timeout_now",
]);

/**
 * Makes a courier.
 *
 * @param options Whom it serves.
 * @returns The courier.
 */
export function createCourier(options: CourierOptions): Courier {
  const { context, peer, tasks, stopping } = options;
  const { clock, limits } = context;
  let inFlight = 0;
  let dropped = 0;

  async function carry(call: PeerCall, message: Message): Promise<void> {
    const frame = encodeFrames([{ type: "message", message }]);
    const body = frame.slice(FRAME_HEADER_BYTES);
    const post = { method: "POST", path: MESSAGE_PATH, body } as const;
    const client = createConnection();
    try {
      await withDeadline(
        clock,
        limits.requestTimeoutMs,
        stopping,
        async (signal) => {
          const answer = await callPeer(call, post, client, signal);
          await answer.response.body?.cancel();
        },
      );
    } finally {
      client.close();
    }
  }

  async function attempt(call: PeerCall, message: Message): Promise<void> {
    inFlight += 1;
    try {
      await carry(call, message);
    } catch (error) {
      // Whatever went wrong, the core asks again.
      dropped += 1;
      if (error instanceof OpeningRefusedError) options.onTurnedAway(error);
    } finally {
      inFlight -= 1;
    }
  }

  return {
    send: (address, message) => {
      const may = BY_REQUEST.has(message.kind) &&
        inFlight < limits.maxRequestsInFlight;
      if (!may || address === null) {
        dropped += 1;
        return;
      }
      const { self, authenticator } = context;
      tasks.own(attempt({ self, peer, address, authenticator }, message));
    },
    droppedMessages: () => dropped,
  };
}
