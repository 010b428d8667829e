import type { Message, NodeId } from "../core/mod.ts";
import type { HostAndPort } from "./address.ts";
import { callPeer, type PeerCall } from "./call.ts";
import { MESSAGE_PATH, OpeningRefusedError } from "./claim.ts";
import type { PeerContext } from "./context.ts";
import { withDeadline } from "./deadline.ts";
import { askAcross, type Edge } from "./edge.ts";
import { encodeFrames } from "./encode.ts";
import { FRAME_HEADER_BYTES } from "./frame.ts";
import type { Tasks } from "./tasks.ts";

/** Sends single messages in requests, while the peer has no stream from us. */
export interface Courier {
  readonly options: CourierOptions;
  /** How many requests are under way. */
  inFlight: number;
  /** How many messages were dropped so far. */
  droppedMessages: number;
}

/** Options for {@linkcode createCourier}. */
export interface CourierOptions {
  readonly context: PeerContext;
  readonly peer: NodeId;
  readonly edge: Edge;
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
  return { options, inFlight: 0, droppedMessages: 0 };
}

/**
 * Sends a message, or drops it: only votes and their like go this way.
 *
 * @param courier The courier.
 * @param address Where the peer is; null when nobody knows.
 * @param message The message.
 */
export function sendByCourier(
  courier: Courier,
  address: HostAndPort | null,
  message: Message,
): void {
  const { context, peer, tasks } = courier.options;
  const { self, authenticator, wire, limits } = context;
  const may = BY_REQUEST.has(message.kind) &&
    courier.inFlight < limits.maxRequestsInFlight;
  if (!may || address === null) {
    courier.droppedMessages += 1;
    return;
  }
  const call = { self, peer, address, authenticator, wire };
  tasks.own(attempt(courier, call, message));
}

async function attempt(
  courier: Courier,
  call: PeerCall,
  message: Message,
): Promise<void> {
  courier.inFlight += 1;
  try {
    await carry(courier, call, message);
  } catch (error) {
    // Whatever went wrong, the core asks again.
    courier.droppedMessages += 1;
    if (!(error instanceof OpeningRefusedError)) return;
    courier.options.onTurnedAway(error);
  } finally {
    courier.inFlight -= 1;
  }
}

async function carry(
  { options }: Courier,
  call: PeerCall,
  message: Message,
): Promise<void> {
  const { context, edge, stopping } = options;
  const frame = encodeFrames([{ type: "message", message }]);
  const body = frame.slice(FRAME_HEADER_BYTES);
  const post = { method: "POST", path: MESSAGE_PATH, body } as const;
  await withDeadline(
    context.clock,
    context.limits.requestTimeoutMs,
    stopping,
    async (signal) => {
      const answer = await askAcross(edge, signal, async () => {
        const line = await call.wire.dial(call.address, "h2", signal);
        try {
          const answer = await callPeer(call, post, line, signal);
          await answer.response.body?.cancel();
        } finally {
          line.close();
        }
      });
      return answer;
    },
  );
}
