import { join } from "node:path";
import { present } from "../../base/mod.ts";
import {
  type Cluster,
  type ClusterNode,
  freePorts,
  startCluster,
  until,
} from "../nodes/mod.ts";
import { LEDGER_TABLE } from "./ledger.ts";
import { createPgNode, type PgNode, type PgPlace } from "./node.ts";
import { processesIn, processesNaming, signalTo } from "./processes.ts";
import {
  type ClusterView,
  type ExplainView,
  readCluster,
  readExplain,
  readHistory,
  type RecordView,
} from "./views.ts";
import type { Place } from "./wire.ts";

/** How a cluster with PostgreSQL is started. */
export interface PgClusterOptions {
  /**
   * How many nodes with PostgreSQL found it.
   *
   * @default {3}
   */
  readonly size?: number;
  /**
   * Whether a witness founds it with them.
   *
   * @default {false}
   */
  readonly witness?: boolean;
  /**
   * Further flags of `serve`, by setting.
   *
   * @default {{}}
   */
  readonly flags?: Readonly<Record<string, string>>;
  /**
   * PostgreSQL's parameters.
   *
   * @default {{}}
   */
  readonly parameters?: Readonly<Record<string, string>>;
  /**
   * Rules of pg_hba.conf before the one that lets everybody on loopback in.
   *
   * @default {[]}
   */
  readonly hba?: readonly string[];
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
   * Whether the nodes make the extension `pgraft`, whose files stand in the server's own directory.
   *
   * @default {false}
   */
  readonly extension?: boolean;
  /**
   * Whether a database is waited for; otherwise only for the nodes.
   *
   * @default {true}
   */
  readonly settle?: boolean;
  /**
   * Is run before the first node starts, with the place of each node.
   *
   * @default {nothing}
   */
  readonly prepare?: (root: string) => Promise<void>;
}

/** Nodes with PostgreSQL; all of it is ended and cleared away at the end of its scope. */
export interface PgCluster extends AsyncDisposable {
  /** The nodes with PostgreSQL, by id. */
  readonly nodes: readonly PgNode[];
  /** The nodes, witnesses included. */
  readonly cluster: Cluster;
  /** The directory that holds everything. */
  readonly root: string;
  /** Where all the servers are, in the order of their nodes. */
  hosts(): Place[];
  /** Where all the routers lead to the primary, in the order of their nodes. */
  routers(): Place[];
  /** Returns a node. */
  node(id: number): PgNode;
  /** The picture that a node that is up and knows a leader has. */
  view(): Promise<ClusterView>;
  /** Why things are as they are, as the leader holds. */
  explain(): Promise<ExplainView>;
  /** The changes of primary, newest first. */
  history(): Promise<RecordView[]>;
  /** Waits until a primary is open, in an epoch after `since`. */
  opened(since?: number, timeoutMs?: number): Promise<Reign>;
  /** The nodes with PostgreSQL but the primary. */
  standbys(): Promise<PgNode[]>;
  /**
   * Waits until a primary is open, everyone else streams, and one rule is in force that waits for the
   * usual number.
   */
  settled(timeoutMs?: number): Promise<Reign>;
  /** Moves Raft's leadership to a node. */
  lead(node: ClusterNode): Promise<void>;
  /** Starts one more node with PostgreSQL, which joins; it is one of the nodes from now on. */
  add(id: number): PgNode;
  /** Removes a standby from the cluster, and ends it. */
  remove(node: PgNode): Promise<void>;
  /** What the nodes wrote, and what their servers wrote. */
  output(): string;
}

/** Who reigns. */
export interface Reign {
  /** The primary. */
  readonly primary: PgNode;
  /** Its epoch. */
  readonly epoch: number;
}

/** How long founding, cloning or a failover may take before a test gives up; no measure of either. */
const SETTLE_TIMEOUT_MS = 90_000;
const HOST = "127.0.0.1";
const HBA = "host all all 127.0.0.1/32 trust";

/**
 * Starts nodes with PostgreSQL, and waits until everyone streams.
 *
 * @param options Its size and settings.
 * @returns The cluster; to be disposed of.
 */
