import { assert } from "@std/assert";
import { until } from "../nodes/mod.ts";
import { type PgCluster, type PgNode, withPgCluster } from "../postgres/mod.ts";
import { overcome, runScenarios, type Scenario } from "../pg_test_kit.ts";

const SCENARIOS: readonly Scenario[] = [
  ["the primary's agent is killed and stays away", async (blow) => {
    const { primary } = blow.reign;
    await primary.killAgent();
    const next = await overcome(blow);
    assert(next.primary !== primary);
    // R8: its guard has seen to it.
    await primary.stopped();
    primary.restart();
  }],
  ["the primary's agent is frozen and thaws", async (blow) => {
    const { primary } = blow.reign;
    primary.agent.freeze();
    try {
      const next = await overcome(blow);
      assert(next.primary !== primary);
    } finally {
      primary.thaw();
    }
  }],
  ["two primaries die one after the other", async (blow) => {
    const { cluster, reign } = blow;
    await reign.primary.kill();
    const second = await overcome(blow);
    reign.primary.restart();
    await cluster.settled();
    await second.primary.kill();
    await overcome({ ...blow, reign: second });
    second.primary.restart();
  }],
  ["a new primary dies before the old one is back", async (blow) => {
    const { cluster, reign } = blow;
    await reign.primary.kill();
    const second = await cluster.opened(reign.epoch);
    second.primary.killPostmaster();
    await overcome({ ...blow, reign: second });
    reign.primary.restart();
  }],
  ["both standbys are frozen for a while", async (blow) => {
    const { cluster, reign } = blow;
    const standbys = await cluster.standbys();
    const [first] = standbys;
    assert(first);
    for (const standby of standbys) standby.freeze();
    try {
      await untilClosed(reign.primary);
    } finally {
      for (const standby of standbys) standby.thaw();
    }
  }],
];

/** R28: who cannot acknowledge and knows no leader lets nobody in. */
async function untilClosed(node: PgNode): Promise<void> {
  await until(async () => {
    try {
      await node.query("select 1");
      return null;
    } catch {
      return true;
    }
  }, { what: `node ${node.id} has closed itself` });
}

Deno.test("no acknowledged row is lost, in the long run, while", (t) =>
  withPgCluster({}, (cluster) => runScenarios(t, cluster, SCENARIOS)));

/** Waits until an epoch after `since` is granted, and says to whom. */
async function granted(cluster: PgCluster, since: number): Promise<PgNode> {
  return await until(async () => {
    const [record] = await cluster.history();
    return record && record.epoch > since && record.to !== 0
      ? cluster.node(record.to)
      : null;
  }, { what: "an epoch is granted" });
}

/** What an agent writes on its way to power, from the grant to the opening. */
const STATES = [
  /Commits will wait for/,
  /Promoted to timeline/,
  /The barrier of rule/,
  /Open as primary/,
];

const DEATHS: readonly Scenario[] = STATES.map((state) => [
  `the winner's agent dies once it has written ${state}`,
  async (blow) => {
    const { cluster, reign } = blow;
    const marks = new Map(
      cluster.nodes.map((node) => [node, node.agent.process().output().length]),
    );
    await reign.primary.kill();
    const winner = await granted(cluster, reign.epoch);
    await until(() => {
      const said = winner.agent.process().output();
      return state.test(said.slice(marks.get(winner))) || null;
    }, { what: `node ${winner.id} writes ${state}` });
    await winner.killAgent();
    reign.primary.restart();
    winner.restart();
    await overcome(blow);
  },
]);

/** Beside the winner, whoever seals and follows may die as well. */
const OTHERS: readonly Scenario[] = [
  /Deciding: attempt/,
  /Deciding: grant/,
  /Following node/,
].map((state) => [
  `an agent dies once it has written ${state}`,
  async (blow) => {
    const { cluster, reign } = blow;
    const others = cluster.nodes.filter((node) => node !== reign.primary);
    const marks = new Map(
      others.map((node) => [node, node.agent.process().output().length]),
    );
    await reign.primary.kill();
    const victim = await until(
      () =>
        others.find((node) =>
          state.test(node.agent.process().output().slice(marks.get(node)))
        ) ?? null,
      { what: `a node writes ${state}` },
    );
    await victim.killAgent();
    victim.restart();
    reign.primary.restart();
    await overcome(blow);
  },
]);

Deno.test("no acknowledged row is lost when an agent dies at any state of the failover:", (t) =>
  withPgCluster(
    {},
    (cluster) => runScenarios(t, cluster, [...DEATHS, ...OTHERS]),
  ));
