import { assert, assertEquals, assertMatch } from "@std/assert";
import { until } from "./nodes/mod.ts";
import { type PgCluster, withPgCluster } from "./postgres/mod.ts";
import { ROWS, runScenarios, type Scenario } from "./pg_test_kit.ts";

const CHANGE_TIMEOUT_MS = 90_000;

/** R6: the survivor goes on alone, and says so. */
async function untilDegraded(cluster: PgCluster): Promise<void> {
  await until(async () => (await cluster.view()).sync?.degraded || null, {
    what: "the cluster is degraded",
  });
}

const SCENARIOS: readonly Scenario[] = [
  [
    "the standby dies: the primary goes on alone, until the other is back",
    async (blow) => {
      const { cluster, ledger, reign } = blow;
      const [standby] = await cluster.standbys();
      assert(standby);
      await standby.kill();
      await untilDegraded(cluster);
      await ledger.untilAcknowledged(ROWS);
      standby.restart();
      const after = await cluster.settled();
      assertEquals([after.primary.id, after.epoch], [
        reign.primary.id,
        reign.epoch,
      ]);
      assertEquals((await cluster.view()).sync?.degraded, false);
    },
  ],
  [
    "the primary dies: the standby takes over and goes on alone",
    async (blow) => {
      const { cluster, ledger, reign } = blow;
      await reign.primary.kill();
      const next = await cluster.opened(reign.epoch);
      assert(next.primary !== reign.primary);
      await ledger.untilAcknowledged(ROWS);
      const said = next.primary.agent.process().output().length;
      reign.primary.restart();
      await cluster.settled();
      // R20: its list was empty, so the names go in only where a commit was seen to wait.
      assertMatch(
        next.primary.agent.process().output().slice(said),
        /A commit was seen waiting/,
      );
    },
  ],
  [
    "the lone primary dies: nobody takes over, and it may come back",
    async (blow) => {
      const { cluster, ledger, reign: { primary, epoch } } = blow;
      const [standby] = await cluster.standbys();
      assert(standby);
      await standby.kill();
      await untilDegraded(cluster);
      await ledger.untilAcknowledged(ROWS);
      await primary.kill();
      standby.restart();
      await standby.agent.ready();
      const answer = await until(async () => {
        const seen = await standby.agent.client.request(
          "POST",
          "/v1/failover",
          {},
          { timeoutMs: CHANGE_TIMEOUT_MS },
        );
        return seen.status === 0 || seen.status === 503 ? null : seen;
      }, { what: "the failover is answered" });
      assert(answer.kind !== "ok", "commits would be lost");
      assertMatch(answer.detail, /allow_data_loss/);
      primary.restart();
      const next = await cluster.opened(epoch);
      assertEquals(next.primary.id, primary.id);
    },
  ],
];

Deno.test("no acknowledged row is lost with two data members and a witness when", (t) =>
  withPgCluster(
    { size: 2, witness: true },
    (cluster) => runScenarios(t, cluster, SCENARIOS),
  ));
