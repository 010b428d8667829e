import type { NodeId } from "../core/mod.ts";
import { formatAddress, type HostAndPort } from "./address.ts";
import type { Authenticator, Claim } from "./auth.ts";
import {
  CHALLENGE_HEADER,
  CHALLENGE_PATH,
  claimHeaders,
  isOpeningRefusal,
  NODE_HEADER,
  OPENING_REFUSALS,
  OpeningRefusedError,
  randomToken,
  REFUSAL_HEADER,
  type Self,
} from "./claim.ts";
import type { PeerLine } from "./line.ts";
import type { PeerWire } from "./wire.ts";

/** Who calls whom. */
export interface PeerCall {
  readonly self: Self;
  readonly peer: NodeId;
  readonly address: HostAndPort;
  /** Null without a secret. */
  readonly authenticator: Authenticator | null;
  readonly wire: PeerWire;
}

/** One request. */
export interface PeerRequest {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly body?: Uint8Array<ArrayBuffer>;
}

/** A request that was let in. */
export interface PeerAnswer {
  readonly response: Response;
  /** What was asked; the answer's proof rests on it. */
  readonly claim: Claim;
}

/**
 * Connects or asks; an end that does not accept the other is told from a line that failed.
 *
 * @param wire How the peer is reached.
 * @param address Where it is.
 * @param run What to do.
 * @returns What it returned.
 * @throws {OpeningRefusedError} When one end does not accept the other.
 */
export async function orUntrusted<T>(
  wire: PeerWire,
  address: HostAndPort,
  run: () => Promise<T>,
): Promise<T> {
  try {
    return await run();
  } catch (error) {
    const why = wire.whyUntrusted(error);
    if (why === null) throw error;
    const where = formatAddress(address);
    throw new OpeningRefusedError("untrusted", `${where}: ${why}`);
  }
}

async function ensureLetIn(response: Response, what: string): Promise<void> {
  if (response.ok) return;
  await response.body?.cancel();
  const named = response.headers.get(REFUSAL_HEADER);
  const reason = isOpeningRefusal(named) ? named : "malformed";
  throw new OpeningRefusedError(
    reason,
    `${what} was refused with ${response.status}: ${OPENING_REFUSALS[reason]}`,
  );
}

/**
 * Finds out which node is at an address; a call to it proves it.
 *
 * @param wire How it is reached.
 * @param address Where it listens.
 * @param line The connection.
 * @param signal Ends the request.
 * @returns Its id as it says.
 */
export async function askNodeId(
  wire: PeerWire,
  address: HostAndPort,
  line: PeerLine,
  signal: AbortSignal,
): Promise<NodeId> {
  const headers = await askChallenge(wire, address, line, signal);
  return Number(headers.get(NODE_HEADER));
}

async function fetchChallenge(
  { wire, address }: PeerCall,
  line: PeerLine,
  signal: AbortSignal,
): Promise<string> {
  const headers = await askChallenge(wire, address, line, signal);
  return headers.get(CHALLENGE_HEADER) ?? "";
}

async function askChallenge(
  wire: PeerWire,
  address: HostAndPort,
  line: PeerLine,
  signal: AbortSignal,
): Promise<Headers> {
  const request = { method: "GET", headers: new Headers() } as const;
  const response = await orUntrusted(
    wire,
    address,
    () => line.ask(CHALLENGE_PATH, request, signal),
  );
  await ensureLetIn(response, "A request for a challenge");
  await response.body?.cancel();
  return response.headers;
}

/**
 * Makes a request that proves who asks.
 *
 * @param call Who calls whom.
 * @param request What is asked.
 * @param line The connection.
 * @param signal Ends the request, and the reading of its answer.
 * @returns The answer, its body still unread.
 * @throws {OpeningRefusedError} When the peer turned the request away, or one end does not accept the other.
 * @throws {TypeError} When the connection failed.
 */
export async function callPeer(
  call: PeerCall,
  request: PeerRequest,
  line: PeerLine,
  signal: AbortSignal,
): Promise<PeerAnswer> {
  const { self, peer, authenticator, wire, address } = call;
  const { method, path, body } = request;
  const challenge = authenticator === null
    ? ""
    : await fetchChallenge(call, line, signal);
  const claim: Claim = {
    method,
    path,
    clusterId: self.clusterId,
    from: self.nodeId,
    incarnation: self.incarnation,
    bootId: self.bootId,
    to: peer,
    nonce: randomToken(),
    challenge,
    body: body ?? new Uint8Array(0),
  };
  const headers = claimHeaders(claim, authenticator?.prove(claim) ?? "");
  const asked = { method, headers, ...(body === undefined ? {} : { body }) };
  const response = await orUntrusted(
    wire,
    address,
    () => line.ask(path, asked, signal),
  );
  await ensureLetIn(response, `${method} ${path} to node ${peer}`);
  return { response, claim };
}
