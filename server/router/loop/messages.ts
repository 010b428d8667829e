import type { RouteTable, Target } from "../routes/mod.ts";
import type { Address } from "./sockets.ts";

/** Which port a client came through. */
export type Door = "read_write" | "read_only";

/** The doors, in the order in which they are told. */
export const DOORS: readonly Door[] = ["read_write", "read_only"];

/** Settings of a router; times are in milliseconds, and 0 is never where it says so. */
export interface LoopSettings {
  /** Where each door listens; null for not at all. */
  readonly listen: Readonly<Record<Door, Address | null>>;
  /** How many threads there may be. */
  readonly threads: number;
  /** How many sessions there may be. */
  readonly maxConnections: number;
  /** How many of them may wait for a primary. */
  readonly maxWaiting: number;
  /** How long one waits. */
  readonly waitTimeoutMs: number;
  /** How long a client may take until it has said who it is. */
  readonly startupTimeoutMs: number;
  /** How long a node may take to take a connection. */
  readonly connectTimeoutMs: number;
  /** After how long without a byte a session is ended; 0 is never. */
  readonly idleTimeoutMs: number;
  /** How long one side may take nothing while there is something for it; 0 is for ever. */
  readonly stallTimeoutMs: number;
  /** Whether a balancer before this router tells who the client is. */
  readonly proxyProtocol: boolean;
}

/** How long the routes may be trusted, by the machine's clock that never jumps. */
export interface Lease {
  readonly untilMs: number;
  /** From when on whoever uses it asks for the next one. */
  readonly renewMs: number;
}

/** What a cancel request says, and its packet. */
export interface CancelRequest {
  readonly pid: number;
  readonly key: string;
  readonly packet: Uint8Array;
}

/** A cancel request of a loop that asks the others about it: which loop, and what it calls it. */
export interface Errand {
  readonly asker: number;
  readonly id: number;
}

/** Whether a loop took a cancel request over, else where it has sessions. */
export interface Sought {
  readonly isTaken: boolean;
  readonly targets: readonly Target[];
}

/** What the node tells a loop of its router. */
export type LoopOrder =
  /** Routes, with addresses in place of names. */
  | { readonly kind: "table"; readonly table: RouteTable }
  | ({ readonly kind: "lease" } & Lease)
  | { readonly kind: "drain"; readonly isDrained: boolean }
  /** What is known of the statement that a cancel request aims at. */
  | {
    readonly kind: "cancel";
    readonly id: number;
    readonly verdict: CancelVerdict;
  }
  /** Does a cancel request of another loop aim at a session of this one? */
  | ({ readonly kind: "seek" } & Errand & CancelRequest)
  /** What the others said to that. */
  | ({ readonly kind: "sought"; readonly id: number } & Sought)
  /** The loop that took it over is done with it. */
  | { readonly kind: "errand_done"; readonly id: number }
  | { readonly kind: "stats"; readonly sequence: number }
  | { readonly kind: "stop" };

/** It may go at once; it was held and its statement's wait is over; its reign is over. */
export type CancelVerdict = "at_once" | "after_wait" | "over";

/** What a loop tells its node. */
export type LoopNews =
  /** The thread hears, and may be told where to begin. */
  | { readonly kind: "here" }
  | { readonly kind: "ready"; readonly ports: LoopPorts }
  | { readonly kind: "failed"; readonly why: string }
  /** There are more clients than the threads are for. */
  | { readonly kind: "crowded" }
  /** A session is to be led to the primary: is the state that says who that is of a moment ago? */
  | { readonly kind: "wanted" }
  | {
    readonly kind: "stats";
    readonly sequence: number;
    readonly stats: LoopStats;
  }
  /** A cancel request aims at a session of a primary: does that wait for standbys? */
  | {
    readonly kind: "cancel";
    readonly id: number;
    readonly target: Target;
    readonly pid: number;
  }
  /** Does a cancel request aim at a session of another loop? */
  | ({ readonly kind: "seek"; readonly id: number } & CancelRequest)
  | ({ readonly kind: "sought" } & Errand & Sought)
  | ({ readonly kind: "errand_done" } & Errand)
  | {
    readonly kind: "log";
    readonly level: "debug" | "info" | "warning";
    readonly message: string;
    readonly fields: Readonly<Record<string, unknown>>;
  }
  | { readonly kind: "stopped" };

/** Where the doors listen; null for not at all. */
export type LoopPorts = Readonly<Record<Door, number | null>>;

/** Why clients are turned away or sessions ended, as it is counted. */
export const REFUSALS = [
  /** No primary, or no node that may be read, in time. */
  "wait_timeout",
  /** Too many wait already. */
  "waiting_full",
  /** Too many sessions. */
  "too_many",
  /** The node could not be reached in time. */
  "unreachable",
  /** No client of PostgreSQL. */
  "bad_startup",
  /** It did not say who it is in time. */
  "startup_timeout",
] as const;

/** One of {@linkcode REFUSALS}. */
export type RefusalReason = typeof REFUSALS[number];

/** Why a session that stood was ended by the router. */
export const ENDINGS = [
  /** Its reign is over, or its standby takes over. */
  "epoch_over",
  /** Nothing was said for too long. */
  "idle",
  /** One side took nothing for too long. */
  "stalled",
  /** A commit's wait for standbys was cancelled: its success is no success. */
  "cancelled_wait",
] as const;

/** One of {@linkcode ENDINGS}. */
export type EndingReason = typeof ENDINGS[number];

/** How many sessions lead to one place. */
export interface TargetCount {
  readonly door: Door;
  readonly member: number;
  /** 0 for a standby. */
  readonly epoch: number;
  readonly count: number;
}

/** What a router, or one of its loops, does and did. */
export interface LoopStats {
  /** How many clients each of the loops has. */
  readonly threads: readonly number[];
  readonly isDrained: boolean;
  readonly isTrusted: boolean;
  readonly epoch: number;
  /** Why read-write sessions wait; empty while they don't. */
  readonly why: string;
  readonly sessions: readonly TargetCount[];
  /** Clients that have not said yet who they are, or are being turned away. */
  readonly opening: number;
  readonly waiting: number;
  /** Cancel requests that are held or under way. */
  readonly cancels: number;
  /** How long the one waits that waits longest. */
  readonly longestWaitMs: number;
  /** How long one ever waited that was led then. */
  readonly longestWaitEverMs: number;
  readonly accepted: number;
  readonly refused: Readonly<Record<RefusalReason, number>>;
  readonly ended: Readonly<Record<EndingReason, number>>;
  /** Cancel requests that were held because a commit waited for standbys. */
  readonly heldCancels: number;
  readonly bytesFromClients: number;
  readonly bytesFromServers: number;
}