export async function startPgCluster(
  options: PgClusterOptions = {},
): Promise<PgCluster> {
  const size = options.size ?? 3;
  const ports = new Map(
    freePorts(size).map((port, at): [number, number] => [at + 1, port]),
  );
  const places = new Map<number, PgPlace>();
  let top = "";
  const cluster = await startCluster({
    size: size + (options.witness ? 1 : 0),
    ...options.directory === undefined ? {} : { directory: options.directory },
    ...options.command === undefined ? {} : { command: options.command },
    areServices: options.areServices ?? false,
    flags: {
      "bridge-create-extension": String(options.extension ?? false),
      ...options.flags,
    },
    ownFlags: ({ id, directory }) => {
      const port = ports.get(id);
      if (port === undefined) return {};
      const dataDir = `${directory}.pg`;
      const [readWrite = 0, readOnly = 0] = freePorts(2);
      places.set(id, { port, dataDir, router: { readWrite, readOnly } });
      return {
        "config": join(top, "pgraft.conf"),
        "postgresql-managed": "true",
        "postgresql-data-dir": dataDir,
        "postgresql-listen": `${HOST}:${port}`,
        "postgresql-advertise": `${HOST}:${port}`,
        "router-read-write": `${HOST}:${readWrite}`,
        "router-read-only": `${HOST}:${readOnly}`,
      };
    },
    prepare: async (root) => {
      top = root;
      // PostgreSQL's user must come through.
      await Deno.chmod(root, 0o755);
      await Deno.writeTextFile(
        join(root, "pgraft.conf"),
        configurationOf(options),
      );
      await options.prepare?.(root);
    },
    clear: endAllIn,
  });
  const nodes = [...places].map(([id, place]) =>
    createPgNode(cluster.node(id), place)
  );
  const made = createPgCluster(cluster, nodes, top, (id) => {
    const [port = 0] = freePorts(1);
    ports.set(id, port);
    const peers = cluster.up().map(({ raft }) => raft).join(",");
    const agent = cluster.add(id, { "cluster-join": peers });
    return createPgNode(agent, present(places.get(id), "its place"));
  });
  if (options.settle === false) return made;
  try {
    const { primary } = await made.settled();
    await primary.query(
      `create table ${LEDGER_TABLE} (writer int, number int)`,
    );
    return made;
  } catch (error) {
    const text = `No database was founded\n${made.output()}`;
    await made[Symbol.asyncDispose]();
    throw new Error(text, { cause: error });
  }
}

/**
 * Runs something against a cluster; when that fails, the error carries what all wrote.
 *
 * @param options The cluster's size and settings.
 * @param run What to run.
 * @returns What `run` returns.
 */
export async function withPgCluster<T>(
  options: PgClusterOptions,
  run: (cluster: PgCluster) => Promise<T>,
): Promise<T> {
  await using cluster = await startPgCluster(options);
  try {
    return await run(cluster);
  } catch (error) {
    throw new Error(`It failed; the nodes wrote\n${cluster.output()}`, {
      cause: error,
    });
  }
}

function configurationOf(
  { parameters = {}, hba = [] }: PgClusterOptions,
): string {
  const lines = Object.entries(parameters).map(([name, value]) =>
    `${name} = ${value}`
  );
  return [
    "[postgresql.hba]",
    ...hba.map((rule, at) => `rule${at} = ${rule}`),
    `tests = ${HBA}`,
    "[postgresql.parameters]",
    ...lines,
    "",
  ].join("\n");
}

/** PostgreSQL, its guards and its tools outlive an agent that was killed. */
async function endAllIn(root: string): Promise<void> {
  const real = await Deno.realPath(root);
  await until(() => {
    const left = [...processesIn(real), ...processesNaming(`${real}/`)];
    for (const pid of left) signalTo(pid, "SIGKILL");
    return left.length === 0 || null;
  }, { what: `nobody works in ${root} any more` });
}

