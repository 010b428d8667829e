import { assert, assertEquals } from "@std/assert";
import { readEvents } from "../base/mod.ts";
import {
  checkLedger,
  type PgCluster,
  type Reign,
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
    assertEquals(await eventsOf(next), [
      "phase sealing",
      "primary 0",
      "phase granted",
      "phase open",
      `primary ${next.primary.id}`,
      `failover ${primary.id} to ${next.primary.id}`,
    ]);
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

/** What the new primary's node tells of how it came to its reign. */
async function eventsOf({ primary, epoch }: Reign): Promise<string[]> {
  const { api } = primary.agent;
  const response = await fetch(
    `http://${api}/v1/events?last=1024&once=true&kinds=phase,primary,failover`,
  );
  assert(response.body);
  const events = await Array.fromAsync(readEvents(response.body));
  const told = events.slice(1).map(({ event, data }) => {
    const said = JSON.parse(data);
    const what = event === "phase"
      ? said.phase
      : event === "primary"
      ? said.id
      : `${said.from} to ${said.to}`;
    return { what: `${event} ${what}`, epoch: said.epoch };
  });
  const begin = told.findIndex((one) =>
    one.what === "phase sealing" && one.epoch === epoch
  );
  // A sealing that goes on with a member that catches up is told of once more.
  return told.slice(begin).map(({ what }) => what)
    .filter((what, at, all) => what !== all[at - 1]);
}

Deno.test("no acknowledged row is lost while", (t) =>
  // A rule that PostgreSQL remarks upon must not keep anybody from sealing.
  withPgCluster(
    { hba: ["hostssl all all 10.0.0.0/8 reject"] },
    async (cluster) => {
      await runScenarios(t, cluster, SCENARIOS);
      await t.step("(a ledger would see it)", () => seeLoss(cluster));
    },
  ));

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
