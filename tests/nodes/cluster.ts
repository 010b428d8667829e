import { present, V8_FLAGS } from "../../base/mod.ts";
import { join, resolve } from "node:path";
import { createNodeClient, type NodeClient } from "./client.ts";
import { examine } from "./examine.ts";
import type { Host } from "./network.ts";
import { freePorts } from "./ports.ts";
import { type ManagedProcess, startProcess } from "./process.ts";
import { DEFAULT_TIMEOUT_MS, until } from "./until.ts";

const HOST = "127.0.0.1";
const MAIN = join(import.meta.dirname ?? ".", "..", "..", "main.ts");
const PROBE_TIMEOUT_MS = 1000;

/** How a cluster is started. */
export interface ClusterOptions {
  /**
   * How many nodes found it.
   *
   * @default {3}
   */
  readonly size?: number;
  /**
   * Further flags of `serve`, by setting, such as `raft-election-timeout`.
   *
   * @default {{}}
   */
  readonly flags?: Readonly<Record<string, string>>;
  /**
   * Where the nodes' directories are made and removed.
   *
   * @default {the machine's place for temporary files}
   */
  readonly directory?: string;
  /**
   * The program and its first arguments, up to and without `serve`.
   *
   * @default {deno run -A main.ts, as the binary runs}
   */
  readonly command?: readonly string[];
  /**
   * Whether each node leads a session of its own, as services do.
   *
   * @default {false}
   */
  readonly areServices?: boolean;
  /**
   * Where the nodes run, by their numbers.
   *
   * @default {all of them on loopback}
   */
  readonly hosts?: readonly Host[];
  /**
   * How long the nodes have to become ready.
   *
   * @default {DEFAULT_TIMEOUT_MS}
   */
  readonly readyTimeoutMs?: number;
  /**
   * Returns further flags of one node, over those of all.
   *
   * @default {() => ({})}
   */
  readonly ownFlags?: (place: NodePlace) => Readonly<Record<string, string>>;
  /**
   * Is run before the first node starts, with the directory that holds all others.
   *
   * @default {nothing}
   */
  readonly prepare?: (root: string) => Promise<void>;
  /**
   * Is run when the nodes have ended, before their directories go, with the one that holds them: what
   * outlives its node is ended here.
   *
   * @default {nothing}
   */
  readonly clear?: (root: string) => Promise<void>;
}

/** Where a node is. */
export interface NodePlace {
  /** Its number. */
  readonly id: number;
  /** Where it takes in its peers, as `host:port`. */
  readonly raft: string;
  /** Where it answers HTTP, as `host:port`. */
  readonly api: string;
  /** What lets callers in from beyond loopback, where it has a host of its own. */
  readonly token: string | undefined;
  /** Its data directory; others beside it may be made. */
  readonly directory: string;
}

/** One node and its place. */
export interface ClusterNode {
  /** Its number. */
  readonly id: number;
  /** Where it answers HTTP, as `host:port`. */
  readonly api: string;
  /** Where it takes in its peers, as `host:port`. */
  readonly raft: string;
  /** What lets callers in from beyond loopback, where it has a host of its own. */
  readonly token: string | undefined;
  /** Its data directory; outlives its process. */
  readonly directory: string;
  /** Its HTTP interface. */
  readonly client: NodeClient;
  /** Returns its process. */
  process(): ManagedProcess;
  /** Tells whether its process runs and is not frozen. */
  isUp(): boolean;
  /** Ends it with SIGKILL. */
  kill(): Promise<void>;
  /** Asks it to stop with SIGTERM and waits until it has; returns its exit code. */
  terminate(timeoutMs?: number): Promise<number>;
  /** Stops its process with SIGSTOP: no connection breaks, nothing is answered. */
  freeze(): void;
  /** Lets a frozen process go on. */
  thaw(): void;
  /** Starts it again in its directory, on its ports. */
  restart(): void;
  /** Waits until it says that it is ready. */
  ready(timeoutMs?: number): Promise<void>;
  /** Returns the end of the output of its processes. */
  output(): string;
}

