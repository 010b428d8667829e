import { assert, assertEquals } from "@std/assert";
import { seededRandom, systemClock } from "../../base/mod.ts";
import type { Message } from "../core/mod.ts";
import { type Authenticator, type Claim, createAuthenticator } from "./auth.ts";
import {
  CHALLENGE_HEADER,
  CHALLENGE_PATH,
  claimHeaders,
  FEED_PATH,
  MESSAGE_PATH,
  PROOF_HEADER,
  randomToken,
  REFUSAL_HEADER,
  STREAM_PATH,
} from "./claim.ts";
import { encodeFrames } from "./encode.ts";
import { FRAME_HEADER_BYTES, type HelloFrame } from "./frame.ts";
import { createHandler } from "./handler.ts";
import { limitsFrom } from "./limits.ts";
import { createOutlet, type Outlet } from "./outlet.ts";
import { createSendQueue } from "./queue.ts";
import { sampleMessage } from "./sample_messages_test_kit.ts";

const LIMITS = limitsFrom({ requestTimeoutMs: 50, maxServedRequests: 2 });
const HERE = infoFrom("127.0.0.1");

interface Fixture {
  readonly handler: Deno.ServeHandler;
  readonly authenticator: Authenticator | null;
  readonly messages: Message[];
  readonly opened: string[];
}

function infoFrom(hostname: string): Deno.ServeHandlerInfo {
  const remoteAddr = { transport: "tcp", hostname, port: 40_000 } as const;
  return { remoteAddr, completed: Promise.resolve() };
}

function feedOf(pieces: string[]): ReadableStream<Uint8Array<ArrayBuffer>> {
  return ReadableStream.from(
    pieces.map((text) => new TextEncoder().encode(text)),
  );
}

function authenticatorOf(secret: string): Authenticator {
  return createAuthenticator({
    ...LIMITS,
    secret: new TextEncoder().encode(secret),
    clock: systemClock(),
  });
}

function outletOf(hello: HelloFrame): Outlet {
  const { maxBulkQueueBytes: maxBytes, maxQueueMessages: maxMessages } = LIMITS;
  return createOutlet({
    hello,
    queue: createSendQueue({ maxBytes, maxMessages, maxUrgentMessages: 1 }),
    maxChunkBytes: LIMITS.maxChunkBytes,
    onClosed: () => {},
  });
}

function fixture(secret: string | null = "s"): Fixture {
  const messages: Message[] = [];
  const opened: string[] = [];
  const authenticator = secret === null ? null : authenticatorOf(secret);
  const handler = createHandler({
    self: { clusterId: "c", nodeId: 2, incarnation: 9, bootId: "b" },
    authenticator,
    limits: LIMITS,
    clock: systemClock(),
    isServing: () => true,
    isCut: () => false,
    openOutlet: (peer, lane, hello) => {
      opened.push(`${peer} ${lane}`);
      return peer === 999 ? null : outletOf(hello);
    },
    onCall: (name, body) =>
      Promise.resolve(new TextEncoder().encode(`${name} ${body.length}`)),
    onFeed: (name) =>
      Promise.resolve(name === "much" ? feedOf(["a", "bc"]) : null),
    onMessage: (message) => messages.push(message),
  });
  return { handler, authenticator, messages, opened };
}

async function claimBy(
  { handler }: Fixture,
  changes: Partial<Claim> = {},
): Promise<Claim> {
  const url = `http://node2${CHALLENGE_PATH}`;
  const response = await handler(new Request(url), HERE);
  return {
    method: "GET",
    path: `${STREAM_PATH}main`,
    clusterId: "c",
    from: 1,
    incarnation: 5,
    bootId: randomToken(),
    to: 2,
    nonce: randomToken(),
    challenge: response.headers.get(CHALLENGE_HEADER) ?? "",
    body: new Uint8Array(0),
    ...changes,
  };
}

async function ask(
  { handler }: Fixture,
  claim: Claim,
  proof: string,
  info = HERE,
): Promise<[number, string | null]> {
  const request = new Request(`http://node2${claim.path}`, {
    method: claim.method,
    headers: claimHeaders(claim, proof),
    ...(claim.method === "GET" ? {} : { body: claim.body.slice() }),
  });
  const response = await handler(request, info);
  const answer = response.headers.get(REFUSAL_HEADER);
  await response.body?.cancel();
  return [response.status, answer];
}

function vote(from: number, to: number): Uint8Array {
  const options = { from, to, maxDataBytes: 0 };
  const message = sampleMessage(seededRandom(1), "vote", options);
  return encodeFrames([{ type: "message", message }]).slice(FRAME_HEADER_BYTES);
}

Deno.test("createHandler() opens a stream for a peer that proves itself, once for each proof", async () => {
  const node = fixture();
  const claim = await claimBy(node);
  const proof = node.authenticator?.prove(claim) ?? "";
  assertEquals(await ask(node, claim, proof), [200, null]);
  assertEquals(await ask(node, claim, proof), [401, "stale_challenge"]);
  assertEquals(node.opened, ["1 main"]);
});

