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

/** Who calls whom. */
export interface PeerCall {
  readonly self: Self;
  readonly peer: NodeId;
  readonly address: HostAndPort;
  /** Null without a secret. */
  readonly authenticator: Authenticator | null;
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
 * Makes a connection to one peer, for one purpose.
 *
 * A connection of its own for each: a pooled one whose other end has silently vanished would take in
 * every new attempt until TCP gives up, minutes later.
 *
 * @returns The connection; whoever makes it closes it.
 */
export function createConnection(): Deno.HttpClient {
  return Deno.createHttpClient({ http1: false, http2: true });
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
 * @param address Where it listens.
 * @param client The connection.
 * @param signal Ends the request.
 * @returns Its id as it says.
 */
export async function askNodeId(
  address: HostAndPort,
  client: Deno.HttpClient,
  signal: AbortSignal,
): Promise<NodeId> {
  const url = `http://${formatAddress(address)}${CHALLENGE_PATH}`;
  const response = await fetch(url, { client, signal });
  await ensureLetIn(response, "A request for a challenge");
  await response.body?.cancel();
  return Number(response.headers.get(NODE_HEADER));
}

async function fetchChallenge(
  base: string,
  client: Deno.HttpClient,
  signal: AbortSignal,
): Promise<string> {
  const response = await fetch(`${base}${CHALLENGE_PATH}`, { client, signal });
  await ensureLetIn(response, "A request for a challenge");
  await response.body?.cancel();
  return response.headers.get(CHALLENGE_HEADER) ?? "";
}

/**
 * Makes a request that proves who asks.
 *
 * @param call Who calls whom.
 * @param request What is asked.
 * @param client The connection.
 * @param signal Ends the request, and the reading of its answer.
 * @returns The answer, its body still unread.
 * @throws {OpeningRefusedError} When the peer turned the request away.
 * @throws {TypeError} When the connection failed.
 */
export async function callPeer(
  call: PeerCall,
  request: PeerRequest,
  client: Deno.HttpClient,
  signal: AbortSignal,
): Promise<PeerAnswer> {
  const { self, peer, authenticator } = call;
  const { method, path, body } = request;
  const base = `http://${formatAddress(call.address)}`;
  const challenge = authenticator === null
    ? ""
    : await fetchChallenge(base, client, signal);
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
  const response = await fetch(`${base}${path}`, {
    method,
    headers,
    client,
    signal,
    redirect: "error",
    ...(body === undefined ? {} : { body }),
  });
  await ensureLetIn(response, `${method} ${path} to node ${peer}`);
  return { response, claim };
}
