import type {
  Entry,
  EntryKind,
  Incarnation,
  Index,
  NodeId,
  SnapshotMeta,
  Term,
} from "./types.ts";

/** What every message carries: who speaks to whom, and in which term. */
export interface Envelope {
  readonly from: NodeId;
  readonly fromIncarnation: Incarnation;
  readonly to: NodeId;
  /** 0 where the sender does not know it (answers to a stranger). */
  readonly toIncarnation: Incarnation;
  /** The sender's term; in a pre-vote the term it would start. */
  readonly term: Term;
}

/** Asks whether a vote would be granted (dissertation §9.6), or for the vote itself (paper §5.2). */
export interface VoteRequest extends Envelope {
  readonly kind: "pre_vote" | "vote";
  readonly lastIndex: Index;
  readonly lastTerm: Term;
  /** The candidate saw the leader's process gone: its stream broke and a reconnect was refused. */
  readonly early: boolean;
  /** The leader itself asked for this election. */
  readonly transfer: boolean;
}

/** Answers a {@linkcode VoteRequest}. */
export interface VoteResponse extends Envelope {
  readonly kind: "pre_vote_response" | "vote_response";
  readonly granted: boolean;
  /** Above 0: the sender's committed configuration, made at this index, has no such member. */
  readonly removedAt: Index;
}

/** Replicates entries (paper §5.3). */
export interface AppendRequest extends Envelope {
  readonly kind: "append";
  readonly prevIndex: Index;
  readonly prevTerm: Term;
  readonly entries: readonly Entry[];
  readonly commit: Index;
}

/** Answers an {@linkcode AppendRequest}, once what it speaks of is durable. */
export interface AppendResponse extends Envelope {
  readonly kind: "append_response";
  readonly ok: boolean;
  /** With `ok` the last index known to match; else the `prevIndex` that did not. */
  readonly index: Index;
  /** Without `ok`: where the leader should look next, by term. */
  readonly hintIndex: Index;
  readonly hintTerm: Term;
}

/** Keeps followers quiet, tells the commit index, and confirms leadership for reads. */
export interface Heartbeat extends Envelope {
  readonly kind: "heartbeat";
  /** Never beyond what the receiver is known to hold. */
  readonly commit: Index;
  /** The read round that an answer confirms; 0 asks for no answer. */
  readonly round: number;
  /** The leader's clock when it sent this; echoed for the lease. */
  readonly sentAtMs: number;
}

/** Answers a {@linkcode Heartbeat}. */
export interface HeartbeatResponse extends Envelope {
  readonly kind: "heartbeat_response";
  readonly round: number;
  readonly sentAtMs: number;
}

/** Carries a piece of a snapshot to a member whose entries are gone from the leader's log (paper §7). */
export interface SnapshotChunk extends Envelope {
  readonly kind: "snapshot_chunk";
  readonly snapshot: SnapshotMeta;
  readonly offset: number;
  readonly data: Uint8Array;
}

/** Answers a {@linkcode SnapshotChunk}: how far the receiver has it. */
export interface SnapshotResponse extends Envelope {
  readonly kind: "snapshot_response";
  readonly index: Index;
  /** The next byte wanted. */
  readonly nextOffset: number;
  /** Whether the snapshot is installed, or no longer needed. */
  readonly done: boolean;
}

/** Tells the target of a transfer to start its election now (dissertation §3.10). */
export interface TimeoutNow extends Envelope {
  readonly kind: "timeout_now";
}

/** Asks the leader to hand leadership to the sender. */
export interface TransferRequest extends Envelope {
  readonly kind: "transfer_request";
}

/** One proposal on its way to the leader. */
export interface Proposal {
  /** The proposer's own number for it, so that a refusal finds its waiter. */
  readonly id: number;
  readonly kind: Exclude<EntryKind, "noop" | "configuration">;
  readonly data: Uint8Array;
}

/** Forwards proposals to the leader. Their identity is inside `data`, given by the first node. */
export interface Forward extends Envelope {
  readonly kind: "forward";
  readonly proposals: readonly Proposal[];
}

/** Why a proposal was not appended. */
export type Refusal = "not_leader" | "busy" | "transferring" | "too_large";

/** Says that forwarded proposals were not appended. */
export interface ForwardRefused extends Envelope {
  readonly kind: "forward_refused";
  readonly ids: readonly number[];
  readonly reason: Refusal;
  readonly leaderId: NodeId;
}

/** Asks the leader for an index at which a read is linearizable (dissertation §6.4). */
export interface ReadIndexRequest extends Envelope {
  readonly kind: "read_index";
  readonly requestId: number;
}

/** Answers a {@linkcode ReadIndexRequest}; an index of 0 refuses. */
export interface ReadIndexResponse extends Envelope {
  readonly kind: "read_index_response";
  readonly requestId: number;
  readonly index: Index;
}

/** Everything that nodes say to each other. */
export type Message =
  | VoteRequest
  | VoteResponse
  | AppendRequest
  | AppendResponse
  | Heartbeat
  | HeartbeatResponse
  | SnapshotChunk
  | SnapshotResponse
  | TimeoutNow
  | TransferRequest
  | Forward
  | ForwardRefused
  | ReadIndexRequest
  | ReadIndexResponse;

/** A message before its envelope is put on. */
export type MessageBody<M extends Message = Message> = M extends Message
  ? Omit<M, keyof Envelope>
  : never;
