import {
  type Clock,
  every,
  invariant,
  isLoopback,
  type Random,
  type RawHandler,
  systemClock,
  systemRandom,
  type Timer,
} from "../../base/mod.ts";
import type { Incarnation, NodeId } from "../core/mod.ts";
import type { RaftTransport, TransportEvents } from "../ports.ts";
import { type HostAndPort, parseAddress } from "./address.ts";
import { createAuthenticator } from "./auth.ts";
import { isNodeId } from "./bytes.ts";
import { type OpeningRefusal, randomToken } from "./claim.ts";
import type { PeerContext } from "./context.ts";
import type { PeerFault } from "./fault.ts";
import {
  type CallHandler,
  createHandler,
  type FeedHandler,
} from "./handler.ts";
import {
  callByName,
  type CalledPeer,
  type CallPatience,
} from "./named_call.ts";
import { type FeedPatience, openFeed } from "./feed.ts";
import { type HttpTransportLimits, limitsFrom } from "./limits.ts";
import type { Listener } from "./listener.ts";
import {
  acceptStream,
  noteToPeer,
  probePeer,
  sendToPeer,
  takeRequest,
} from "./peer.ts";
import { type PeerStats, statsOf } from "./peer_stats.ts";
import {
  admitPeer,
  createPeers,
  isCutApart,
  movePeers,
  type Peers,
  setFaultOf,
  stopPeers,
  tickPeers,
} from "./peers.ts";
import { createClearWire, type PeerWire } from "./wire.ts";

/** Options for {@linkcode createHttpTransport}. */
export interface HttpTransportOptions {
  /** This node's id. */
  readonly nodeId: NodeId;
  /** The identity of this node's data directory. */
  readonly incarnation: Incarnation;
  /** The cluster's id; nodes of another cluster are refused. */
  readonly clusterId: string;
  /** What all members know. Without it nobody proves anything, and only loopback is served. */
  readonly secret?: Uint8Array;
  /** Where to listen; port 0 picks a free one. Without it only `handler` serves. */
  readonly listen?: HostAndPort;
  /**
   * How nodes get through to each other, such as over TLS.
   *
   * @default {in clear}
   */
  readonly wire?: PeerWire;
  /** @default {systemClock()} */
  readonly clock?: Clock;
  /** @default {systemRandom()} */
  readonly random?: Random;
  /** Those bounds that differ from the defaults. */
  readonly limits?: Partial<HttpTransportLimits>;
  /** Told when a peer turns us away, or is not believed: once for each reason until a stream stands. */
  readonly onRefused?: (peer: NodeId, reason: OpeningRefusal) => void;
  /** Told what goes wrong with a peer, in words, for a log. */
  readonly onTrouble?: (peer: NodeId, what: string) => void;
  /** Takes what the layer above a peer tells: see {@linkcode HttpTransport.note}. */
  readonly onNote?: (peer: NodeId, data: Uint8Array) => void;
  /** Answers calls of nodes that have proved themselves. */
  readonly onCall?: CallHandler;
  /** Makes what nodes that have proved themselves ask to be sent. */
  readonly onFeed?: FeedHandler;
}

/** A {@linkcode RaftTransport} over HTTP. */
export interface HttpTransport extends RaftTransport {
  /** Answers peers' requests, for a server that mounts it beside other things. */
  readonly handler: RawHandler;
  /** Returns where it listens; null before the start, or without `listen`. */
  address(): HostAndPort | null;
  /**
   * Calls a node by name, a member or not, and returns its answer, which is proved where there is a
   * secret. For what nodes ask of each other beside messages.
   */
  call(
    peer: CalledPeer,
    name: string,
    body: Uint8Array<ArrayBuffer>,
    patience: CallPatience,
  ): Promise<Uint8Array>;
  /**
   * Has a node send something of any length by name: for what is too much for the answer to a call. Only
   * the sender is proved.
   */
  feed(
    peer: CalledPeer,
    name: string,
    patience: FeedPatience,
  ): AsyncGenerator<Uint8Array<ArrayBuffer>>;
  /**
   * Tells the layer above a peer something, in order with other notes, over the stream that the peer has
   * opened; dropped while there is none, or when too much waits.
   */
  note(peer: NodeId, data: Uint8Array): void;
  /** Returns what is known of the traffic with each peer. */
  stats(): ReadonlyMap<NodeId, PeerStats>;
  /**
   * Makes something go wrong with a peer on purpose, for tests of whole systems; null ends it. A cut
   * looks like a partition: what is sent vanishes, streams fall silent, and neither connections nor
   * probes are answered, so that nothing proves that the peer is gone.
   *
   * @throws {RangeError} When the fault is out of bounds.
   */
  setFault(peer: NodeId, fault: PeerFault | null): void;
}

function checkOptions(options: HttpTransportOptions): void {
  const { nodeId, secret, listen, clusterId } = options;
  if (!isNodeId(nodeId)) {
    throw new RangeError(`Node id ${nodeId} is not 1 to 1000`);
  }
  if (clusterId === "") throw new TypeError("Cluster id is empty");
  if (secret?.length === 0) throw new TypeError("Secret is empty");
  if (secret !== undefined || listen === undefined) return;
  if (isLoopback(listen.hostname)) return;
  throw new TypeError(
    `Cannot listen on ${listen.hostname} without a secret: name one, or listen on loopback`,
  );
}

