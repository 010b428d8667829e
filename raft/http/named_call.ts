import type { Clock } from "../../base/mod.ts";
import type { NodeId } from "../core/mod.ts";
import { parseAddress } from "./address.ts";
import type { Authenticator, Claim } from "./auth.ts";
import { askNodeId, callPeer } from "./call.ts";
import {
  ANSWER_HEADERS,
  CALL_PATH,
  OpeningRefusedError,
  PROOF_HEADER,
  type Self,
} from "./claim.ts";
import type { PeerLine } from "./line.ts";
import type { PeerWire } from "./wire.ts";

/** Whom to call. */
export interface CalledPeer {
  /** Null where only the address is known. */
  readonly id: NodeId | null;
  /** `host:port` */
  readonly address: string;
}

/** How long a call may take. */
export interface CallPatience {
  /** How long all of it may take. */
  readonly timeoutMs: number;
  /**
   * Ends the call before.
   *
   * @default {never}
   */
  readonly signal?: AbortSignal;
}

/** Who calls. */
export interface Caller {
  readonly self: Self;
  readonly authenticator: Authenticator | null;
  readonly wire: PeerWire;
  readonly clock: Clock;
}

/**
 * Calls a peer by name and checks that the answer comes from it.
 *
 * @param caller Who calls.
 * @param peer Whom.
 * @param name What.
 * @param body What is handed over; under 1 KiB, or the platform's client stalls.
 * @param patience How long it may take.
 * @returns What the peer answered.
 * @throws {OpeningRefusedError} When the peer turned the call away, or did not prove itself.
 * @throws {TypeError} When the connection failed.
 */
export async function callByName(
  caller: Caller,
  peer: CalledPeer,
  name: string,
  body: Uint8Array<ArrayBuffer>,
  { timeoutMs, signal }: CallPatience,
): Promise<Uint8Array> {
  const { self, authenticator, wire, clock } = caller;
  const address = parseAddress(peer.address);
  const abort = new AbortController();
  const timer = clock.after(
    timeoutMs,
    () =>
      abort.abort(
        new Error(`${peer.address} did not answer in ${timeoutMs} ms`),
      ),
  );
  const end = (): void => abort.abort(signal?.reason);
  signal?.addEventListener("abort", end);
  if (signal?.aborted) end();
  let line: PeerLine | null = null;
  try {
    line = await wire.dial(address, "h2", abort.signal);
    const id = peer.id ?? await askNodeId(wire, address, line, abort.signal);
    const call = { self, peer: id, address, authenticator, wire };
    const request = {
      method: "POST",
      path: `${CALL_PATH}${name}`,
      body,
    } as const;
    const { response, claim } = await callPeer(
      call,
      request,
      line,
      abort.signal,
    );
    const content = await response.bytes();
    checkProof(caller, claim, response.headers, content);
    return content;
  } finally {
    timer.cancel();
    signal?.removeEventListener("abort", end);
    line?.close();
  }
}

/**
 * Checks that an answer comes from whom was asked.
 *
 * @param caller Who asked.
 * @param claim What was asked.
 * @param headers The answer's headers.
 * @param content What the answer says; null where the proof is of who answers only.
 * @throws {OpeningRefusedError} When it is not proved.
 */
export function checkProof(
  { authenticator }: Caller,
  claim: Claim,
  headers: Headers,
  content: Uint8Array | null,
): void {
  if (authenticator === null) return;
  const answerer = {
    nodeId: claim.to,
    incarnation: Number(headers.get(ANSWER_HEADERS.incarnation)),
    bootId: headers.get(ANSWER_HEADERS.bootId) ?? "",
    ...content === null ? {} : { content },
  };
  const proof = headers.get(PROOF_HEADER) ?? "";
  if (authenticator.checkAnswer(claim, answerer, proof)) return;
  throw new OpeningRefusedError(
    "unproven",
    `Node ${claim.to} did not prove that it knows the secret`,
  );
}
