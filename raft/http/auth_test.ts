import { assert, assertEquals } from "@std/assert";
import type { Clock } from "../../base/mod.ts";
import { type Authenticator, type Claim, createAuthenticator } from "./auth.ts";

const MAX_USED = 3;

function fixture(secret = "the secret"): {
  auth: Authenticator;
  advance: (ms: number) => void;
} {
  let nowMs = 0;
  const clock: Clock = {
    nowMs: () => nowMs,
    after: () => ({ cancel: () => {} }),
  };
  const auth = createAuthenticator({
    secret: new TextEncoder().encode(secret),
    clock,
    challengeMs: 5000,
    maxUsedChallenges: MAX_USED,
  });
  return { auth, advance: (ms) => nowMs += ms };
}

function claimFor(auth: Authenticator): Claim {
  return {
    method: "GET",
    path: "/raft/v1/stream/main",
    clusterId: "c",
    from: 1,
    incarnation: 5,
    bootId: "b1",
    to: 2,
    nonce: "n1",
    challenge: auth.challenge(),
    body: new Uint8Array([1, 2, 3]),
  };
}

Deno.test("check() accepts a proof once", () => {
  const { auth } = fixture();
  const claim = claimFor(auth);
  const proof = auth.prove(claim);
  assertEquals(auth.check(claim, proof), "proven");
  assertEquals(auth.check(claim, proof), "stale_challenge");
});

Deno.test("check() refuses a proof whose time is over", () => {
  const { auth, advance } = fixture();
  const claim = claimFor(auth);
  advance(5001);
  assertEquals(auth.check(claim, auth.prove(claim)), "stale_challenge");
});

Deno.test("check() refuses a used challenge for as long as it would be fresh", () => {
  const { auth, advance } = fixture();
  const claim = claimFor(auth);
  assertEquals(auth.check(claim, auth.prove(claim)), "proven");
  advance(4999);
  assertEquals(auth.check(claim, auth.prove(claim)), "stale_challenge");
});

Deno.test("check() refuses another secret", () => {
  const { auth } = fixture();
  const claim = claimFor(auth);
  const proof = fixture("another").auth.prove(claim);
  assertEquals(auth.check(claim, proof), "wrong_secret");
  assertEquals(auth.check(claim, ""), "wrong_secret");
});

Deno.test("check() refuses a challenge of another process", () => {
  const { auth } = fixture();
  const claim = claimFor(fixture().auth);
  assertEquals(auth.check(claim, auth.prove(claim)), "stale_challenge");
  const none = { ...claim, challenge: "" };
  assertEquals(auth.check(none, auth.prove(none)), "stale_challenge");
});

Deno.test("check() refuses a claim of which anything has changed", async (t) => {
  const changes: Partial<Claim>[] = [
    { method: "POST" },
    { path: "/raft/v1/stream/bulk" },
    { clusterId: "d" },
    { from: 3 },
    { incarnation: 6 },
    { bootId: "b2" },
    { to: 4 },
    { nonce: "n2" },
    { body: new Uint8Array([1, 2, 4]) },
  ];
  for (const change of changes) {
    await t.step(Object.keys(change).join(), () => {
      const { auth } = fixture();
      const claim = claimFor(auth);
      const proof = auth.prove(claim);
      const changed = { ...claim, ...change };
      assertEquals(auth.check(changed, proof), "wrong_secret");
      assertEquals(auth.check(claim, proof), "proven");
    });
  }
});

Deno.test("check() remembers a bounded number of used challenges, each until it has expired", () => {
  const { auth, advance } = fixture();
  const claims = Array.from({ length: MAX_USED + 1 }, () => claimFor(auth));
  const verdicts = claims.map((claim) => auth.check(claim, auth.prove(claim)));
  assertEquals(verdicts, ["proven", "proven", "proven", "busy"]);
  advance(5001);
  const fresh = claimFor(auth);
  assertEquals(auth.check(fresh, auth.prove(fresh)), "proven");
});

Deno.test("checkAnswer() believes only who knows the secret, about this request alone", () => {
  const { auth } = fixture();
  const claim = claimFor(auth);
  const server = { nodeId: 2, incarnation: 9, bootId: "s" };
  const proof = auth.proveAnswer(claim, server);
  assert(auth.checkAnswer(claim, server, proof));
  assert(!auth.checkAnswer({ ...claim, nonce: "n2" }, server, proof));
  assert(!auth.checkAnswer(claim, { ...server, bootId: "t" }, proof));
  assert(!auth.checkAnswer(claim, server, ""));
  assert(!auth.checkAnswer(claim, server, auth.prove(claim)));
  assert(!fixture("another").auth.checkAnswer(claim, server, proof));
});
