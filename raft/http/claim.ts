import type { Incarnation, NodeId } from "../core/mod.ts";
import type { Claim } from "./auth.ts";
import { isNodeId } from "./bytes.ts";

/** Who a node is, for its peers. */
export interface Self {
  readonly clusterId: string;
  readonly nodeId: NodeId;
  readonly incarnation: Incarnation;
  /** Drawn anew by every process. */
  readonly bootId: string;
}

/** The two streams between a pair of nodes: pieces of snapshots never hold up the rest. */
export const LANES = ["main", "bulk"] as const;

/** One of {@linkcode LANES}. */
export type LaneName = typeof LANES[number];

/** Why a peer did not let us in, or was not believed. */
export type OpeningRefusal =
  /** It belongs to another cluster. */
  | "foreign_cluster"
  /** Another node answers at that address. */
  | "wrong_node"
  /** The two do not share a secret. */
  | "wrong_secret"
  /** The challenge was used or has expired. */
  | "stale_challenge"
  /** The request was not understood. */
  | "malformed"
  /** It does not serve now, or has no room. */
  | "unavailable"
  /** It did not prove that it knows the secret. */
  | "unproven"
  /** One of the two does not accept the other's certificate. */
  | "untrusted";

/** Every {@linkcode OpeningRefusal}, in words for whoever was refused. */
export const OPENING_REFUSALS: Readonly<Record<OpeningRefusal, string>> = {
  foreign_cluster: "it belongs to another cluster",
  wrong_node: "another node answers there",
  wrong_secret: "the secrets of the two differ",
  stale_challenge: "its challenge had expired",
  malformed: "it did not understand the request",
  unavailable: "it does not serve now",
  unproven: "its own proof was not believed",
  untrusted: "one of the two does not accept the other's certificate",
};

/**
 * Tells whether a text names an {@linkcode OpeningRefusal}.
 *
 * @param text The text.
 * @returns Whether it does.
 */
export function isOpeningRefusal(text: string | null): text is OpeningRefusal {
  return text !== null && Object.hasOwn(OPENING_REFUSALS, text);
}

/** Where the challenges are issued. */
export const CHALLENGE_PATH = "/raft/v1/challenge";
/** Where single messages are taken while no stream stands. */
export const MESSAGE_PATH = "/raft/v1/message";
/** Below this, with a lane's name, streams are opened. */
export const STREAM_PATH = "/raft/v1/stream/";
/** Below this, with a name, a node answers calls of its peers. */
export const CALL_PATH = "/raft/v1/call/";
/** Below this, with a name, a node sends a peer more than fits into an answer. */
export const FEED_PATH = "/raft/v1/feed/";
/**
 * Tells whether a GET opens a stream, or is what is asked over the same connection before.
 *
 * @param path The path.
 * @returns Whether it is.
 */
export function isStreamPath(path: string): boolean {
  return path === CHALLENGE_PATH || path.startsWith(STREAM_PATH);
}

/** The header in which a node says its id, to those that know its address only. */
export const NODE_HEADER = "raft-node";
/** The headers in which an answer says who gave it. */
export const ANSWER_HEADERS = {
  incarnation: "raft-incarnation",
  bootId: "raft-boot",
} as const;
/** The header that carries a challenge, both ways. */
export const CHALLENGE_HEADER = "raft-challenge";
/** The header that carries a request's proof. */
export const PROOF_HEADER = "raft-proof";
/** The header that names an {@linkcode OpeningRefusal}. */
export const REFUSAL_HEADER = "raft-refusal";

/** Thrown when a peer turned us away, or was not believed. */
export class OpeningRefusedError extends Error {
  override readonly name = "OpeningRefusedError";
  /** Why. */
  readonly reason: OpeningRefusal;

  /**
   * @param reason Why.
   * @param message The same in words.
   */
  constructor(reason: OpeningRefusal, message: string) {
    super(message);
    this.reason = reason;
  }
}

/**
 * Writes a claim and its proof as headers.
 *
 * @param claim What the request says about itself.
 * @param proof Its proof; empty without a secret.
 * @returns The headers. A web page cannot send them across origins unasked.
 */
export function claimHeaders(claim: Claim, proof: string): Headers {
  return new Headers({
    "raft-cluster": encodeURIComponent(claim.clusterId),
    "raft-from": String(claim.from),
    "raft-incarnation": String(claim.incarnation),
    "raft-boot": claim.bootId,
    "raft-to": String(claim.to),
    "raft-nonce": claim.nonce,
    [CHALLENGE_HEADER]: claim.challenge,
    [PROOF_HEADER]: proof,
  });
}

function numberIn(headers: Headers, name: string): number {
  const text = headers.get(name) ?? "";
  return /^\d{1,16}$/.test(text) ? Number(text) : NaN;
}

function clusterIn(headers: Headers): string | null {
  try {
    return decodeURIComponent(headers.get("raft-cluster") ?? "") || null;
  } catch {
    return null;
  }
}

/**
 * Reads the claim of a request.
 *
 * @param request The request; its body is handed in beside it.
 * @param body The body's bytes.
 * @returns The claim, or null when there is none.
 */
export function claimOf(request: Request, body: Uint8Array): Claim | null {
  const { headers } = request;
  const clusterId = clusterIn(headers);
  const from = numberIn(headers, "raft-from");
  const to = numberIn(headers, "raft-to");
  const incarnation = numberIn(headers, "raft-incarnation");
  const bootId = headers.get("raft-boot") ?? "";
  const nonce = headers.get("raft-nonce") ?? "";
  if (clusterId === null || !isNodeId(from) || !isNodeId(to)) return null;
  if (!Number.isSafeInteger(incarnation)) return null;
  if (!isToken(bootId) || !isToken(nonce)) return null;
  return {
    method: request.method,
    path: new URL(request.url).pathname,
    clusterId,
    from,
    incarnation,
    bootId,
    to,
    nonce,
    challenge: headers.get(CHALLENGE_HEADER) ?? "",
    body,
  };
}

function isToken(text: string): boolean {
  return /^[0-9a-f]{32}$/.test(text);
}

/**
 * Draws 128 random bits as text.
 *
 * @returns 32 hexadecimal digits.
 */
export function randomToken(): string {
  return crypto.getRandomValues(new Uint8Array(16)).toHex();
}
