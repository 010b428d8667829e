import { assert, assertEquals } from "@std/assert";
import {
  checkLedger,
  type PgCluster,
  startLedger,
  withPgCluster,
} from "./postgres/mod.ts";
import { overcome, ROWS, runScenarios, type Scenario } from "./pg_test_kit.ts";

const SCENARIOS: readonly Scenario[] = [
  ["the primary's postmaster is killed", async (blow) => {
    blow.reign.primary.killPostmaster();
    await overcome(blow);
  }],
  ["the primary's node is killed with all processes", async (blow) => {
    const { primary } = blow.reign;
    await primary.kill();
    const next = await overcome(blow);
    assert(next.primary !== primary);
    primary.restart();
  }],
  [
    "the primary's agent is killed and comes back: nobody takes over",
    async (blow) => {
      const { primary, epoch } = blow.reign;
      await primary.killAgent();
      primary.restart();
      await primary.agent.ready();
      await blow.ledger.untilAcknowledged(ROWS);
      const after = await blow.cluster.settled();
      assertEquals([after.primary.id, after.epoch], [primary.id, epoch]);
      const failed = blow.ledger.rows().filter(({ outcome }) =>
        outcome !== "acknowledged"
      );
      assertEquals(failed, []);
    },
  ],
  [
    "somebody has paused the standbys' replay, and the primary's node is killed (T37)",
    async (blow) => {
      const { cluster, ledger, reign: { primary } } = blow;
      for (const standby of await cluster.standbys()) {
        await standby.query("select pg_wal_replay_pause()");
      }
      await ledger.untilAcknowledged(ROWS);
      await primary.kill();
      const next = await overcome(blow);
      assert(next.primary !== primary);
      primary.restart();
    },
  ],
  ["the primary's node is frozen and thaws", async (blow) => {
    const { primary } = blow.reign;
    primary.freeze();
    try {
      const next = await overcome(blow);
      assert(next.primary !== primary);
    } finally {
      primary.thaw();
    }
  }],
  ["the primary's server is frozen while its agent lives", async (blow) => {
    blow.reign.primary.freezePostgres();
    await overcome(blow);
  }],
  ["all processes of all nodes are killed at once", async (blow) => {
    const { nodes } = blow.cluster;
    await Promise.all(nodes.map((node) => node.kill()));
    for (const node of nodes) node.restart();
    await overcome(blow);
  }],
];

Deno.test("no acknowledged row is lost while", (t) =>
  withPgCluster({}, async (cluster) => {
    await runScenarios(t, cluster, SCENARIOS);
    await t.step("(a ledger would see it)", () => seeLoss(cluster));
  }));

/** What the scenarios rely on: the verdict finds rows that are lost, twice there, or not to be there. */
async function seeLoss(cluster: PgCluster): Promise<void> {
  const { primary } = await cluster.settled();
  await primary.query("truncate ledger");
  await using ledger = startLedger({ hosts: cluster.hosts(), writers: 1 });
  await ledger.untilAcknowledged(ROWS);
  await ledger.stop();
  await primary.query("delete from ledger where number = 1");
  await primary.query("insert into ledger values (1, 2), (7, 1)");
  const verdict = await checkLedger(cluster, ledger);
  assertEquals(verdict.lost.map(({ number }) => number), [1]);
  assertEquals(verdict.twice, ["1.2"]);
  assertEquals(verdict.strange, ["7.1"]);
}
