import {
  type Clock,
  isLoopback,
  messageOf,
  pause,
  type RawHandler,
  type RawInfo,
} from "../../base/mod.ts";
import type { Message, NodeId } from "../core/mod.ts";
import type { Authenticator, Claim } from "./auth.ts";
import {
  ANSWER_HEADERS,
  CALL_PATH,
  CHALLENGE_HEADER,
  CHALLENGE_PATH,
  claimOf,
  FEED_PATH,
  type LaneName,
  LANES,
  MESSAGE_PATH,
  NODE_HEADER,
  type OpeningRefusal,
  PROOF_HEADER,
  REFUSAL_HEADER,
  type Self,
  STREAM_PATH,
} from "./claim.ts";
import { decodeFrame } from "./decode.ts";
import type { HelloFrame } from "./frame.ts";
import type { HttpTransportLimits } from "./limits.ts";
import { beginOn, bodyOf, type Outlet } from "./outlet.ts";

/** Options for {@linkcode createHandler}. */
export interface HandlerOptions {
  readonly self: Self;
  readonly authenticator: Authenticator | null;
  readonly limits: HttpTransportLimits;
  readonly clock: Clock;
  /** Returns whether requests are taken now. */
  readonly isServing: () => boolean;
  /** Returns whether this node and a peer are cut apart on purpose. */
  readonly isCut: (peer: NodeId) => boolean;
  /** Makes the sending end of a stream; null when there is no room for a stranger. */
  readonly openOutlet: (
    peer: NodeId,
    lane: LaneName,
    hello: HelloFrame,
  ) => Outlet | null;
  /** Takes a message whose sender has proved itself. */
  readonly onMessage: (message: Message) => void;
  /** Answers a call of a peer that has proved itself; null where there are none. */
  readonly onCall: CallHandler | null;
  /** Makes what a peer that has proved itself asks to be sent; null where there is nothing of the kind. */
  readonly onFeed: FeedHandler | null;
}

/** Answers a call by name; what goes wrong belongs into the answer. */
export type CallHandler = (
  name: string,
  body: Uint8Array,
) => Promise<Uint8Array<ArrayBuffer>>;

/**
 * Makes a body of any length; null where there is none of that name, or no room for another. It is read no
 * faster than the peer takes it, and cancelled when the peer goes.
 */
export type FeedHandler = (
  name: string,
) => Promise<ReadableStream<Uint8Array<ArrayBuffer>> | null>;

/** How much longer a caller behind a cut is kept waiting than it waits by itself. */
const PATIENCE_RATIO = 2;

const STATUS: Readonly<Record<OpeningRefusal, number>> = {
  malformed: 400,
  wrong_secret: 401,
  stale_challenge: 401,
  unproven: 401,
  foreign_cluster: 403,
  wrong_node: 421,
  untrusted: 421,
  unavailable: 503,
};

function refuse(reason: OpeningRefusal, detail: string): Response {
  const body = { status: STATUS[reason], title: reason, detail };
  return Response.json(body, {
    status: STATUS[reason],
    headers: {
      "content-type": "application/problem+json",
      [REFUSAL_HEADER]: reason,
    },
  });
}

/** Reads a body; null when it is larger than allowed, late or torn. */
async function readBody(
  request: Request,
  { limits, clock }: HandlerOptions,
): Promise<Uint8Array<ArrayBuffer> | null> {
  const bytes = new Uint8Array(limits.maxRequestBytes);
  if (request.body === null) return bytes.subarray(0, 0);
  const reader = request.body.getReader();
  let filled = 0;
  let late = false;
  const timer = clock.after(limits.requestTimeoutMs, () => {
    late = true;
    reader.cancel().catch(() => {});
  });
  try {
    while (true) {
      const { value, done } = await reader.read();
      if (done) return late ? null : bytes.subarray(0, filled);
      if (filled + value.length > bytes.length) {
        await reader.cancel();
        return null;
      }
      bytes.set(value, filled);
      filled += value.length;
    }
  } catch {
    return null;
  } finally {
    timer.cancel();
  }
}

/** Returns why a claim does not hold, or null when it does. */
function examine(
  claim: Claim,
  proof: string,
  options: HandlerOptions,
): Response | null {
  const { self, authenticator } = options;
  if (claim.clusterId !== self.clusterId) {
    return refuse("foreign_cluster", "This node belongs to another cluster");
  }
  if (claim.to !== self.nodeId || claim.from === self.nodeId) {
    return refuse("wrong_node", `This is node ${self.nodeId}`);
  }
  switch (authenticator?.check(claim, proof)) {
    case undefined:
    case "proven":
      return null;
    case "wrong_secret":
      return refuse(
        "wrong_secret",
        "The request does not prove that it knows the cluster's secret",
      );
    case "stale_challenge":
      return refuse(
        "stale_challenge",
        "The challenge was used before or has expired; ask for another",
      );
    case "busy":
      return refuse(
        "unavailable",
        "Too many requests within a short time; try again",
      );
  }
}

function serveStream(
  claim: Claim,
  options: HandlerOptions,
  { answerRaw }: RawInfo,
): Response {
  const lane = LANES.find((name) => `${STREAM_PATH}${name}` === claim.path);
  if (claim.method !== "GET" || lane === undefined) {
    return refuse("malformed", `There is no ${claim.method} ${claim.path}`);
  }
  const { clusterId, ...answerer } = options.self;
  const hello: HelloFrame = {
    type: "hello",
    clusterId,
    ...answerer,
    proof: options.authenticator?.proveAnswer(claim, answerer) ?? "",
  };
  const outlet = options.openOutlet(claim.from, lane, hello);
  if (outlet === null) {
    return refuse(
      "unavailable",
      "Too many nodes that are no members have a stream; try again",
    );
  }
  const headers = {
    "content-type": "application/octet-stream",
    "cache-control": "no-store",
  };
  if (answerRaw === undefined) {
    return new Response(bodyOf(outlet), { headers });
  }
  answerRaw((line) => beginOn(outlet, line));
  return new Response(null, { headers });
}

