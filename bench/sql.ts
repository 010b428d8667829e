/**
 * Measures what a call of an SQL function costs its session, beside what it rests on: the disk's sync, and
 * the same read and write over HTTP. A call that reads keys asks a majority, one that writes syncs there.
 *
 * @module
 */
import { join } from "node:path";
import { until } from "../tests/nodes/mod.ts";
import {
  connectPostgres,
  type PgCluster,
  type PgNode,
  withPgCluster,
} from "../tests/postgres/mod.ts";
import { print } from "./terminal.ts";

/** Calls of each kind that are measured, after those that it takes until V8 has compiled their way. */
const CALLS = 2000;
const WARM_UP = 3000;
/** Sessions that call side by side. */
const SESSIONS = [1, 8, 64];

const READS = [
  "select 1",
  "select pgraft_test()",
  "select pgraft_get_leader()",
  "select pgraft.pgraft_get_leader()",
  "select * from pgraft.cluster_overview",
  "select pgraft_kv_get('key')",
];
const WRITE = "select pgraft_kv_put('key', 'value')";

async function measure(
  name: string,
  call: () => Promise<unknown>,
): Promise<void> {
  for (let i = 0; i < WARM_UP; i++) await call();
  const tookMs: number[] = [];
  for (let i = 0; i < CALLS; i++) {
    const startMs = performance.now();
    await call();
    tookMs.push(performance.now() - startMs);
  }
  tookMs.sort((a, b) => a - b);
  const at = (part: number): string =>
    (tookMs[Math.floor(CALLS * part)] ?? 0).toFixed(3);
  await print(
    `  ${name}: median ${at(0.5)} ms, p90 ${at(0.9)} ms, p99 ${at(0.99)} ms\n`,
  );
}

async function measureSync(root: string): Promise<void> {
  const path = join(root, "sync");
  using file = await Deno.open(path, { create: true, write: true });
  const block = new Uint8Array(512);
  await measure("write and sync 512 bytes", async () => {
    await file.write(block);
    await file.syncData();
  });
}

async function measureNode(node: PgNode, isLeader: boolean): Promise<void> {
  const { client, directory } = node.agent;
  const socket = join(directory, "run", `.s.PGSQL.${node.port}`);
  using connection = await connectPostgres({ place: { socket } });
  for (const sql of isLeader ? [...READS, WRITE] : READS) {
    await measure(sql, () => connection.query(sql));
  }
  await measure("GET /v1/kv/key", () => client.request("GET", "/v1/kv/key"));
  if (!isLeader) return;
  const body = { value: "value" };
  await measure(
    "PUT /v1/kv/key",
    () => client.request("PUT", "/v1/kv/key", body),
  );
}

async function measureRates(node: PgNode): Promise<void> {
  for (const count of SESSIONS) {
    const connections = await Promise.all(
      Array.from({ length: count }, () => node.connect()),
    );
    const startMs = performance.now();
    await Promise.all(connections.map(async (one) => {
      for (let i = 0; i < CALLS / count; i++) {
        await one.query("select pgraft_get_leader()", 30_000);
      }
    }));
    const seconds = (performance.now() - startMs) / 1000;
    const rate = Math.round(Math.floor(CALLS / count) * count / seconds);
    await print(`  ${count} sessions: ${rate}\n`);
    for (const one of connections) one[Symbol.dispose]();
  }
}

async function run(pg: PgCluster): Promise<void> {
  await pg.settled();
  const { leader_id: id } = await pg.view();
  const leader = pg.node(id);
  const other = pg.nodes.find((one) => one !== leader);
  await until(
    async () =>
      (await leader.query("select pgraft_test()")).rows.length === 1 || null,
    { what: "the extension is there" },
  );
  await print("The disk:\n");
  await measureSync(pg.root);
  await print("On the Raft leader's node, over PostgreSQL's socket:\n");
  await measureNode(leader, true);
  if (other) {
    await print("On another node:\n");
    await measureNode(other, false);
  }
  await print("Calls a second of pgraft_get_leader():\n");
  await measureRates(leader);
}

await withPgCluster(
  { extension: true, parameters: { max_connections: "200" } },
  run,
);
