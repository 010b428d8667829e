import { withPgCluster } from "../tests/postgres/mod.ts";
import { print } from "./terminal.ts";
import { until } from "../tests/nodes/mod.ts";

/** Calls of each kind that are measured, after as many that warm up. */
const CALLS = 1000;
const WARM_UP = 300;
/** Sessions that call side by side. */
const SESSIONS = [1, 8, 64];

const QUERIES = [
  "select pgraft_test()",
  "select pgraft_get_leader()",
  "select pgraft.pgraft_get_leader()",
  "select * from pgraft.cluster_overview",
  "select pgraft_kv_get('key')",
  "select pgraft_kv_put('key', 'value')",
];

function figures(tookMs: number[]): string {
  const sorted = tookMs.toSorted((a, b) => a - b);
  const at = (part: number): string =>
    (sorted[Math.floor(sorted.length * part)] ?? 0).toFixed(3);
  return `median ${at(0.5)} ms, p90 ${at(0.9)} ms, p99 ${at(0.99)} ms`;
}

await withPgCluster(
  { extension: true, parameters: { max_connections: "200" } },
  async (pg) => {
    await pg.settled();
    const { leader_id: id } = await pg.view();
    const node = pg.node(id);
    await until(
      async () =>
        (await node.query("select pgraft_test()")).rows.length === 1 || null,
      { what: "the extension is there" },
    );
    await print("On the Raft leader's node, over TCP to PostgreSQL:\n");
    using connection = await node.connect();
    for (const sql of ["select 1", ...QUERIES]) {
      for (let i = 0; i < WARM_UP; i++) await connection.query(sql);
      const tookMs: number[] = [];
      for (let i = 0; i < CALLS; i++) {
        const startMs = performance.now();
        await connection.query(sql);
        tookMs.push(performance.now() - startMs);
      }
      await print(`  ${sql}: ${figures(tookMs)}\n`);
    }
    await print("Calls a second of pgraft_get_leader():\n");
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
  },
);
