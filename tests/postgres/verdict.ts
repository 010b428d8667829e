import { until } from "../nodes/mod.ts";
import type { PgCluster } from "./cluster.ts";
import type { PgNode } from "./node.ts";
import type { Result } from "./wire.ts";
import { type Ledger, LEDGER_TABLE, type Row } from "./ledger.ts";

/** What came of a ledger; every list is empty when all is well. */
export interface LedgerVerdict {
  /** Rows that were acknowledged and are not there. */
  readonly lost: readonly Row[];
  /** Rows that stand there more than once. */
  readonly twice: readonly string[];
  /** Rows that are there although the client was told that they are not, or that nobody wrote. */
  readonly strange: readonly string[];
  /** Members whose table is another than the primary's. */
  readonly differing: readonly number[];
  /** Servers that take writes, the primary included. */
  readonly primaries: readonly number[];
}

/**
 * Waits until all members stream, and holds the primary's table against what clients were told, and the
 * other members' tables against it.
 *
 * @param cluster The cluster.
 * @param ledger The ledger; is stopped.
 * @returns What is wrong.
 */
export async function checkLedger(
  cluster: PgCluster,
  ledger: Ledger,
): Promise<LedgerVerdict> {
  await ledger.stop();
  const { primary } = await cluster.settled();
  const counts = new Map<string, number>();
  const { rows } = await primary.query(
    `select writer || '.' || number, count(*) from ${LEDGER_TABLE} group by 1`,
  );
  for (const [name, count] of rows) counts.set(name ?? "", Number(count));
  const written = new Map(
    ledger.rows().map((row) => [`${row.writer}.${row.number}`, row]),
  );
  const names = [...counts.keys()];
  const primaries: number[] = [];
  const differing: number[] = [];
  for (const node of cluster.nodes) {
    const answer = await untilServed(node);
    if (answer.rows[0]?.[0] === "f") primaries.push(node.id);
  }
  for (const node of cluster.nodes) {
    if (!await hasSameTable(cluster, primary.id, node.id)) {
      differing.push(node.id);
    }
  }
  return {
    lost: [...written].filter(([name, { outcome }]) =>
      outcome === "acknowledged" && !counts.has(name)
    ).map(([, row]) => row),
    twice: names.filter((name) => (counts.get(name) ?? 0) > 1),
    strange: names.filter((name) =>
      (written.get(name)?.outcome ?? "failed") === "failed"
    ),
    differing,
    primaries,
  };
}

/** A standby lets readers in a moment after it began to stream. */
async function untilServed(node: PgNode): Promise<Result> {
  return await until(() => node.query("select pg_is_in_recovery()"), {
    what: `node ${node.id} lets clients in`,
  });
}

async function hasSameTable(
  cluster: PgCluster,
  primaryId: number,
  id: number,
): Promise<boolean> {
  if (id === primaryId) return true;
  const [primary, node] = [cluster.node(primaryId), cluster.node(id)];
  const end = await primary.query("select pg_current_wal_lsn()");
  const lsn = end.rows[0]?.[0] ?? "";
  await until(async () => {
    const sql = `select pg_last_wal_replay_lsn() >= '${lsn}'`;
    return (await node.query(sql)).rows[0]?.[0] === "t" || null;
  }, { what: `node ${id} has replayed ${lsn}` });
  const sql =
    `select count(*), md5(string_agg(writer || '.' || number, ',' order by writer, number)) from ${LEDGER_TABLE}`;
  const [one, other] = [await primary.query(sql), await node.query(sql)];
  return JSON.stringify(one.rows) === JSON.stringify(other.rows);
}
