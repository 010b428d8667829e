import { createHash } from "node:crypto";
import {
  RaftError,
  type RaftErrorCode,
  type RaftServer,
  type RaftStatus,
} from "../../raft/mod.ts";
import type { Instance } from "../../pg/instance/mod.ts";
import type { HighAvailability } from "../ha/mod.ts";
import { Problem } from "../http/mod.ts";
import type { Journal, Picture } from "../events/mod.ts";
import type { LevelControl } from "../logging/mod.ts";
import type { Activity } from "../metrics/mod.ts";
import type { Tracing } from "../telemetry/mod.ts";
import type { Router } from "../router/mod.ts";
import {
  encodePartOperation,
  type NodeMachine,
  ONCE_ANSWERED,
  type OnceKey,
  type Part,
  type PartOperation,
} from "../machine/mod.ts";
import type { Call } from "../http/mod.ts";

/** How far a node has come. */
export type NodeStage = "founding" | "joining" | "running" | "removed";

/** What peers' streams show of a member. */
export interface PeerView {
  /** How long ago anything came from it; null when nothing ever did. */
  readonly lastContactMs: number | null;
}

/** A change that only the leader carries out. */
export type LeaderOrder =
  | { readonly kind: "transfer"; readonly target: number }
  | {
    readonly kind: "add";
    readonly id: number;
    readonly incarnation: number;
    readonly address: string;
    readonly role: "voter" | "witness" | "learner";
    readonly expectedIndex: number | null;
  }
  | { readonly kind: "remove"; readonly id: number; readonly force: boolean }
  | { readonly kind: "promote"; readonly id: number };

/** What handlers know of their node. */
export interface NodeContext {
  readonly id: number;
  readonly name: string;
  readonly clusterName: string;
  /** The cluster's id as etcd writes one: a number of 64 bits. */
  readonly clusterNumber: string;
  readonly version: string;
  readonly kind: "data" | "witness";
  /** The identity of its data directory, by which members are added. */
  readonly incarnation: number;
  readonly raftAddress: string;
  readonly apiAddress: string;
  /** How this node's peers and API are spoken to, and so those of the others. */
  readonly schemes: Readonly<Record<"peers" | "api", "http" | "https">>;
  /** What its PostgreSQL says; null for a witness. */
  readonly serverLog: string | null;
  readonly maxEntryBytes: number;
  readonly raft: RaftServer;
  readonly machine: NodeMachine;
  readonly startedAtMs: number;
  nowMs(): number;
  stage(): NodeStage;
  /** What keeps the node from running, in words. */
  waitingFor(): string | null;
  isDiskFull(): boolean;
  /** Whether the node is being stopped. */
  isStopping(): boolean;
  /** Aborted when the node begins to stop. */
  readonly stopSignal: AbortSignal;
  peer(id: number): PeerView | null;
  /** PostgreSQL's high availability; null before the node takes part. */
  ha(): HighAvailability | null;
  /** The role with all rights in its PostgreSQL. */
  readonly superuser: string;
  /** Its PostgreSQL; null for a witness. */
  instance(): Instance | null;
  /** What callers ask of it. */
  readonly activity: Activity;
  /** Has everything that is counted begin at 0. */
  resetMetrics(): void;
  /** What happens on it and in its cluster. */
  readonly journal: Journal;
  /** What the journal has told of so far, as it is now. */
  picture(): Picture;
  /** Traces requests; null where that is off. */
  readonly tracing: Tracing | null;
  /** How much it logs. */
  readonly logLevel: LevelControl;
  /** The router; null where the node has none. */
  router(): Router | null;
  /** A proposal has ended: applied, or with this error. */
  proposalEnded(code: RaftErrorCode | null): void;
  /** Has the leader carry out a change, wherever it is. */
  order(order: LeaderOrder): Promise<void>;
}

/** How far a node has come, and what keeps it. */
export type Progress = Pick<NodeContext, "stage" | "waitingFor">;

/** The state of the Raft part, once the node takes part. */
export function raftStatus(context: NodeContext): RaftStatus {
  requirePart(context);
  return context.raft.status();
}

/** PostgreSQL's high availability, once the node takes part. */
export function haOf(context: NodeContext): HighAvailability {
  const ha = context.ha();
  if (ha) return ha;
  throw new Problem("no_quorum", "The node takes no part yet");
}

/** Refuses while the node takes no part yet. */
export function requirePart({ stage, waitingFor }: Progress): void {
  const now = stage();
  if (now !== "founding" && now !== "joining") return;
  const detail = waitingFor() ?? "The node does not take part yet";
  throw new Problem("no_quorum", detail);
}

/** Refuses where nothing can come of waiting: a removed node hears of no leader. */
export function requireMember(context: Progress): void {
  requirePart(context);
  if (context.stage() !== "removed") return;
  const detail = context.waitingFor() ?? "The node was removed";
  throw new Problem("no_quorum", detail);
}

/** Has an operation committed, once if the caller gave a key, and returns the part's result. */
export async function propose(
  context: NodeContext,
  call: Call,
  part: Part,
  data: Uint8Array,
): Promise<Uint8Array> {
  const once = onceKeyOf(call);
  const result = await proposePart(context, { part, once, data });
  if (!once) return result;
  if (result[0] === ONCE_ANSWERED) return result.subarray(1);
  throw new Problem(
    "key_reused",
    "The Idempotency-Key came with another request before; take a new one",
  );
}

/**
 * Has an operation of a part committed.
 *
 * @param context The node.
 * @param operation What.
 * @param options Whether another node than the leader hands it on.
 * @returns The part's result.
 */
export async function proposePart(
  context: NodeContext,
  operation: PartOperation,
  options: { readonly forward?: boolean } = {},
): Promise<Uint8Array> {
  const { raft, proposalEnded, tracing } = context;
  requireMember(context);
  const isLog = operation.part === "log";
  const kind = isLog ? "wal_entry" : "custom";
  const trace = tracing?.propose({ "pgraft.part": operation.part }) ?? null;
  const mark = trace?.mark ?? null;
  const data = encodePartOperation({ ...operation, mark });
  if (isLog) context.activity.appending();
  try {
    const { result } = await raft.proposeOperation({ kind, data }, options);
    if (isLog) context.activity.committed();
    proposalEnded(null);
    trace?.ended(null);
    return result;
  } catch (error) {
    if (error instanceof RaftError) proposalEnded(error.code);
    trace?.ended(error instanceof RaftError ? error.code : "failed");
    throw error;
  }
}

const DIGEST_BYTES = 16;

function onceKeyOf({ request, body }: Call): OnceKey | null {
  const key = request.headers.get("idempotency-key");
  if (key === null) return null;
  if (!/^[\x21-\x7e]{1,128}$/.test(key)) {
    throw new Problem(
      "bad_request",
      "Idempotency-Key must be 1 to 128 visible ASCII characters",
    );
  }
  const { method, url } = request;
  const path = url.slice(url.indexOf("/", url.indexOf("//") + 2));
  return {
    key: digest(key),
    fingerprint: digest(`${method} ${path}\n${body}`),
  };
}

function digest(text: string): Uint8Array {
  return createHash("sha256").update(text).digest().subarray(0, DIGEST_BYTES);
}
