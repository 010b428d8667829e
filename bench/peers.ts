/**
 * Measures how fast appends reach another process over loopback, one at a time and with several under
 * way, in clear and over TLS: timed from `send` until the receiver's answer is back, which is two deliveries.
 *
 * @module
 */
import { join } from "node:path";
import { systemClock, type Timer } from "../base/mod.ts";
import type { Message } from "../raft/core/mod.ts";
import {
  createHttpTransport,
  formatAddress,
  type HttpTransport,
  type PeerWire,
} from "../raft/http/mod.ts";
import { createPeerWire } from "../server/peers/mod.ts";
import { openTlsStore, type TlsStore } from "../server/tls/mod.ts";
import { makeAuthority, withCertificates } from "../tests/certificates/mod.ts";

const HOST = "127.0.0.1";
const PARENT = 1;
const CHILD = 2;
const LOADS: readonly Load[] = [
  { label: "512 B", sizeBytes: 512, count: 2000, inFlight: 1 },
  { label: "4 KB", sizeBytes: 4096, count: 2000, inFlight: 1 },
  { label: "64 KB", sizeBytes: 65_536, count: 1000, inFlight: 1 },
  { label: "1 MB", sizeBytes: 1_048_576, count: 200, inFlight: 1 },
  { label: "4 KB", sizeBytes: 4096, count: 20_000, inFlight: 64 },
  { label: "64 KB", sizeBytes: 65_536, count: 3000, inFlight: 16 },
];
const WARM_UP = 50;
const ANSWER_TIMEOUT_MS = 5000;
const clock = systemClock();
const SECRET = new TextEncoder().encode("a secret for the benchmark");

/** Where answers go. */
interface Answers {
  taken: (index: number) => void;
}

/** How the two reach each other. */
const WAYS = ["clear", "tls"] as const;
type Way = typeof WAYS[number];

const WAY_WORDS: Readonly<Record<Way, string>> = {
  clear: "in clear",
  tls: "over TLS",
};

function isWay(text: string | undefined): text is Way {
  return WAYS.some((way) => way === text);
}

async function openStore(directory: string): Promise<TlsStore> {
  return await openTlsStore({
    files: {
      section: "raft",
      cert: join(directory, "node.pem"),
      key: join(directory, "node.key"),
      ca: join(directory, "authority.ca.pem"),
    },
    use: {
      name: { host: "127.0.0.1", setting: "raft.advertise" },
      isCaller: true,
    },
    asksCallers: true,
    clock,
    events: { renewed: () => {}, failed: () => {}, ending: () => {} },
  });
}

async function createWire(way: Way, directory: string): Promise<PeerWire> {
  const tls = way === "tls" ? await openStore(directory) : null;
  return createPeerWire({
    clock,
    tls,
    isOptional: false,
    onTlsFailure: () => {},
    onListening: () => {},
  });
}

async function createNode(
  nodeId: number,
  way: Way,
  directory: string,
): Promise<HttpTransport> {
  return createHttpTransport({
    wire: await createWire(way, directory),
    nodeId,
    incarnation: nodeId,
    clusterId: "bench",
    secret: SECRET,
    listen: { hostname: HOST, port: 0 },
  });
}

function addressOf(node: HttpTransport): string {
  const address = node.address();
  if (address === null) throw new Error("The node does not listen");
  return formatAddress({ hostname: HOST, port: address.port });
}

function envelope(
  from: number,
  to: number,
): Pick<
  Message,
  "from" | "to" | "fromIncarnation" | "toIncarnation" | "term"
> {
  return { from, to, fromIncarnation: from, toIncarnation: to, term: 1 };
}

async function answerAppends(
  parentAddress: string,
  way: Way,
  directory: string,
): Promise<void> {
  const node = await createNode(CHILD, way, directory);
  await node.start({
    message: (message) => {
      if (message.kind !== "append") return;
      node.send({
        kind: "append_response",
        ...envelope(CHILD, PARENT),
        ok: true,
        index: message.prevIndex + message.entries.length,
        hintIndex: 0,
        hintTerm: 0,
      });
    },
    gone: () => Deno.exit(0),
    present: () => {},
  });
  node.setPeers(new Map([[PARENT, parentAddress]]));
  await print(`${addressOf(node)}\n`);
}

