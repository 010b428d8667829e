import { assert, assertEquals, assertMatch } from "@std/assert";
import { until } from "../nodes/mod.ts";
import { type PgCluster, type PgNode, withPgCluster } from "../postgres/mod.ts";
import { CHANGE_TIMEOUT_MS, post } from "../pg_test_kit.ts";

/** More than the standbys are told to do without, and less than they are told later. */
const TAIL_BYTES = 1 << 20;

async function setCluster(
  node: PgNode,
  cluster: Readonly<Record<string, string | number>>,
): Promise<void> {
  const answer = await post(node, "/v1/config", { cluster });
  assert(answer.kind === "ok", JSON.stringify(answer));
}

async function untilNobodyIsWaitedFor(cluster: PgCluster): Promise<void> {
  await until(async () => {
    const { sync } = await cluster.view();
    const { rules } = await cluster.explain();
    return rules.length === 1 && sync?.mode === "off" && sync.required === 0 ||
      null;
  }, { what: "commits wait for nobody" });
}

/** Freezes what sends the log, so that standbys lack what is written from then on. */
async function cutSenders(primary: PgNode): Promise<void> {
  const { rows } = await primary.queryLocally(
    "select pid from pg_stat_replication",
  );
  assertEquals(rows.length, 2);
  for (const [pid] of rows) Deno.kill(Number(pid), "SIGSTOP");
}

Deno.test("mode off gives up what maximum_lag_on_failover allows, by the cluster's configuration, and no more", () =>
  withPgCluster({}, async (cluster) => {
    const { primary, epoch } = await cluster.settled();
    await setCluster(primary, {
      synchronous_mode: "off",
      maximum_lag_on_failover: "64kB",
    });
    await untilNobodyIsWaitedFor(cluster);
    await primary.query("create table t (id int, tail text)");
    await primary.query("insert into t values (1, '')");
    const [standby] = await cluster.standbys();
    assert(standby);
    await until(async () => {
      const { rows } = await standby.query("select count(*) from t");
      return rows[0]?.[0] === "1" || null;
    }, { what: "the standby has the first row" });
    await cutSenders(primary);
    await primary.query(
      `insert into t select 2, string_agg(md5(n::text), '') from generate_series(1, ${
        TAIL_BYTES / 32
      }) as n`,
    );
    await until(async () => {
      const { rows } = await primary.query(
        "select pg_current_wal_flush_lsn() - '0/0'::pg_lsn",
      );
      const { primary: told } = await cluster.view();
      const [high = "0", low = "0"] = told?.lsn.split("/") ?? [];
      const heard = parseInt(high, 16) * 2 ** 32 + parseInt(low, 16);
      // The probe writes on meanwhile.
      return heard >= Number(rows[0]?.[0]) - TAIL_BYTES / 2 || null;
    }, { what: "the others have heard how far the primary is" });
    await primary.kill();
    await until(async () => {
      const { findings } = await cluster.explain();
      return findings.some(({ code, text }) =>
        code === "lag" && /lacks \d+ bytes.*gives up 65536 at most/.test(text)
      ) || null;
    }, { what: "nobody takes over who lacks more than is allowed" });
    await setCluster(standby, { maximum_lag_on_failover: "64MB" });
    const next = await cluster.opened(epoch, CHANGE_TIMEOUT_MS);
    const { rows } = await next.primary.query("select id from t order by id");
    assertEquals(rows, [["1"]]);
    primary.restart();
    await until(async () => {
      const { rows } = await primary.query("select id from t order by id");
      return JSON.stringify(rows) === `[["1"]]` || null;
    }, { what: "the old primary follows", timeoutMs: CHANGE_TIMEOUT_MS });
    await setCluster(next.primary, { synchronous_mode: "quorum" });
    await cluster.settled();
    const [record] = await cluster.history();
    assertMatch(record?.kind ?? "", /failover/);
  }));
