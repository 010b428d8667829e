import { assert, assertEquals, assertMatch } from "@std/assert";
import { leaveTail } from "./pg_fault_kit.ts";
import {
  CLONE_FROM_STANDBY,
  overcome,
  runScenarios,
  type Scenario,
} from "./pg_test_kit.ts";
import { withPgCluster } from "./postgres/mod.ts";
import { speaksSql } from "./sql_majors.ts";

/** How many transactions of the old primary nobody else gets. */
const TAIL = 3;

const SCENARIOS: readonly Scenario[] = [
  [
    "the primary is killed with a tail of its own, and is cloned through the new one's agent",
    async (blow) => {
      const { cluster, reign: { primary } } = blow;
      await leaveTail(blow, TAIL);
      const next = await overcome(blow);
      assert(next.primary !== primary);
      primary.restart();
      await cluster.settled();
      const said = primary.agent.process().output();
      assertMatch(said, /how much could not be counted/);
      assertMatch(said, new RegExp(`Cloned from node ${next.primary.id}`));
      const [record] = await cluster.history();
      assertEquals(record?.given_up, [
        { id: primary.id, bytes: null, commits: null },
      ]);
      const { rows } = await next.primary.query(
        "select count(*) from ledger where writer = 0",
      );
      assertEquals(rows, [["0"]]);
    },
  ],
];

/** Through the standby's agent here. */
const MORE: ReadonlyMap<number, readonly Scenario[]> = new Map([
  [17, [CLONE_FROM_STANDBY]],
]);

for (const major of [17, 18]) {
  Deno.test(`no acknowledged row is lost on npm's PostgreSQL ${major} while`, (t) =>
    withPgCluster(
      { flags: { "postgresql-version": String(major) }, extension: true },
      async (cluster) => {
        const { primary } = await cluster.settled();
        const { rows } = await primary.query("show server_version");
        assertMatch(rows[0]?.[0] ?? "", new RegExp(`^${major}\\.`));
        for (const standby of await cluster.standbys()) {
          const said = standby.agent.process().output();
          assertEquals([...said.matchAll(/Cloning from node/g)].length, 1);
        }
        const more = MORE.get(major) ?? [];
        await runScenarios(t, cluster, [...SCENARIOS, ...more]);
        await speaksSql(t, cluster);
      },
    ));
}