/** Nodes of one cluster, ended and cleared away at the end of their scope. */
export interface Cluster extends AsyncDisposable {
  /** The nodes, by id. */
  readonly nodes: readonly ClusterNode[];
  /** Returns a node. */
  node(id: number): ClusterNode;
  /**
   * Starts one more node, with the flags of the others but for its own; null leaves one out. It is one
   * of the nodes from now on; nobody waits for it.
   */
  add(id: number, flags: Readonly<Record<string, string | null>>): ClusterNode;
  /** Returns the nodes whose processes run and are not frozen. */
  up(): ClusterNode[];
  /** Waits until every node that is up is ready. */
  ready(timeoutMs?: number): Promise<void>;
  /** Waits until all nodes that are up know one of them as the leader. */
  leader(timeoutMs?: number): Promise<ClusterNode>;
  /** Returns the end of the output of all nodes. */
  output(): string;
}

/**
 * Starts a cluster and waits until all of its nodes are ready.
 *
 * @param options Its size, flags and place.
 * @returns The cluster; to be disposed of.
 * @throws {Error} When a node does not become ready, with the output of all.
 */
export async function startCluster(
  options: ClusterOptions = {},
): Promise<Cluster> {
  const root = await Deno.makeTempDir({
    prefix: "pgraft-nodes-",
    ...(options.directory === undefined
      ? {}
      : { dir: resolve(options.directory) }),
  });
  const nodes: ClusterNode[] = [];
  const cluster = createCluster(nodes, root, options);
  try {
    for (const path of [secretIn(root), tokenIn(root)]) {
      await Deno.writeTextFile(path, crypto.randomUUID(), { mode: 0o600 });
    }
    await options.prepare?.(root);
    nodes.push(...createNodes(root, options));
    await cluster.ready(options.readyTimeoutMs);
    return cluster;
  } catch (error) {
    const seen = await examine(cluster.up());
    await cluster[Symbol.asyncDispose]();
    throw new Error(`The cluster did not start\n${seen}${cluster.output()}`, {
      cause: error,
    });
  }
}

/**
 * Runs something against a cluster; when that fails, the error carries the output of all nodes.
 *
 * @param options The cluster's size, flags and place.
 * @param run What to run.
 * @returns What `run` returns.
 * @throws {Error} When the cluster does not start, or `run` throws (which is then the cause).
 */
export async function withCluster<T>(
  options: ClusterOptions,
  run: (cluster: Cluster) => Promise<T>,
): Promise<T> {
  await using cluster = await startCluster(options);
  try {
    return await run(cluster);
  } catch (error) {
    throw new Error(`It failed; the nodes wrote\n${cluster.output()}`, {
      cause: error,
    });
  }
}

function createCluster(
  nodes: ClusterNode[],
  root: string,
  options: ClusterOptions,
): Cluster {
  const up = (): ClusterNode[] => nodes.filter((node) => node.isUp());
  return {
    nodes,
    node: (id) => present(nodes.find((node) => node.id === id), `node ${id}`),
    add: (id, flags) => {
      const [raft = 0, api = 0] = freePorts(2);
      const place = placeOf(root, options, id, raft, api);
      const node = createNode(place, wordsOf(root, options, place, flags));
      nodes.push(node);
      return node;
    },
    up,
    ready: async (timeoutMs) => {
      await Promise.all(up().map((node) => node.ready(timeoutMs)));
    },
    leader: (timeoutMs = DEFAULT_TIMEOUT_MS) =>
      until(() => agreedLeader(up()), {
        what: "all nodes know one leader",
        timeoutMs,
      }),
    output: () =>
      nodes.map((node) => `--- node ${node.id}\n${node.output()}`).join("\n"),
    [Symbol.asyncDispose]: async () => {
      await Promise.all(nodes.map((node) => node.kill()));
      for (const { client } of nodes) client[Symbol.dispose]();
      await options.clear?.(root);
      await Deno.remove(root, { recursive: true });
    },
  };
}

async function agreedLeader(
  up: readonly ClusterNode[],
): Promise<ClusterNode | null> {
  const options = { timeoutMs: PROBE_TIMEOUT_MS };
  const ids = await Promise.all(
    up.map(({ client }) => client.leaderId(options)),
  );
  if (new Set(ids).size !== 1) return null;
  return up.find((node) => node.id === ids[0]) ?? null;
}