function createPgCluster(
  cluster: Cluster,
  nodes: PgNode[],
  root: string,
  join: (id: number) => PgNode,
): PgCluster {
  const node = (id: number): PgNode => nodeIn(nodes, id);
  const leader = (): Promise<ClusterNode> => leaderOf(cluster);
  const view = async (): Promise<ClusterView> =>
    await readCluster(await leader());

  async function opened(
    since = 0,
    timeoutMs = SETTLE_TIMEOUT_MS,
  ): Promise<Reign> {
    return await until(async () => {
      const { primary } = await view();
      if (!primary || primary.epoch <= since) return null;
      return { primary: node(primary.id), epoch: primary.epoch };
    }, { what: `a primary opens in an epoch after ${since}`, timeoutMs });
  }

  return {
    nodes,
    cluster,
    root,
    hosts: () => nodes.map(({ port }) => ({ host: HOST, port })),
    routers: () => nodes.map(writersOf),
    node,
    view,
    explain: async () => await readExplain(await leader()),
    history: async () => await readHistory(await leader()),
    opened,
    standbys: async () => {
      const { primary } = await opened();
      return nodes.filter((one) => one !== primary);
    },
    settled: (timeoutMs = SETTLE_TIMEOUT_MS) =>
      until(() => settledReign(cluster, nodes), {
        what: "all members stream",
        timeoutMs,
      }),
    lead: (to) => moveLeadership(cluster, to),
    add: (id) => {
      const node = join(id);
      nodes.push(node);
      return node;
    },
    remove: async (node) => {
      const from = await leader();
      const path = `/v1/nodes/${node.id}`;
      const options = { timeoutMs: SETTLE_TIMEOUT_MS };
      const answer = await from.client.request(
        "DELETE",
        path,
        undefined,
        options,
      );
      if (answer.kind !== "ok") throw new Error(answer.detail);
      nodes.splice(nodes.indexOf(node), 1);
      await node.kill();
    },
    output: () =>
      [
        cluster.output(),
        ...nodes.map((one) => `--- server ${one.id}\n${one.serverLog()}`),
      ].join("\n"),
    [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose](),
  };
}

async function moveLeadership(
  cluster: Cluster,
  to: ClusterNode,
): Promise<void> {
  const from = await leaderOf(cluster);
  if (from.id === to.id) return;
  const body = { target: to.id };
  const answer = await from.client.request("POST", "/v1/transfer", body);
  if (answer.kind !== "ok") throw new Error(answer.detail);
  await until(
    async () => (await leaderOf(cluster)).id === to.id || null,
    { what: `node ${to.id} leads` },
  );
}

function writersOf({ router }: PgNode): Place {
  return { host: HOST, port: router.readWrite };
}

/** The node that holds itself for the leader; after a failure that may take an election. */
async function leaderOf(cluster: Cluster): Promise<ClusterNode> {
  return await until(async () => {
    for (const one of cluster.up()) {
      const options = { timeoutMs: 1000 };
      if (await one.client.leaderId(options) === one.id) return one;
    }
    return null;
  }, { what: "a node leads" });
}

/** Who reigns over members that all stream, under the usual rule alone; what it is not yet is thrown. */
async function settledReign(
  cluster: Cluster,
  nodes: readonly PgNode[],
): Promise<Reign> {
  const at = await leaderOf(cluster);
  const { primary, members, sync } = await readCluster(at);
  const { rules } = await readExplain(at);
  const data = members.filter(({ kind }) => kind === "data");
  if (!primary || data.length !== nodes.length) {
    throw new Error("no primary is open");
  }
  for (const { id, role, state, open } of data) {
    const isRight = id === primary.id
      ? role === "primary" && open === true
      : role === "standby" && state === "streaming";
    if (!isRight) throw new Error(`node ${id} is ${role}, ${state}`);
  }
  const isWhole = sync?.required === Math.floor(nodes.length / 2) &&
    sync.standbys.length === nodes.length - 1;
  if (!isWhole || rules.length !== 1) {
    throw new Error(`rules: ${rules.join("; ")}`);
  }
  return { primary: nodeIn(nodes, primary.id), epoch: primary.epoch };
}

function nodeIn(nodes: readonly PgNode[], id: number): PgNode {
  return present(
    nodes.find((one) => one.id === id),
    `node ${id} with PostgreSQL`,
  );
}