/**
 * Makes a transport over HTTP that needs nothing but the platform's own server and client.
 *
 * Each node opens a stream to every peer and receives all of that peer's messages in the response,
 * because large request bodies stall in the platform's client. Pieces of snapshots come on a second
 * stream over a connection of its own, which the receiver opens when it is told that some wait. A stream
 * has a connection to itself and is read from there; a server that can let go of its connections, as
 * `RawInfo` says, has it written there too. Requests take HTTP/2.
 *
 * Requests and the hello of a stream are proved by HMAC over the secret. What follows the hello is not:
 * against somebody who can write into a connection, only TLS helps.
 *
 * @param options Who this node is, and where it listens.
 * @returns The transport.
 * @throws {TypeError} When it would listen beyond loopback without a secret.
 *
 * @example Usage
 * ```ts
 * import { createHttpTransport } from "./mod.ts";
 *
 * const transport = createHttpTransport({
 *   nodeId: 1,
 *   incarnation: 7,
 *   clusterId: "example",
 *   listen: { hostname: "127.0.0.1", port: 0 },
 * });
 * await transport.start({ message: () => {}, gone: () => {}, present: () => {} });
 * transport.setPeers(new Map([[2, "127.0.0.1:7402"]]));
 * await transport.stop();
 * ```
 */
export function createHttpTransport(
  options: HttpTransportOptions,
): HttpTransport {
  const node = createNode(options);
  const { peers } = node;
  return {
    handler: node.handler,
    address: () => node.listener?.address ?? null,
    stats: () =>
      new Map([...peers.byId].map(([id, peer]) => [id, statsOf(peer)])),
    start: (events) => startNode(node, events, options.listen),
    send: (message) => {
      const peer = peers.byId.get(message.to);
      if (peer !== undefined) sendToPeer(peer, message);
    },
    setPeers: (addresses) => setAddresses(node, addresses),
    probe: (id) => probe(node, id),
    call: (peer, name, body, patience) =>
      callByName(peers.context, peer, name, body, patience),
    feed: (peer, name, patience) =>
      openFeed(peers.context, peer, name, patience),
    note: (id, data) => {
      const peer = peers.byId.get(id);
      if (peer !== undefined) noteToPeer(peer, data);
    },
    setFault: (id, fault) => setFaultOf(peers, id, fault),
    stop: () => stopNode(node),
  };
}

/** A transport, from its making to its stop. */
interface Node {
  readonly peers: Peers;
  readonly handler: RawHandler;
  /** Where members are, as last told; peers learn it at the start. */
  addresses: ReadonlyMap<NodeId, string>;
  /** To whom is delivered; null before the start and after the stop. */
  events: TransportEvents | null;
  stopped: boolean;
  listener: Listener | null;
  timer: Timer | null;
}

function createNode(options: HttpTransportOptions): Node {
  checkOptions(options);
  const context = createContext(options, {
    message: (message) => node.events?.message(message),
    gone: (peer) => node.events?.gone(peer),
    present: (peer) => node.events?.present(peer),
  });
  const peers = createPeers(context);
  const handler = createHandler({
    ...context,
    isServing: () => node.events !== null,
    isCut: (id) => isCutApart(peers, id),
    onCall: options.onCall ?? null,
    onFeed: options.onFeed ?? null,
    openOutlet: (id, lane, hello) => {
      const peer = admitPeer(peers, id);
      return peer === null ? null : acceptStream(peer, lane, hello);
    },
    onMessage: (message) => {
      const peer = admitPeer(peers, message.from);
      if (peer !== null) takeRequest(peer, message);
    },
  });
  const node: Node = {
    peers,
    handler,
    addresses: new Map(),
    events: null,
    stopped: false,
    listener: null,
    timer: null,
  };
  return node;
}

function createContext(
  options: HttpTransportOptions,
  events: TransportEvents,
): PeerContext {
  const { clusterId, nodeId, incarnation, secret } = options;
  const clock = options.clock ?? systemClock();
  const limits = limitsFrom(options.limits);
  return {
    self: { clusterId, nodeId, incarnation, bootId: randomToken() },
    authenticator: secret === undefined
      ? null
      : createAuthenticator({ ...limits, secret, clock }),
    wire: options.wire ?? createClearWire(),
    limits,
    clock,
    random: options.random ?? systemRandom(),
    events,
    onNote: options.onNote ?? (() => {}),
    onRefused: options.onRefused ?? (() => {}),
    onTrouble: options.onTrouble ?? (() => {}),
  };
}

async function startNode(
  node: Node,
  events: TransportEvents,
  listen: HostAndPort | undefined,
): Promise<void> {
  const begun = node.events !== null || node.stopped;
  invariant(!begun, "a transport starts once");
  node.events = events;
  if (listen !== undefined) await startListening(node, listen);
  if (node.stopped) return;
  const { clock, limits } = node.peers.context;
  node.timer = every(clock, limits.pingIntervalMs, () => tickPeers(node.peers));
  movePeers(node.peers, node.addresses);
}

async function startListening(node: Node, listen: HostAndPort): Promise<void> {
  const { wire } = node.peers.context;
  node.listener = await wire.listen(listen, node.handler);
  // A stop that came meanwhile found nothing to close.
  if (node.stopped) await closeListener(node);
}

async function closeListener(node: Node): Promise<void> {
  const { listener } = node;
  node.listener = null;
  await listener?.close();
}

function setAddresses(
  node: Node,
  addresses: ReadonlyMap<NodeId, string>,
): void {
  for (const address of addresses.values()) parseAddress(address);
  node.addresses = new Map(addresses);
  if (node.events !== null) movePeers(node.peers, node.addresses);
}

function probe({ events, peers, stopped }: Node, id: NodeId): void {
  invariant(
    events !== null || stopped,
    "a transport probes once it has started",
  );
  const peer = peers.byId.get(id);
  if (peer !== undefined) probePeer(peer);
  else events?.present(id);
}

async function stopNode(node: Node): Promise<void> {
  if (node.stopped) return;
  node.stopped = true;
  node.events = null;
  node.timer?.cancel();
  await stopPeers(node.peers);
  await closeListener(node);
}