async function print(text: string): Promise<void> {
  await Deno.stdout.write(new TextEncoder().encode(text));
}

async function firstLine(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
): Promise<string> {
  let text = "";
  for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    if (text.includes("\n")) break;
  }
  return text.trim();
}

/** One size of append, sent so that `inFlight` of them are always under way. */
interface Load {
  readonly label: string;
  readonly sizeBytes: number;
  readonly count: number;
  readonly inFlight: number;
}

/** Sends a load; resolves with the sorted round trips, the first ones left out. */
function measure(
  node: HttpTransport,
  answers: Answers,
  load: Load,
): Promise<number[]> {
  const data = new Uint8Array(load.sizeBytes).fill(7);
  const total = WARM_UP + load.count;
  const sentAtMs: number[] = [];
  const timesMs: number[] = [];
  const done = Promise.withResolvers<number[]>();
  let timer: Timer | null = null;

  function sendNext(): void {
    const index = sentAtMs.length;
    if (index === total) return;
    sentAtMs.push(performance.now());
    node.send({
      kind: "append",
      ...envelope(PARENT, CHILD),
      prevIndex: index,
      prevTerm: 1,
      commit: 0,
      entries: [{ index: index + 1, term: 1, kind: "command", data }],
    });
  }

  answers.taken = (index) => {
    timesMs.push(performance.now() - (sentAtMs[index - 1] ?? NaN));
    timer?.cancel();
    if (timesMs.length === total) {
      return done.resolve(timesMs.slice(WARM_UP).sort((a, b) => a - b));
    }
    timer = clock.after(
      ANSWER_TIMEOUT_MS,
      () => done.reject(new Error("No answer came")),
    );
    sendNext();
  };
  for (let at = 0; at < load.inFlight; at++) sendNext();
  return done.promise;
}

function row(load: Load, sorted: readonly number[], tookMs: number): string {
  const at = (share: number): string => {
    const place = Math.ceil(sorted.length * share) - 1;
    return (sorted[place] ?? NaN).toFixed(2).padStart(8);
  };
  const total = WARM_UP + load.count;
  const cells = [
    load.label.padEnd(6),
    String(load.inFlight).padStart(9),
    String(load.count).padStart(7),
    at(0.5),
    at(0.95),
    at(0.99),
    at(1),
    (total / tookMs * 1000).toFixed(0).padStart(8),
    (total * load.sizeBytes / tookMs / 1000).toFixed(0).padStart(6),
  ];
  return `${cells.join(" ")}\n`;
}

async function untilConnected(node: HttpTransport): Promise<void> {
  while (true) {
    const peer = node.stats().get(CHILD);
    if (peer?.sending && peer.receivingSinceMs !== null) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function measureWay(way: Way, directory: string): Promise<void> {
  const node = await createNode(PARENT, way, directory);
  const answers: Answers = { taken: () => {} };
  await node.start({
    message: (message) => {
      if (message.kind === "append_response") answers.taken(message.index);
    },
    gone: () => {},
    present: () => {},
  });
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", import.meta.url],
      ...["answer", addressOf(node), way, directory],
    ],
    stdout: "piped",
  }).spawn();
  try {
    node.setPeers(new Map([[CHILD, await firstLine(child.stdout)]]));
    await untilConnected(node);
    await print(`\n${WAY_WORDS[way]}\n`);
    for (const load of LOADS) {
      const startMs = performance.now();
      const sorted = await measure(node, answers, load);
      await print(row(load, sorted, performance.now() - startMs));
    }
  } finally {
    child.kill("SIGKILL");
    await child.status;
    await node.stop();
  }
}

async function runBenchmark(): Promise<void> {
  await print("Round trip in ms: an append there, its answer back\n");
  await print(
    "size   in flight   count      p50      p95      p99      max    per s   MB/s\n",
  );
  await withCertificates(async (directory) => {
    const authority = await makeAuthority(directory);
    await authority.issue("node");
    for (const way of WAYS) await measureWay(way, directory);
  });
}

if (import.meta.main) {
  const [role, parentAddress, way, directory] = Deno.args;
  if (
    role === "answer" && parentAddress !== undefined && isWay(way) &&
    directory !== undefined
  ) {
    await answerAppends(parentAddress, way, directory);
  } else {
    await runBenchmark();
    // What follows the certificates' files would go on.
    Deno.exit(0);
  }
}
