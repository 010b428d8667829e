import { assert, assertEquals } from "@std/assert";
import { join } from "node:path";
import { extensionFiles } from "../pg/sql/mod.ts";
import { until } from "./nodes/mod.ts";
import {
  connectPostgres,
  type PgCluster,
  type PgClusterOptions,
  type PgNode,
  WireError,
  withPgCluster,
} from "./postgres/mod.ts";

/** What a statement came to: its rows, or the code and words of its error. */
export type Outcome =
  | { readonly rows: readonly (readonly (string | null)[])[] }
  | { readonly code: string; readonly text: string };

/** Runs a statement on a node, as somebody. */
export async function ask(
  node: PgNode,
  sql: string,
  { role, before, database, timeoutMs = 15_000 }: {
    readonly role?: string;
    /** A statement of its own before it. */
    readonly before?: string;
    readonly database?: string;
    readonly timeoutMs?: number;
  } = {},
): Promise<Outcome> {
  using connection = await connectPostgres({
    place: { host: "127.0.0.1", port: node.port },
    ...database === undefined ? {} : { database },
    timeoutMs: 5000,
  });
  try {
    if (before !== undefined) await connection.query(before);
    if (role !== undefined) await connection.query(`set role ${role}`);
    return { rows: (await connection.query(sql, timeoutMs)).rows };
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return { code: error.code, text: error.message };
  }
}

/** The rows of a statement; anything else is an error. */
export async function rowsOf(
  node: PgNode,
  sql: string,
  options: Parameters<typeof ask>[2] = {},
): Promise<readonly (readonly (string | null)[])[]> {
  const outcome = await ask(node, sql, options);
  if ("rows" in outcome) return outcome.rows;
  throw new Error(`${sql}: ${outcome.code} ${outcome.text}`);
}

/** The one value of a statement. */
export async function valueOf(
  node: PgNode,
  sql: string,
  options: Parameters<typeof ask>[2] = {},
): Promise<string | null> {
  return (await rowsOf(node, sql, options))[0]?.[0] ?? null;
}

/** A statement fails with this code. */
export async function assertFails(
  node: PgNode,
  sql: string,
  code: string,
  options: Parameters<typeof ask>[2] = {},
): Promise<string> {
  const outcome = await ask(node, sql, options);
  assert("code" in outcome, `${sql} did not fail`);
  assertEquals([outcome.code, sql], [code, sql], outcome.text);
  return outcome.text;
}

/**
 * Runs something with a cluster that makes the extension, and takes its files away afterwards where they
 * were not there before.
 */
export async function withSqlCluster(
  options: PgClusterOptions,
  run: (cluster: PgCluster) => Promise<void>,
): Promise<void> {
  const names = extensionFiles().map(({ name }) => name);
  const made: string[] = [];
  const before = new Map(
    await Promise.all(KNOWN_PLACES.map(async (directory) => {
      const isThere = await exists(join(directory, "pgraft.control"));
      return [directory, isThere] as const;
    })),
  );
  try {
    await withPgCluster({ ...options, extension: true }, async (cluster) => {
      await untilInstalled(cluster);
      const [node] = cluster.nodes;
      const share = node && await valueOf(
        node,
        "select setting from pg_config where name = 'SHAREDIR'",
      );
      const directory = join(share ?? "", "extension");
      if (before.get(directory) === false) {
        made.push(...names.map((name) => join(directory, name)));
      }
      await run(cluster);
    });
  } finally {
    await Promise.all(made.map((path) => Deno.remove(path).catch(() => {})));
  }
}

/** Where distributions keep the files of extensions. */
const KNOWN_PLACES = ["14", "15", "16", "17", "18"].map((major) =>
  `/usr/share/postgresql/${major}/extension`
);

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch {
    return false;
  }
}

/** Waits until the extension is there on all nodes. */
export async function untilInstalled(cluster: PgCluster): Promise<void> {
  for (const node of cluster.nodes) {
    await until(
      async () => await valueOf(node, "select pgraft_test()") === "t" || null,
      { what: `node ${node.id} has the extension` },
    );
  }
}

/**
 * Waits until a node's agent has read the server's files for the first time since its start: what stood there
 * before may be older than what all nodes have since, so only what changes from then on is a wish.
 */
export async function untilSettingsRead(node: PgNode): Promise<void> {
  const sql = "select file_setting is not null from pgraft.settings " +
    "where name = 'pgraft.election_timeout'";
  await until(
    async () => await valueOf(node, sql) === "t" || null,
    { what: `node ${node.id} has read its server's files` },
  );
}

/** The node that leads the Raft group, and one that doesn't. */
export async function leaderAndOther(
  cluster: PgCluster,
): Promise<{ readonly leader: PgNode; readonly other: PgNode }> {
  const { leader_id: id } = await cluster.view();
  const leader = cluster.node(id);
  const other = cluster.nodes.find((one) => one !== leader);
  assert(other);
  return { leader, other };
}