function createNodes(
  root: string,
  options: ClusterOptions,
): ClusterNode[] {
  const size = options.size ?? 3;
  const ports = freePorts(2 * size);
  const places = Array.from(
    { length: size },
    (_, at) =>
      placeOf(
        ...[root, options, at + 1] as const,
        ...[ports[2 * at] ?? 0, ports[2 * at + 1] ?? 0] as const,
      ),
  );
  const members = places.map(({ id, raft }) => `${id}@${raft}`).join(",");
  return places.map((place) => {
    const flags = { "cluster-members": members };
    return createNode(place, wordsOf(root, options, place, flags));
  });
}

function placeOf(
  root: string,
  { hosts }: ClusterOptions,
  id: number,
  raft: number,
  api: number,
): NodePlace {
  const host = hosts?.[id - 1];
  const address = host?.address ?? HOST;
  return {
    id,
    raft: `${address}:${raft}`,
    api: `${address}:${api}`,
    token: host ? Deno.readTextFileSync(tokenIn(root)) : undefined,
    directory: join(root, `node${id}`),
  };
}

function tokenIn(root: string): string {
  return join(root, "token");
}

function secretIn(root: string): string {
  return join(root, "secret");
}

function wordsOf(
  root: string,
  options: ClusterOptions,
  place: NodePlace,
  own: Readonly<Record<string, string | null>>,
): string[] {
  const token = place.token === undefined
    ? {}
    : { "api-token-file": tokenIn(root) };
  return [
    ...options.hosts?.[place.id - 1]?.enter ?? [],
    ...options.areServices ? ["setsid"] : [],
    ...options.command ?? [Deno.execPath(), "run", "-A", V8_FLAGS, MAIN],
    "serve",
    ...flagsOf({
      "node-id": String(place.id),
      "node-data-dir": place.directory,
      "cluster-secret-file": secretIn(root),
      "raft-listen": place.raft,
      "api-listen": place.api,
      "postgresql-managed": "false",
      ...token,
      ...options.flags,
      ...options.ownFlags?.(place),
      ...own,
    }),
  ];
}

function flagsOf(flags: Readonly<Record<string, string | null>>): string[] {
  return Object.entries(flags).flatMap(([name, value]) =>
    value === null ? [] : [`--${name}=${value}`]
  );
}

function createNode(place: NodePlace, words: readonly string[]): ClusterNode {
  const name = `node ${place.id}`;
  const client = createNodeClient({
    api: place.api,
    ...(place.token === undefined ? {} : { token: place.token }),
  });
  const start = (): ManagedProcess => {
    const [command = "", ...args] = words;
    return startProcess({ name, command, args });
  };
  let current = start();
  let before = "";
  let isFrozen = false;

  const signal = (one: Deno.Signal): void => current.signal(one);
  return {
    ...place,
    client,
    process: () => current,
    isUp: () => current.status() === null && !isFrozen,
    kill: async () => {
      await current.kill();
    },
    terminate: (timeoutMs) => terminate(current, timeoutMs),
    freeze: () => {
      signal("SIGSTOP");
      isFrozen = true;
    },
    thaw: () => {
      signal("SIGCONT");
      isFrozen = false;
    },
    restart: () => {
      if (current.status() === null) throw new Error(`${name} runs already`);
      before = current.output();
      current = start();
      isFrozen = false;
    },
    ready: (timeoutMs) => ready(current, client, timeoutMs),
    output: () => `${before}${current.output()}`,
  };
}

async function terminate(
  process: ManagedProcess,
  timeoutMs = DEFAULT_TIMEOUT_MS,
): Promise<number> {
  process.signal("SIGTERM");
  const { code } = await until(() => process.status(), {
    what: `${process.name} stops after SIGTERM`,
    timeoutMs,
  });
  await process.ended;
  return code;
}

async function ready(
  process: ManagedProcess,
  client: NodeClient,
  timeoutMs = DEFAULT_TIMEOUT_MS,
): Promise<void> {
  const look = async (): Promise<true | null> =>
    await client.isReady({ timeoutMs: PROBE_TIMEOUT_MS }) || null;
  await until(look, {
    what: `${process.name} is ready`,
    timeoutMs,
    vain: () => {
      const status = process.status();
      return status === null
        ? null
        : new Error(`${process.name} ended with code ${status.code}`);
    },
  });
}