function serveMessage(
  claim: Claim,
  body: Uint8Array<ArrayBuffer>,
  options: HandlerOptions,
): Response {
  try {
    const frame = decodeFrame(body);
    const fits = frame.type === "message" &&
      frame.message.from === claim.from &&
      frame.message.to === claim.to;
    if (!fits) {
      return refuse(
        "malformed",
        "The body is no message from the caller to this node",
      );
    }
    options.onMessage(frame.message);
    return new Response(null, { status: 204 });
  } catch (error) {
    return refuse("malformed", messageOf(error));
  }
}

/** Answers when the caller has hung up, or must have lost its patience: to it, no answer came. */
async function keepSilent(
  request: Request,
  { clock, limits }: HandlerOptions,
): Promise<Response> {
  const patienceMs = PATIENCE_RATIO * limits.openTimeoutMs;
  await pause(clock, patienceMs, request.signal);
  return refuse("unavailable", "The caller is cut off from this node");
}

async function serve(
  request: Request,
  options: HandlerOptions,
  info: RawInfo,
): Promise<Response> {
  const body = await readBody(request, options);
  if (body === null) {
    return refuse(
      "malformed",
      `The body is late, torn or over ${options.limits.maxRequestBytes} bytes`,
    );
  }
  const claim = claimOf(request, body);
  if (claim === null) {
    return refuse("malformed", "The request does not say who asks");
  }
  const refusal = examine(
    claim,
    request.headers.get(PROOF_HEADER) ?? "",
    options,
  );
  if (refusal !== null) return refusal;
  if (!options.isServing()) {
    return refuse("unavailable", "The node is stopping");
  }
  if (options.isCut(claim.from)) return await keepSilent(request, options);
  if (claim.method !== "POST") return serveStream(claim, options, info);
  if (claim.path === MESSAGE_PATH) return serveMessage(claim, body, options);
  if (claim.path.startsWith(FEED_PATH)) return await serveFeed(claim, options);
  return await serveCall(claim, body, options);
}

/** Answers a call by name; the answer is proved like the hello of a stream. */
async function serveCall(
  claim: Claim,
  body: Uint8Array<ArrayBuffer>,
  { onCall, self, authenticator }: HandlerOptions,
): Promise<Response> {
  if (onCall === null || !claim.path.startsWith(CALL_PATH)) {
    return refuse("malformed", `There is no ${claim.method} ${claim.path}`);
  }
  const content = await onCall(claim.path.slice(CALL_PATH.length), body);
  const { nodeId, incarnation, bootId } = self;
  const answerer = { nodeId, incarnation, bootId, content };
  return new Response(content, {
    headers: {
      "content-type": "application/json",
      [ANSWER_HEADERS.incarnation]: String(incarnation),
      [ANSWER_HEADERS.bootId]: bootId,
      [PROOF_HEADER]: authenticator?.proveAnswer(claim, answerer) ?? "",
    },
  });
}

/** As with a stream, the proof is of who answers, not of what follows. */
async function serveFeed(
  claim: Claim,
  { onFeed, self, authenticator }: HandlerOptions,
): Promise<Response> {
  const body = await onFeed?.(claim.path.slice(FEED_PATH.length)) ?? null;
  if (body === null) {
    return refuse(
      "unavailable",
      `There is no ${claim.method} ${claim.path}, or no room for another`,
    );
  }
  const { nodeId, incarnation, bootId } = self;
  const answerer = { nodeId, incarnation, bootId };
  return new Response(body, {
    headers: {
      "content-type": "application/octet-stream",
      "cache-control": "no-store",
      [ANSWER_HEADERS.incarnation]: String(incarnation),
      [ANSWER_HEADERS.bootId]: bootId,
      [PROOF_HEADER]: authenticator?.proveAnswer(claim, answerer) ?? "",
    },
  });
}

function isLocal(info: Deno.ServeHandlerInfo): boolean {
  const { remoteAddr } = info;
  return remoteAddr.transport !== "tcp" || isLoopback(remoteAddr.hostname);
}

/**
 * Makes what answers peers' requests, to be mounted in a server.
 *
 * @param options Who answers, and what to do with what comes.
 * @returns The handler.
 */
export function createHandler(options: HandlerOptions): RawHandler {
  const { authenticator, limits } = options;
  let served = 0;
  return async (request, info) => {
    if (!options.isServing()) {
      return refuse("unavailable", "The node does not serve now");
    }
    if (authenticator === null && !isLocal(info)) {
      return refuse(
        "wrong_secret",
        "Without a secret only this machine is served",
      );
    }
    if (served >= limits.maxServedRequests) {
      return refuse("unavailable", "Too many requests at once; try again");
    }
    if (
      request.method === "GET" &&
      new URL(request.url).pathname === CHALLENGE_PATH
    ) {
      const challenge = authenticator?.challenge() ?? "";
      return new Response(null, {
        status: 204,
        headers: {
          [CHALLENGE_HEADER]: challenge,
          [NODE_HEADER]: String(options.self.nodeId),
        },
      });
    }
    served += 1;
    try {
      return await serve(request, options, info);
    } finally {
      served -= 1;
    }
  };
}
