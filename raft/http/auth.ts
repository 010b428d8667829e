import { Buffer } from "node:buffer";
import {
  createHash,
  createHmac,
  randomBytes,
  timingSafeEqual,
} from "node:crypto";
import type { Clock } from "../../base/mod.ts";
import type { Incarnation, NodeId } from "../core/mod.ts";

/** What a request says about itself, all of it under the proof. */
export interface Claim {
  readonly method: string;
  readonly path: string;
  readonly clusterId: string;
  readonly from: NodeId;
  readonly incarnation: Incarnation;
  readonly bootId: string;
  readonly to: NodeId;
  /** Drawn by the caller for this request; the answer's proof rests on it. */
  readonly nonce: string;
  /** Issued by the server for this request; empty without a secret. */
  readonly challenge: string;
  readonly body: Uint8Array;
}

/** Who answers a claim, and with what. */
export interface Answerer {
  readonly nodeId: NodeId;
  readonly incarnation: Incarnation;
  readonly bootId: string;
  /** What the answer says; nothing in the hello of a stream. */
  readonly content?: Uint8Array;
}

/** What a proof turned out to be. */
export type Verdict = "proven" | "wrong_secret" | "stale_challenge" | "busy";

/** Proves and checks who speaks. */
export interface Authenticator {
  /** Issues a challenge, to be answered once and soon. */
  challenge(): string;
  /** Proves a request. */
  prove(claim: Claim): string;
  /** Checks a request's proof and uses up its challenge. */
  check(claim: Claim, proof: string): Verdict;
  /** Proves the answer to a request. */
  proveAnswer(claim: Claim, answerer: Answerer): string;
  /** Checks the proof of an answer. */
  checkAnswer(claim: Claim, answerer: Answerer, proof: string): boolean;
}

/** Options for {@linkcode createAuthenticator}. */
export interface AuthenticatorOptions {
  /** What all members of the cluster know, and nobody else. */
  readonly secret: Uint8Array;
  readonly clock: Clock;
  readonly challengeMs: number;
  readonly maxUsedChallenges: number;
}

function equal(given: string, expected: string): boolean {
  const a = Buffer.from(given);
  const b = Buffer.from(expected);
  return a.length === b.length && timingSafeEqual(a, b);
}

function mac(key: Uint8Array, parts: readonly (string | number)[]): string {
  // JSON keeps the parts apart whatever they hold.
  return createHmac("sha256", key).update(JSON.stringify(parts)).digest("hex");
}

function partsOf(claim: Claim): (string | number)[] {
  return [
    claim.method,
    claim.path,
    claim.clusterId,
    claim.from,
    claim.incarnation,
    claim.bootId,
    claim.to,
    claim.nonce,
    claim.challenge,
    createHash("sha256").update(claim.body).digest("hex"),
  ];
}

/**
 * Makes what proves and checks requests by HMAC-SHA-256 over the cluster's secret.
 *
 * A request answers a challenge that the server issued, so neither end's date matters. A challenge
 * carries its own time and seal under a key of this process: issuing costs no memory, so nobody can
 * push out another's. Only used ones are remembered, until they have expired, and only somebody who
 * knows the secret can use one.
 *
 * @param options The secret and the bounds.
 * @returns The authenticator.
 */
export function createAuthenticator(
  options: AuthenticatorOptions,
): Authenticator {
  const { secret, clock, challengeMs, maxUsedChallenges } = options;
  const processKey = randomBytes(32);
  const expiryOfUsed = new Map<string, number>();

  function isFresh(challenge: string): boolean {
    const [nonce = "", issued = "", seal = ""] = challenge.split(".");
    if (!equal(seal, mac(processKey, [nonce, issued]))) return false;
    return clock.nowMs() - Number(issued) <= challengeMs;
  }

  function forgetExpired(): void {
    for (const [challenge, expiresAtMs] of expiryOfUsed) {
      if (expiresAtMs >= clock.nowMs()) return;
      expiryOfUsed.delete(challenge);
    }
  }

  function use(challenge: string): Verdict {
    if (!isFresh(challenge)) return "stale_challenge";
    forgetExpired();
    if (expiryOfUsed.has(challenge)) return "stale_challenge";
    if (expiryOfUsed.size >= maxUsedChallenges) return "busy";
    expiryOfUsed.set(challenge, clock.nowMs() + challengeMs);
    return "proven";
  }

  function answerMac(claim: Claim, answerer: Answerer): string {
    const { nodeId, incarnation, bootId, content } = answerer;
    const said = content ? createHash("sha256").update(content) : null;
    const parts = [nodeId, incarnation, bootId, ...partsOf(claim)];
    return mac(secret, ["pgraft answer", ...parts, said?.digest("hex") ?? ""]);
  }

  function requestMac(claim: Claim): string {
    return mac(secret, ["pgraft request", ...partsOf(claim)]);
  }

  return {
    challenge: () => {
      const nonce = randomBytes(16).toString("hex");
      const issued = String(Math.ceil(clock.nowMs()));
      return `${nonce}.${issued}.${mac(processKey, [nonce, issued])}`;
    },
    prove: requestMac,
    check: (claim, proof) =>
      equal(proof, requestMac(claim)) ? use(claim.challenge) : "wrong_secret",
    proveAnswer: answerMac,
    checkAnswer: (claim, answerer, proof) =>
      equal(proof, answerMac(claim, answerer)),
  };
}
