import {
  type Clock,
  invariant,
  type Random,
  systemClock,
  systemRandom,
  type Timer,
} from "../../base/mod.ts";
import type { Incarnation, NodeId } from "../core/mod.ts";
import type { RaftTransport, TransportEvents } from "../ports.ts";
import { type HostAndPort, isLoopback, parseAddress } from "./address.ts";
import { createAuthenticator } from "./auth.ts";
import { isNodeId } from "./bytes.ts";
import { type OpeningRefusal, randomToken, type Self } from "./claim.ts";
import { createHandler } from "./handler.ts";
import { type HttpTransportLimits, limitsFrom } from "./limits.ts";
import { createPeer, type Peer, type PeerStats } from "./peer.ts";

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
}

/** A {@linkcode RaftTransport} over HTTP/2. */
export interface HttpTransport extends RaftTransport {
  /** Answers peers' requests, for a server that mounts it beside other things. */
  readonly handler: Deno.ServeHandler;
  /** Returns where it listens; null before the start, or without `listen`. */
  address(): HostAndPort | null;
  /** Returns what is known of the traffic with each peer. */
  stats(): ReadonlyMap<NodeId, PeerStats>;
}

interface Listener {
  readonly address: HostAndPort;
  close(): Promise<void>;
}

function listenAt(where: HostAndPort, handler: Deno.ServeHandler): Listener {
  const abort = new AbortController();
  const server = Deno.serve(
    { ...where, signal: abort.signal, onListen: () => {} },
    handler,
  );
  const { hostname, port } = server.addr;
  return {
    address: { hostname, port },
    close: async () => {
      // Not shutdown(): it waits for streams that never end.
      abort.abort();
      await server.finished;
    },
  };
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
 * Makes a transport over HTTP/2 that needs nothing but the platform's own server and client.
 *
 * Each node opens a stream to every peer and receives all of that peer's messages in the response,
 * because large request bodies stall in the platform's client. Pieces of snapshots come on a second
 * stream over a connection of its own, which the receiver opens when it is told that some wait.
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
  checkOptions(options);
  const clock = options.clock ?? systemClock();
  const random = options.random ?? systemRandom();
  const limits = limitsFrom(options.limits);
  const { secret } = options;
  const authenticator = secret === undefined
    ? null
    : createAuthenticator({ ...limits, secret, clock });
  const self: Self = {
    clusterId: options.clusterId,
    nodeId: options.nodeId,
    incarnation: options.incarnation,
    bootId: randomToken(),
  };
  const peers = new Map<NodeId, Peer>();
  let addresses: ReadonlyMap<NodeId, string> = new Map();
  let events: TransportEvents | null = null;
  let listener: Listener | null = null;
  let timer: Timer | null = null;
  let stopped = false;

  /** Nothing is delivered before the start and after the stop. */
  const guarded: TransportEvents = {
    message: (message) => deliverTo()?.message(message),
    gone: (peer) => deliverTo()?.gone(peer),
    present: (peer) => deliverTo()?.present(peer),
  };

  function deliverTo(): TransportEvents | null {
    return stopped ? null : events;
  }

  function peerOf(id: NodeId): Peer {
    const known = peers.get(id);
    if (known !== undefined) return known;
    const peer = createPeer({
      self,
      authenticator,
      limits,
      clock,
      random,
      events: guarded,
      onRefused: options.onRefused ?? (() => {}),
      onTrouble: options.onTrouble ?? (() => {}),
    }, id);
    peers.set(id, peer);
    return peer;
  }

  function hasRoomFor(id: NodeId): boolean {
    if (peers.has(id) || addresses.has(id)) return true;
    const strangers = [...peers.keys()].filter((known) =>
      !addresses.has(known)
    );
    return strangers.length < limits.maxStrangers;
  }

  function applyAddresses(): void {
    if (events === null || stopped) return;
    for (const [id, peer] of peers) if (!addresses.has(id)) peer.moveTo(null);
    for (const [id, address] of addresses) {
      if (id !== self.nodeId) peerOf(id).moveTo(parseAddress(address));
    }
  }

  function tick(): void {
    for (const [id, peer] of peers) {
      peer.tick();
      if (peer.isForgotten()) peers.delete(id);
    }
    timer = clock.after(limits.pingIntervalMs, tick);
  }

  const handler = createHandler({
    self,
    authenticator,
    limits,
    clock,
    isServing: () => events !== null && !stopped,
    openOutlet: (id, lane, hello) =>
      hasRoomFor(id) ? peerOf(id).accept(lane, hello) : null,
    onMessage: (message) => {
      if (hasRoomFor(message.from)) peerOf(message.from).receive(message);
    },
  });

  return {
    handler,
    address: () => listener?.address ?? null,
    stats: () => new Map([...peers].map(([id, peer]) => [id, peer.stats()])),
    start: (given) => {
      invariant(events === null && !stopped, "a transport starts once");
      events = given;
      if (options.listen !== undefined) {
        listener = listenAt(options.listen, handler);
      }
      tick();
      applyAddresses();
      return Promise.resolve();
    },
    send: (message) => {
      if (!stopped) peers.get(message.to)?.send(message);
    },
    setPeers: (next) => {
      for (const address of next.values()) parseAddress(address);
      addresses = new Map(next);
      applyAddresses();
    },
    probe: (id) => {
      invariant(events !== null, "a transport probes once it has started");
      const peer = peers.get(id);
      if (peer === undefined) guarded.present(id);
      else peer.probe();
    },
    stop: async () => {
      if (stopped) return;
      stopped = true;
      timer?.cancel();
      await Promise.all([...peers.values()].map((peer) => peer.stop()));
      await listener?.close();
      listener = null;
    },
  };
}
