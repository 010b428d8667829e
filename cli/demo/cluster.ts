import { join } from "node:path";
import { freePorts } from "../../base/mod.ts";
import { openConnection, type Target } from "./connection.ts";
import {
  createDemoNode,
  type DemoNode,
  type NodePorts,
  PORTS_PER_NODE,
} from "./node.ts";
import { type ClusterView, look } from "./view.ts";
import { TABLE } from "./writer.ts";

/** How many nodes found the cluster. */
export const NODES = 3;
/** The role that clients of the demo connect as. */
export const ROLE = "demo";

const CLUSTER_NAME = "demo";
const PASSWORD_BYTES = 12;
const SECRET_BYTES = 32;
const POLL_MS = 25;
const SETUP_TIMEOUT_MS = 10_000;
const LOG_LINES = 12;

/** The PostgreSQL that the nodes run. */
export interface Programs {
  readonly binDir: string;
  /** Who runs it; null for this process's own user. */
  readonly osUser: string | null;
}

/** The nodes of a demo. */
export interface DemoCluster {
  readonly nodes: readonly DemoNode[];
  /** Where clients connect. */
  readonly targets: readonly Target[];
  /** The password of {@linkcode ROLE}, made for this demo. */
  readonly password: string;
}

/** Thrown when something did not come about in time. */
export class DemoFailure extends Error {
  override readonly name = "DemoFailure";
}

function hexOf(bytes: number): string {
  return crypto.getRandomValues(new Uint8Array(bytes)).toHex();
}

function portsOf(all: readonly number[], at: number): NodePorts {
  const [raft = 0, api = 0, postgres = 0, readWrite = 0, readOnly = 0] = all
    .slice(at * PORTS_PER_NODE, (at + 1) * PORTS_PER_NODE);
  return { raft, api, postgres, readWrite, readOnly };
}

function configOf(
  { root, id, ports, members, programs }: {
    readonly root: string;
    readonly id: number;
    readonly ports: NodePorts;
    readonly members: string;
    readonly programs: Programs;
  },
): string {
  const { binDir, osUser } = programs;
  return [
    "[node]",
    `id = ${id}`,
    `data_dir = ${join(root, `node${id}`)}`,
    "[cluster]",
    `name = ${CLUSTER_NAME}`,
    `members = ${members}`,
    `secret_file = ${join(root, "secret")}`,
    "[raft]",
    `listen = 127.0.0.1:${ports.raft}`,
    "[api]",
    `listen = 127.0.0.1:${ports.api}`,
    "[postgresql]",
    `bin_dir = ${binDir}`,
    `listen = 127.0.0.1:${ports.postgres}`,
    ...osUser === null ? [] : [`os_user = ${osUser}`],
    "on_stop = stop",
    "[postgresql.parameters]",
    "shared_buffers = 32MB",
    "[postgresql.hba]",
    `demo = host all ${ROLE} 127.0.0.1/32 scram-sha-256`,
    "[router]",
    `read_write = 127.0.0.1:${ports.readWrite}`,
    `read_only = 127.0.0.1:${ports.readOnly}`,
    "",
  ].join("\n");
}

/**
 * Writes the nodes' configuration and starts them.
 *
 * @param root The demo's directory.
 * @param programs The PostgreSQL that they run.
 * @returns The cluster, which is being founded.
 */
export async function startDemoCluster(
  root: string,
  programs: Programs,
): Promise<DemoCluster> {
  const all = freePorts(NODES * PORTS_PER_NODE);
  const ids = Array.from({ length: NODES }, (_, at) => at + 1);
  const ports = ids.map((_, at) => portsOf(all, at));
  const members = ids.map((id, at) => `${id}@127.0.0.1:${ports[at]?.raft}`)
    .join(", ");
  await Deno.writeTextFile(join(root, "secret"), hexOf(SECRET_BYTES), {
    mode: 0o600,
  });
  const nodes: DemoNode[] = [];
  for (const [at, own] of ports.entries()) {
    const id = at + 1;
    const config = join(root, `node${id}.conf`);
    const text = configOf({ root, id, ports: own, members, programs });
    await Deno.writeTextFile(config, text);
    nodes.push(createDemoNode({ id, ports: own, root, config }));
  }
  for (const node of nodes) node.start();
  const password = hexOf(PASSWORD_BYTES);
  const targets = nodes.map(({ ports: { postgres: port } }) => ({
    port,
    user: ROLE,
    password,
  }));
  return { nodes, targets, password };
}

/** What the nodes that are to run wrote last, for whoever must find out why. */
async function lastWords(nodes: readonly DemoNode[]): Promise<string> {
  const texts = await Promise.all(
    nodes.map(async (node) =>
      `node ${node.id} (${node.condition()}):\n${await node.lastLines(
        LOG_LINES,
      )}`
    ),
  );
  return texts.join("\n");
}

/** How to wait. */
export interface Patience {
  readonly timeoutMs: number;
  /** Ends the waiting. */
  readonly signal: AbortSignal;
}

/**
 * Waits until a picture of the cluster is as wanted.
 *
 * @param cluster The cluster.
 * @param what What is waited for, for the error.
 * @param patience How long.
 * @param holds Tells whether a picture is that.
 * @returns The picture.
 * @throws {DemoFailure} When it does not come, or a node has ended by itself.
 */
export async function awaitView(
  { nodes }: DemoCluster,
  what: string,
  { timeoutMs, signal }: Patience,
  holds: (view: ClusterView) => boolean,
): Promise<ClusterView> {
  const deadlineMs = performance.now() + timeoutMs;
  while (true) {
    signal.throwIfAborted();
    const view = await look(nodes);
    if (view !== null && holds(view)) return view;
    const hasEnded = nodes.some((node) => node.condition() === "ended");
    if (hasEnded || performance.now() > deadlineMs) {
      const why = hasEnded ? "a node has ended" : `within ${timeoutMs} ms`;
      throw new DemoFailure(
        `This did not come about, ${why}: ${what}. The nodes wrote\n${await lastWords(
          nodes,
        )}`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** Whether a primary takes writes, and all others stream from it and count. */
export function isWhole({ primary, members, required }: ClusterView): boolean {
  const standbys = members.filter(({ id }) => id !== primary?.id);
  return primary !== null && members.length === NODES && required > 0 &&
    standbys.every(({ role, state }) =>
      role === "standby" && state === "streaming"
    );
}

/**
 * Makes the role and the table of the demo, as the superuser over the primary's own socket: nobody else can
 * come in yet.
 *
 * @param cluster The cluster.
 * @param primaryId Its primary.
 */
export async function makeTable(
  { nodes, password }: DemoCluster,
  primaryId: number,
): Promise<void> {
  const primary = nodes.find(({ id }) => id === primaryId);
  if (primary === undefined) throw new DemoFailure("There is no primary");
  const connection = openConnection({
    socket: primary.socket,
    user: "postgres",
  });
  try {
    for (
      const statement of [
        `create role ${ROLE} login createdb password '${password}'`,
        `create table ${TABLE} (number bigint, at timestamptz default now())`,
        `alter table ${TABLE} owner to ${ROLE}`,
      ]
    ) {
      await connection.run(statement, [], SETUP_TIMEOUT_MS);
    }
  } finally {
    connection.close();
  }
}
