/**
 * Measures how fast one append reaches another process: sent one at a time over loopback, timed from
 * `send` until the answer of the receiver is back, which is two deliveries.
 *
 * @module
 */
import type { Message } from "../raft/core/mod.ts";
import {
  createHttpTransport,
  formatAddress,
  type HttpTransport,
} from "../raft/http/mod.ts";

const PARENT = 1;
const CHILD = 2;
const SIZES: readonly [string, number, number][] = [
  ["512 B", 512, 2000],
  ["4 KB", 4096, 2000],
  ["64 KB", 65_536, 1000],
  ["1 MB", 1_048_576, 200],
];
const WARM_UP = 50;
const ANSWER_TIMEOUT_MS = 5000;
const SECRET = new TextEncoder().encode("a secret for the benchmark");

function createNode(nodeId: number): HttpTransport {
  return createHttpTransport({
    nodeId,
    incarnation: nodeId,
    clusterId: "bench",
    secret: SECRET,
    listen: { hostname: "127.0.0.1", port: 0 },
  });
}

function addressOf(node: HttpTransport): string {
  const address = node.address();
  if (address === null) throw new Error("The node does not listen");
  return formatAddress(address);
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

async function answerAppends(parentAddress: string): Promise<void> {
  const node = createNode(CHILD);
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

/** Lets one caller at a time wait for the next answer. */
function createMailbox(): { put: () => void; next: () => Promise<void> } {
  let waiting = Promise.withResolvers<void>();
  return {
    put: () => waiting.resolve(),
    next: async () => {
      const timer = setTimeout(
        () => waiting.reject(new Error("No answer came")),
        ANSWER_TIMEOUT_MS,
      );
      await waiting.promise.finally(() => clearTimeout(timer));
      waiting = Promise.withResolvers<void>();
    },
  };
}

async function measure(
  node: HttpTransport,
  next: () => Promise<void>,
  sizeBytes: number,
  count: number,
): Promise<number[]> {
  const data = new Uint8Array(sizeBytes).fill(7);
  const timesMs: number[] = [];
  for (let index = 1; index <= WARM_UP + count; index++) {
    const startMs = performance.now();
    node.send({
      kind: "append",
      ...envelope(PARENT, CHILD),
      prevIndex: index - 1,
      prevTerm: 1,
      commit: index - 1,
      entries: [{ index, term: 1, kind: "command", data }],
    });
    await next();
    if (index > WARM_UP) timesMs.push(performance.now() - startMs);
  }
  return timesMs.sort((a, b) => a - b);
}

function row(label: string, sorted: readonly number[]): string {
  const at = (share: number): string => {
    const place = Math.min(
      sorted.length - 1,
      Math.ceil(sorted.length * share) - 1,
    );
    return (sorted[place] ?? NaN).toFixed(2).padStart(8);
  };
  const count = String(sorted.length).padStart(6);
  return `${label.padEnd(6)} ${count} ${at(0.5)} ${at(0.95)} ${at(0.99)} ${
    at(1)
  }\n`;
}

async function untilConnected(node: HttpTransport): Promise<void> {
  while (true) {
    const peer = node.stats().get(CHILD);
    if (peer?.sending && peer.receivingSinceMs !== null) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function runBenchmark(): Promise<void> {
  const node = createNode(PARENT);
  const mailbox = createMailbox();
  await node.start({
    message: (message) => {
      if (message.kind === "append_response") mailbox.put();
    },
    gone: () => {},
    present: () => {},
  });
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", import.meta.url, "answer", addressOf(node)],
    stdout: "piped",
  }).spawn();
  try {
    node.setPeers(new Map([[CHILD, await firstLine(child.stdout)]]));
    await untilConnected(node);
    await print("Round trip in ms: an append there, its answer back\n");
    await print("size    count      p50      p95      p99      max\n");
    for (const [label, sizeBytes, count] of SIZES) {
      await print(
        row(label, await measure(node, mailbox.next, sizeBytes, count)),
      );
    }
  } finally {
    child.kill("SIGKILL");
    await child.status;
    await node.stop();
  }
}

if (import.meta.main) {
  const [role, parentAddress] = Deno.args;
  if (role === "answer" && parentAddress !== undefined) {
    await answerAppends(parentAddress);
  } else {
    await runBenchmark();
  }
}