Deno.test("createHandler() refuses openings, and says why", async (t) => {
  const cases: [string, Partial<Claim>, number, string][] = [
    ["another cluster", { clusterId: "d" }, 403, "foreign_cluster"],
    ["another node", { to: 3 }, 421, "wrong_node"],
    ["its own id", { from: 2 }, 421, "wrong_node"],
    ["no challenge", { challenge: "" }, 401, "stale_challenge"],
    ["an unknown lane", { path: `${STREAM_PATH}side` }, 400, "malformed"],
    ["an unknown path", { path: "/raft/v1/" }, 400, "malformed"],
    ["another method", { method: "PUT" }, 400, "malformed"],
    ["a node id beyond 1000", { from: 1001 }, 400, "malformed"],
    ["no cluster", { clusterId: "" }, 400, "malformed"],
    ["no nonce", { nonce: "x" }, 400, "malformed"],
    [
      "an incarnation that is no number",
      {
        incarnation: -1,
      },
      400,
      "malformed",
    ],
    ["a stranger too many", { from: 999 }, 503, "unavailable"],
  ];
  for (const [what, changes, status, reason] of cases) {
    await t.step(what, async () => {
      const node = fixture();
      const claim = await claimBy(node, changes);
      const proof = node.authenticator?.prove(claim) ?? "";
      assertEquals(await ask(node, claim, proof), [status, reason]);
      assertEquals(node.messages, []);
    });
  }
});

Deno.test("createHandler() refuses who does not know the secret", async () => {
  const node = fixture();
  const claim = await claimBy(node);
  const forged = authenticatorOf("other").prove(claim);
  for (const proof of [forged, "", "é".repeat(32)].slice(0, 2)) {
    assertEquals(await ask(node, claim, proof), [401, "wrong_secret"]);
  }
  assertEquals(node.opened, []);
});

Deno.test("createHandler() serves only this machine without a secret", async () => {
  const node = fixture(null);
  const claim = await claimBy(node);
  const away = await ask(node, claim, "", infoFrom("10.1.2.3"));
  assertEquals(away, [401, "wrong_secret"]);
  assertEquals(await ask(node, claim, ""), [200, null]);
});

Deno.test("createHandler() takes a message from whom it names, and no other body", async (t) => {
  const cases: [string, Uint8Array, number][] = [
    ["a message of the caller", vote(1, 2), 204],
    ["a message of another node", vote(3, 2), 400],
    ["a message to another node", vote(1, 3), 400],
    ["noise", Uint8Array.of(99, 1, 2), 400],
    ["nothing", new Uint8Array(0), 400],
    ["too much", new Uint8Array(1001), 400],
  ];
  for (const [what, body, status] of cases) {
    await t.step(what, async () => {
      const node = fixture();
      const asked = { method: "POST", path: MESSAGE_PATH, body };
      const claim = await claimBy(node, asked);
      const proof = node.authenticator?.prove(claim) ?? "";
      const [answered] = await ask(node, claim, proof);
      assertEquals(answered, status);
      assertEquals(node.messages.length, status === 204 ? 1 : 0);
    });
  }
});

Deno.test("createHandler() does not wait for a body for ever, and serves no more than its bound at once", async () => {
  const node = fixture();
  const claim = await claimBy(node, { method: "POST", path: MESSAGE_PATH });
  const hanging = (): Promise<Response> => {
    const request = new Request(`http://node2${MESSAGE_PATH}`, {
      method: "POST",
      headers: claimHeaders(claim, ""),
      body: new ReadableStream(),
    });
    return Promise.resolve(node.handler(request, HERE));
  };
  const answers = await Promise.all([hanging(), hanging(), hanging()]);
  const statuses = answers.map((answer) => answer.status);
  assertEquals(statuses, [400, 400, 503]);
  for (const answer of answers) await answer.body?.cancel();
  assert((await hanging().then((answer) => answer.status)) === 400);
});

Deno.test("createHandler() feeds a peer that proves itself, and says who feeds it", async () => {
  const node = fixture();
  const ask = async (path: string, proof?: string): Promise<Response> => {
    const claim = await claimBy(node, { method: "POST", path });
    const headers = claimHeaders(
      claim,
      proof ?? node.authenticator?.prove(claim) ?? "",
    );
    const request = new Request(`http://node2${path}`, {
      method: "POST",
      headers,
    });
    const response = await node.handler(request, HERE);
    const answerer = { nodeId: 2, incarnation: 9, bootId: "b" };
    const answer = response.headers.get(PROOF_HEADER) ?? "";
    if (response.ok) {
      assert(node.authenticator?.checkAnswer(claim, answerer, answer));
    }
    return response;
  };
  assertEquals(await (await ask(`${FEED_PATH}much`)).text(), "abc");
  for (
    const [path, proof, status] of [
      [`${FEED_PATH}other`, undefined, 503],
      [`${FEED_PATH}much`, "0", 401],
    ] as const
  ) {
    const response = await ask(path, proof);
    await response.body?.cancel();
    assertEquals(response.status, status);
  }
});
