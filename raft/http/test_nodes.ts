import { freePort } from "../../base/mod.ts";
import type { Message, NodeId } from "../core/mod.ts";
import { formatAddress } from "./address.ts";
import type { HttpTransportLimits } from "./limits.ts";
import {
  createHttpTransport,
  type HttpTransport,
  type HttpTransportOptions,
} from "./transport.ts";

/** What a node under test was told, in order. */
export interface Seen {
  readonly messages: Message[];
  /** `gone 2`, `present 2` and the like. */
  readonly evidence: string[];
  /** `2 wrong_secret` and the like. */
  readonly refusals: string[];
}

/** A transport that listens on a free port of loopback, and what it told. */
export interface TestNode extends Seen {
  readonly id: NodeId;
  readonly transport: HttpTransport;
  readonly address: string;
}

/** Short times, so that tests do not wait long for what takes its time. */
export const QUICK: Partial<HttpTransportLimits> = {
  pingIntervalMs: 20,
  rttIntervalMs: 40,
  silenceMs: 300,
  stallMs: 200,
  bulkIdleMs: 400,
};

const WAIT_MS = 10_000;
const POLL_MS = 2;

/** Waits until something is so, and fails by saying what was waited for. */
export async function until(
  what: string,
  isSo: () => boolean,
): Promise<void> {
  const deadlineMs = performance.now() + WAIT_MS;
  while (!isSo()) {
    if (performance.now() > deadlineMs) throw new Error(`Never so: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** Starts a node. */
export async function startNode(
  id: NodeId,
  options: Partial<HttpTransportOptions> = {},
): Promise<TestNode> {
  const seen: Seen = { messages: [], evidence: [], refusals: [] };
  const transport = createHttpTransport({
    nodeId: id,
    incarnation: id * 11,
    clusterId: "cluster-a",
    listen: { hostname: "127.0.0.1", port: freePort() },
    onRefused: (peer, reason) => seen.refusals.push(`${peer} ${reason}`),
    ...options,
    limits: { ...QUICK, ...options.limits },
  });
  await transport.start({
    message: (message) => seen.messages.push(message),
    gone: (peer) => seen.evidence.push(`gone ${peer}`),
    present: (peer) => seen.evidence.push(`present ${peer}`),
  });
  const listening = transport.address();
  if (listening === null) throw new Error("The node does not listen");
  return { id, transport, address: formatAddress(listening), ...seen };
}

/** Tells every node where all of them are. */
export function introduce(nodes: readonly TestNode[]): void {
  const addresses = new Map(nodes.map((node) => [node.id, node.address]));
  for (const node of nodes) node.transport.setPeers(addresses);
}

/** Waits until every node receives from every other. */
export function untilConnected(nodes: readonly TestNode[]): Promise<void> {
  return until(
    "every stream stands",
    () =>
      nodes.every((node) =>
        [...node.transport.stats().values()].filter((peer) =>
          peer.receivingSinceMs !== null && peer.sending
        ).length === nodes.length - 1
      ),
  );
}

/** Runs a test with connected nodes, and stops them whatever happens. */
export async function withNodes(
  options: readonly Partial<HttpTransportOptions>[],
  run: (...nodes: TestNode[]) => Promise<void>,
): Promise<void> {
  const nodes: TestNode[] = [];
  try {
    for (const each of options) {
      nodes.push(await startNode(nodes.length + 1, each));
    }
    await run(...nodes);
  } finally {
    await Promise.all(nodes.map((node) => node.transport.stop()));
  }
}
