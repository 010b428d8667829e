import type { Incarnation, Message, NodeId } from "../core/mod.ts";

/** Thrown for bytes that are no frame of ours. */
export class FrameError extends Error {
  override readonly name = "FrameError";
}

/** Who sends on a stream: always its first frame. */
export interface HelloFrame {
  readonly type: "hello";
  readonly clusterId: string;
  readonly nodeId: NodeId;
  readonly incarnation: Incarnation;
  /** Drawn anew by every process. */
  readonly bootId: string;
  /** The sender's proof that it knows the secret; empty without one. */
  readonly proof: string;
}

/** Says that an idle stream lives. */
export interface PingFrame {
  readonly type: "ping";
  /** The sender's clock, echoed by a {@linkcode PongFrame}. */
  readonly sentAtMs: number;
}

/** Answers a ping, on the stream of the other direction. */
export interface PongFrame {
  readonly type: "pong";
  readonly sentAtMs: number;
}

/** Asks the receiver to open a stream of the bulk lane: snapshot pieces wait. */
export interface WantBulkFrame {
  readonly type: "want_bulk";
}

/** What the layer above tells the one of the peer: bytes of its own, lost when there is no stream. */
export interface NoteFrame {
  readonly type: "note";
  readonly data: Uint8Array;
}

/** A message of the core. */
export interface MessageFrame {
  readonly type: "message";
  readonly message: Message;
}

/** Everything that a stream carries. */
export type Frame =
  | HelloFrame
  | PingFrame
  | PongFrame
  | WantBulkFrame
  | NoteFrame
  | MessageFrame;

/** The first byte of a frame's content, for the transport's own frames. */
export const CONTROL_CODES = {
  hello: 1,
  ping: 2,
  pong: 3,
  want_bulk: 4,
  note: 5,
} as const;

/** The first byte of a frame's content is this and the place in {@linkcode MESSAGE_KINDS}. */
export const FIRST_MESSAGE_CODE = 16;

/** The kinds of messages by their code on the wire: append only. */
export const MESSAGE_KINDS = [
  "pre_vote",
  "pre_vote_response",
  "vote",
  "vote_response",
  "append",
  "append_response",
  "heartbeat",
  "heartbeat_response",
  "snapshot_chunk",
  "snapshot_response",
  "timeout_now",
  "transfer_request",
  "forward",
  "forward_refused",
  "read_index",
  "read_index_response",
] as const satisfies readonly Message["kind"][];

/** What an entry holds, by its code on the wire. */
export const ENTRY_KINDS = ["noop", "configuration", "command"] as const;

/** Why a proposal was refused, by its code on the wire. */
export const REFUSALS = [
  "not_leader",
  "busy",
  "transferring",
  "too_large",
] as const;

/** The bytes before a frame's content: its length. */
export const FRAME_HEADER_BYTES = 4;
