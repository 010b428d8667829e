import { assert, assertEquals, assertRejects } from "@std/assert";
import { systemClock } from "../base/mod.ts";
import {
  createHttpTransport,
  formatAddress,
  type HttpTransport,
  OpeningRefusedError,
} from "../raft/http/mod.ts";
import { createPeerWire } from "../server/peers/mod.ts";
import { openTlsStore, type TlsStore } from "../server/tls/mod.ts";
import {
  type Authority,
  makeAuthority,
  withCertificates,
} from "./certificates/mod.ts";
import { freePorts, until } from "./nodes/mod.ts";

const HOST = "127.0.0.1";
const FEED_BYTES = 8 << 20;
const CALL_TIMEOUT_MS = 5000;

/** A transport with what it was told. */
interface Peer {
  readonly id: number;
  readonly transport: HttpTransport;
  readonly refusals: string[];
}

/** How a peer takes part. */
interface PeerOptions {
  /** Null for one in clear. */
  readonly authority: Authority | null;
  readonly isOptional?: boolean;
}

function feedOf(name: string): ReadableStream<Uint8Array<ArrayBuffer>> | null {
  if (name !== "large") return null;
  let sentBytes = 0;
  return new ReadableStream({
    pull(controller): void {
      if (sentBytes >= FEED_BYTES) return controller.close();
      controller.enqueue(new Uint8Array(65_536).fill(sentBytes >> 16));
      sentBytes += 65_536;
    },
  });
}

async function openStore(
  authority: Authority,
  id: number,
): Promise<TlsStore> {
  const files = await authority.issue(`node${id}`);
  return await openTlsStore({
    files: { section: "raft", ...files, ca: authority.ca },
    use: { name: { host: HOST, setting: "raft.advertise" }, isCaller: true },
    asksCallers: true,
    clock: systemClock(),
    events: { renewed: () => {}, failed: () => {}, ending: () => {} },
  });
}

/** Runs something with two peers that know each other. */
async function withPeers(
  options: readonly [PeerOptions, PeerOptions],
  run: (one: Peer, two: Peer) => Promise<void>,
): Promise<void> {
  const peers: Peer[] = [];
  const stores: TlsStore[] = [];
  const ports = freePorts(2);
  try {
    for (const [at, { authority, isOptional = false }] of options.entries()) {
      const id = at + 1;
      const tls = authority === null ? null : await openStore(authority, id);
      if (tls) stores.push(tls);
      const refusals: string[] = [];
      const transport = createHttpTransport({
        nodeId: id,
        incarnation: id,
        clusterId: "cluster",
        secret: new TextEncoder().encode("a secret of some length"),
        listen: { hostname: HOST, port: ports[at] ?? 0 },
        wire: createPeerWire({
          clock: systemClock(),
          tls,
          isOptional,
          onTlsFailure: () => {},
          onListening: () => {},
        }),
        onRefused: (_peer, reason) => refusals.push(reason),
        onCall: (_name, body) => Promise.resolve(new Uint8Array(body)),
        onFeed: (name) => Promise.resolve(feedOf(name)),
      });
      await transport.start({
        message: () => {},
        gone: () => {},
        present: () => {},
      });
      peers.push({ id, transport, refusals });
    }
    const [one, two] = peers;
    assert(one && two);
    one.transport.setPeers(new Map([[2, addressOf(two)]]));
    two.transport.setPeers(new Map([[1, addressOf(one)]]));
    await run(one, two);
  } finally {
    for (const { transport } of peers) await transport.stop();
    for (const store of stores) await store.stop();
  }
}

function addressOf({ transport }: Peer): string {
  const address = transport.address();
  assert(address);
  return formatAddress(address);
}

function isConnected({ transport }: Peer): boolean {
  return [...transport.stats().values()].some((peer) =>
    peer.receivingSinceMs !== null && peer.sending
  );
}

async function assertTalk(one: Peer, two: Peer): Promise<void> {
  await until(() => (isConnected(one) && isConnected(two)) || null, {
    what: "both streams stand",
  });
  const patience = { timeoutMs: CALL_TIMEOUT_MS };
  const said = new Uint8Array([1, 2, 3]);
  for (const [from, to] of [[one, two], [two, one]] as const) {
    const called = { id: null, address: addressOf(to) };
    const answer = await from.transport.call(called, "echo", said, patience);
    assertEquals([...answer], [1, 2, 3]);
  }
}

const WAYS: [
  what: string,
  one: (ours: Authority) => PeerOptions,
  two: (ours: Authority) => PeerOptions,
][] = [
  ["both with TLS", (ours) => ({ authority: ours }), (ours) => ({
    authority: ours,
  })],
  ["one with TLS, one turning it on", (ours) => ({ authority: ours }), (
    ours,
  ) => ({ authority: ours, isOptional: true })],
  ["one turning TLS on, one in clear", (ours) => ({
    authority: ours,
    isOptional: true,
  }), () => ({ authority: null })],
];

for (const [what, one, two] of WAYS) {
  Deno.test(`peers talk both ways, and send each other all of a feed: ${what}`, () =>
    withCertificates(async (directory) => {
      const ours = await makeAuthority(directory);
      await withPeers([one(ours), two(ours)], async (first, second) => {
        await assertTalk(first, second);
        let bytes = 0;
        const feed = first.transport.feed(
          { id: second.id, address: addressOf(second) },
          "large",
          { idleTimeoutMs: CALL_TIMEOUT_MS },
        );
        for await (const piece of feed) {
          assertEquals(piece[0], bytes >> 16);
          bytes += piece.length;
        }
        assertEquals(bytes, FEED_BYTES);
      });
    }));
}

const STRANGERS: [
  what: string,
  two: (theirs: Authority) => PeerOptions,
][] = [
  ["another authority", (theirs) => ({ authority: theirs })],
  ["no TLS", () => ({ authority: null })],
];

for (const [what, two] of STRANGERS) {
  Deno.test(`a peer with ${what} is told to be untrusted, once, and never talked to`, () =>
    withCertificates(async (directory) => {
      const ours = await makeAuthority(directory, "ours");
      const theirs = await makeAuthority(directory, "theirs");
      const peers = [{ authority: ours }, two(theirs)] as const;
      await withPeers(peers, async (first, second) => {
        await until(() => first.refusals.length > 0 || null, {
          what: "it is told",
        });
        const error = await assertRejects(
          () =>
            first.transport.call(
              { id: 2, address: addressOf(second) },
              "echo",
              new Uint8Array(),
              { timeoutMs: CALL_TIMEOUT_MS },
            ),
          OpeningRefusedError,
        );
        assertEquals(error.reason, "untrusted");
        assertEquals(first.refusals, ["untrusted"]);
        assert(!isConnected(first) && !isConnected(second));
      });
    }));
}
