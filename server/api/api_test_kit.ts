import { freePort } from "../../base/mod.ts";
import { formatProblem, loadConfiguration } from "../config/mod.ts";
import { startNode } from "../node/mod.ts";

/** What an answer came to. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** Its JSON, or its text where it is none. */
  readonly body: Json;
}

/** A JSON object, or something else under its own name. */
export type Json = Readonly<Record<string, unknown>>;

/** A node of a cluster of one, in this process. */
export interface TestNode {
  readonly api: string;
  /** Sends a request; a body that is no text goes as JSON. */
  ask(
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<Answer>;
}

const READY_TIMEOUT_MS = 10_000;

/**
 * Runs a test against a node of a cluster of one, and clears it away.
 *
 * @param run The test.
 * @param flags Further settings.
 */
export async function withNode(
  run: (node: TestNode) => Promise<void>,
  flags: readonly string[] = [],
): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "pgraft-api-" });
  const raft = `127.0.0.1:${freePort()}`;
  const api = `127.0.0.1:${freePort()}`;
  const loaded = await loadConfiguration({
    args: [
      "--node-id=1",
      `--node-data-dir=${directory}/data`,
      `--cluster-members=1@${raft}`,
      `--raft-listen=${raft}`,
      `--api-listen=${api}`,
      "--raft-heartbeat-interval=50",
      "--raft-election-timeout=200",
      "--postgresql-managed=false",
      ...flags,
    ],
    env: {},
    readFile: () => Promise.resolve(null),
  });
  try {
    if (!loaded.ok) {
      throw new Error(loaded.errors.map(formatProblem).join("; "));
    }
    const running = await startNode(loaded.config, "1.2.3");
    const client = Deno.createHttpClient({});
    const node: TestNode = {
      api,
      ask: (...request) => ask(client, api, ...request),
    };
    try {
      await untilReady(node);
      await run(node);
    } finally {
      client.close();
      await running.stop();
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function untilReady({ ask }: TestNode): Promise<void> {
  const deadlineMs = performance.now() + READY_TIMEOUT_MS;
  while (true) {
    const { status, body } = await ask("GET", "/readyz");
    // Ready, and known to itself by name.
    if (status === 200) {
      const cluster = await ask("GET", "/v1/cluster");
      if (JSON.stringify(cluster.body).includes('"api":"127')) return;
    }
    if (performance.now() > deadlineMs) {
      throw new Error(`The node is not ready: ${JSON.stringify(body)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function ask(
  client: Deno.HttpClient,
  api: string,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(`http://${api}${path}`, {
    client,
    method,
    headers: {
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    ...(body === undefined
      ? {}
      : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: parse(text),
  };
}

function parse(text: string): Json {
  try {
    return JSON.parse(text);
  } catch {
    return { text };
  }
}
