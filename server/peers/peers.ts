import { messageOf } from "../../base/mod.ts";
import type { CallHandler, HttpTransport } from "../../raft/http/mod.ts";
import type {
  Message,
  NodeId,
  RaftServer,
  RaftTransport,
  TransportEvents,
} from "../../raft/mod.ts";
import { RaftError } from "../../raft/mod.ts";
import { Problem } from "../http/mod.ts";
import type { FoundingAnswer, FoundingMember } from "./decision.ts";
import { executeOrder, type Order } from "./orders.ts";
import {
  answerRpc,
  decodeJson,
  encodeJson,
  type RpcAnswer,
  valueOf,
} from "./rpc.ts";

/** How long one call to a peer may take. */
const CALL_TIMEOUT_MS = 12_000;
/** How long a question about the founding may take. */
const QUESTION_TIMEOUT_MS = 1000;
/** How long a leader is waited for before an order fails. */
const LEADER_WAIT_MS = 5000;

/** Counts of Raft's messages, which only grow. */
export interface Traffic {
  messagesReceived: number;
  heartbeatsSent: number;
  /** Terms in which this node has asked for votes, or asked whether it would get them. */
  electionsStarted: number;
  /** The last of these terms. */
  electionTerm: number;
}

function countSent(traffic: Traffic, { kind, term }: Message): void {
  if (kind === "heartbeat") traffic.heartbeatsSent += 1;
  const asks = kind === "pre_vote" || kind === "vote";
  if (!asks || traffic.electionTerm === term) return;
  traffic.electionTerm = term;
  traffic.electionsStarted += 1;
}

/** A transport that exists before the Raft node that uses it, and answers calls meanwhile. */
export interface PeerRelay {
  readonly transport: RaftTransport;
  /** Calls `listener` when a peer's process is found gone, or there. */
  onPresence(listener: (peer: NodeId, present: boolean) => void): void;
  /** Takes the real one, once the identity of the data directory is known. */
  attach(http: HttpTransport): Promise<void>;
  /** The real one. */
  http(): HttpTransport;
  /** What Raft's messages through here came to, since the start. */
  readonly traffic: Traffic;
  /**
   * Says where members are while the replicated configuration knows nobody: a node receives only what
   * it opens streams for, so one that was let in must know the leader before it can hear of it.
   */
  seed(peers: ReadonlyMap<NodeId, string>): void;
}

/** Makes a relay without a transport. */
export function createPeerRelay(): PeerRelay {
  const state: {
    http: HttpTransport | null;
    events: TransportEvents | null;
    knowsPeers: boolean;
    listener: (peer: NodeId, present: boolean) => void;
  } = { http: null, events: null, knowsPeers: false, listener: () => {} };
  const traffic: Traffic = {
    messagesReceived: 0,
    heartbeatsSent: 0,
    electionsStarted: 0,
    electionTerm: 0,
  };
  const http = (): HttpTransport => {
    if (state.http) return state.http;
    throw new RaftError("bad_call", "The transport is not attached yet");
  };
  return {
    http,
    traffic,
    onPresence(listener): void {
      state.listener = listener;
    },
    seed(peers): void {
      if (!state.knowsPeers) http().setPeers(peers);
    },
    async attach(real): Promise<void> {
      state.http = real;
      await real.start({
        message: (message) => {
          traffic.messagesReceived += 1;
          state.events?.message(message);
        },
        gone: (peer) => {
          state.events?.gone(peer);
          state.listener(peer, false);
        },
        present: (peer) => {
          state.events?.present(peer);
          state.listener(peer, true);
        },
      });
    },
    transport: {
      start(events): Promise<void> {
        state.events = events;
        return Promise.resolve();
      },
      send: (message) => {
        countSent(traffic, message);
        return http().send(message);
      },
      setPeers(peers): void {
        state.knowsPeers ||= peers.size > 0;
        if (state.knowsPeers) http().setPeers(peers);
      },
      probe: (peer) => http().probe(peer),
      async stop(): Promise<void> {
        state.events = null;
        await http().stop();
      },
    },
  };
}

/** The call that asks whether a session waits for standbys. */
const SYNC_WAIT = "sync_wait";
const SYNC_WAIT_TIMEOUT_MS = 1000;

/** What a node answers its peers beside messages. */
export interface PeerService {
  readonly id: NodeId;
  http(): HttpTransport;
  founding(): FoundingAnswer;
  /** Null before the node takes part. */
  raft(): RaftServer | null;
  /** Whether a session of this node's PostgreSQL waits for standbys to hold its commit. */
  isAwaitingSync(pid: number): Promise<boolean>;
}

/** An order on its way; it is handed on once at most. */
interface OrderCall {
  readonly order: Order;
  readonly mayForward: boolean;
}

/**
 * Makes what answers peers' calls.
 *
 * @param service The node.
 */
export function createCallHandler(
  service: PeerService,
): CallHandler {
  return async (name, body) =>
    encodeJson(await answerRpc(() => serve(service, name, body)));
}

async function serve(
  service: PeerService,
  name: string,
  body: Uint8Array,
): Promise<unknown> {
  if (name === "founding") return service.founding();
  if (name === SYNC_WAIT) {
    return await service.isAwaitingSync(Number(decodeJson(body)));
  }
  if (name !== "order") {
    const detail = `There is no call "${name}"; run one version on all nodes`;
    throw new Problem("not_found", detail);
  }
  const raft = service.raft();
  if (!raft) throw new Problem("no_quorum", "The node takes no part yet");
  // Peers share a secret and a version: what they send is an order.
  const { order, mayForward } = decodeJson(body) as OrderCall;
  const leads = raft.status().leaderId === service.id;
  if (leads || !mayForward) await executeOrder(raft, order);
  else await giveOrder(service.http(), raft, service.id, order);
  return raft.status().members.map(({ id, address }) => [id, address]);
}

/**
 * Asks a member about the founding.
 *
 * @param http How peers are called.
 * @param peer Whom.
 * @param signal Ends the question.
 * @throws {OpeningRefusedError} When it would not talk to this node.
 * @throws {Error} When nothing comes.
 */
export async function askFounding(
  http: HttpTransport,
  peer: FoundingMember,
  signal: AbortSignal,
): Promise<FoundingAnswer> {
  const patience = { timeoutMs: QUESTION_TIMEOUT_MS, signal };
  const bytes = await http.call(peer, "founding", encodeJson({}), patience);
  return valueOf(decodeJson(bytes) as RpcAnswer) as FoundingAnswer;
}

/**
 * Has the leader carry out an order: here, or by a call to it.
 *
 * @param http How peers are called.
 * @param raft This node.
 * @param ownId Its id.
 * @param order What to do.
 * @throws {Problem} When no leader does it in time, or it is refused.
 */
export async function giveOrder(
  http: HttpTransport,
  raft: RaftServer,
  ownId: NodeId,
  order: Order,
): Promise<void> {
  const leaderId = await awaitLeader(raft);
  if (leaderId === ownId) return await executeOrder(raft, order);
  const member = raft.status().members.find(({ id }) => id === leaderId);
  if (!member) throw new Problem("no_quorum", "The leader is no member yet");
  const peer = { id: leaderId, address: member.address };
  await orderLeader(http, peer, order);
}

/** The leader may be gone; whether it has carried the order out before, nobody knows. */
async function orderLeader(
  http: HttpTransport,
  peer: { readonly id: NodeId; readonly address: string },
  order: Order,
): Promise<void> {
  try {
    await orderAt(http, peer, { order, mayForward: false });
  } catch (error) {
    if (error instanceof Problem) throw error;
    throw new Problem(
      "outcome_unknown",
      `Node ${peer.id}, the leader, did not answer: ${messageOf(error)}; ` +
        "look at /v1/nodes whether it happened",
      { cause: error },
    );
  }
}

/** Has any member see to an order; it hands it on to the leader. Returns where members are. */
export async function orderAnywhere(
  http: HttpTransport,
  address: string,
  order: Order,
  signal: AbortSignal,
): Promise<ReadonlyMap<NodeId, string>> {
  const call = { order, mayForward: true };
  return await orderAt(http, { id: null, address }, call, signal);
}

/** Asks a member whether a session of its PostgreSQL waits for standbys to hold its commit. */
export async function askAwaitingSync(
  http: HttpTransport,
  { id, address }: { readonly id: NodeId; readonly address: string },
  pid: number,
): Promise<boolean> {
  const bytes = await http.call({ id, address }, SYNC_WAIT, encodeJson(pid), {
    timeoutMs: SYNC_WAIT_TIMEOUT_MS,
  });
  return valueOf(decodeJson(bytes) as RpcAnswer) === true;
}

async function orderAt(
  http: HttpTransport,
  peer: { readonly id: NodeId | null; readonly address: string },
  call: OrderCall,
  signal?: AbortSignal,
): Promise<ReadonlyMap<NodeId, string>> {
  const body = encodeJson(call);
  const bytes = await http.call(peer, "order", body, {
    timeoutMs: CALL_TIMEOUT_MS,
    ...(signal ? { signal } : {}),
  });
  return new Map(valueOf(decodeJson(bytes) as RpcAnswer) as [NodeId, string][]);
}

async function awaitLeader(raft: RaftServer): Promise<NodeId> {
  const now = raft.status().leaderId;
  if (now !== 0) return now;
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, LEADER_WAIT_MS);
  const forget = raft.onChange(() => {
    if (raft.status().leaderId !== 0) resolve();
  });
  await promise;
  clearTimeout(timer);
  forget();
  const { leaderId } = raft.status();
  if (leaderId !== 0) return leaderId;
  throw new Problem("no_quorum", "No leader is known; try again when there is");
}
