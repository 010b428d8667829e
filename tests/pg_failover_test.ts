import { assert, assertEquals } from "@std/assert";
import { until } from "./nodes/mod.ts";
import {
  checkLedger,
  type Ledger,
  type PgCluster,
  type PgNode,
  type Reign,
  startLedger,
  withPgCluster,
} from "./postgres/mod.ts";

/** What has befallen a cluster, and whom. */
interface Blow {
  readonly cluster: PgCluster;
  readonly ledger: Ledger;
  /** Who reigned before. */
  readonly reign: Reign;
}

/** Rows that are to be acknowledged before a fault and after it. */
const ROWS = 40;

/** Runs faults under clients that write; nothing that was acknowledged may be missing at the end. */
async function underLoad(
  cluster: PgCluster,
  run: (blow: Blow) => Promise<void>,
): Promise<void> {
  const { primary } = await cluster.settled();
  await primary.query("truncate ledger");
  await using ledger = startLedger({ hosts: cluster.hosts() });
  await ledger.untilAcknowledged(ROWS);
  await run({ cluster, ledger, reign: await cluster.settled() });
  await ledger.untilAcknowledged(ROWS);
  assertSound(await checkLedger(cluster, ledger));
}

function assertSound(
  verdict: Awaited<ReturnType<typeof checkLedger>>,
): void {
  const { primaries, ...faults } = verdict;
  assertEquals(faults, { lost: [], twice: [], strange: [], differing: [] });
  assertEquals(primaries.length, 1);
}

/** Someone else, or the same one anew, has opened after the reign. */
async function overcome({ cluster, ledger, reign }: Blow): Promise<Reign> {
  const next = await cluster.opened(reign.epoch);
  await ledger.untilAcknowledged(ROWS);
  return next;
}

const FAULTS: readonly [string, (blow: Blow) => Promise<void>][] = [
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
      assertEquals(after, { primary, epoch });
      const failed = blow.ledger.rows().filter(({ outcome }) =>
        outcome !== "acknowledged"
      );
      assertEquals(failed, []);
    },
  ],
  ["the primary's agent is killed and stays away", async (blow) => {
    const { primary } = blow.reign;
    await primary.killAgent();
    const next = await overcome(blow);
    assert(next.primary !== primary);
    await primary.stopped();
    primary.restart();
  }],
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
  ["the primary's server is frozen while its agent lives", async (blow) => {
    const { primary } = blow.reign;
    primary.freezePostgres();
    await overcome(blow);
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
  ["all processes of all nodes are killed at once", async (blow) => {
    const { cluster, reign } = blow;
    await Promise.all(cluster.nodes.map((node) => node.kill()));
    for (const node of cluster.nodes) node.restart();
    await overcome({ ...blow, reign });
  }],
];

Deno.test("no acknowledged row is lost while", async (t) => {
  await withPgCluster({}, async (cluster) => {
    for (const [name, strike] of FAULTS) {
      const isOk = await t.step(name, () =>
        underLoad(cluster, async (blow) => {
          await strike(blow).catch((cause) => {
            throw new Error(`${name}\n${cluster.output()}`, { cause });
          });
        }));
      if (!isOk) throw new Error(`It is broken from here on: ${name}`);
    }
  });
});

/** Waits until the state of the cluster is between two reigns, and names who was granted the epoch. */
async function granted(cluster: PgCluster, since: number): Promise<PgNode> {
  return await until(async () => {
    const [record] = await cluster.history();
    return record && record.epoch > since && record.to !== 0
      ? cluster.node(record.to)
      : null;
  }, { what: "an epoch is granted" });
}

Deno.test("no acknowledged row is lost when the winner's agent dies at any state of the failover", async (t) => {
  const STATES = [
    /Commits will wait for/,
    /Promoted to timeline/,
    /The barrier of rule/,
    /Open as primary/,
  ];
  await withPgCluster({}, async (cluster) => {
    for (const state of STATES) {
      await t.step(String(state), () =>
        underLoad(cluster, async (blow) => {
          const { reign } = blow;
          const marks = new Map(cluster.nodes.map((node) => [
            node,
            node.agent.process().output().length,
          ]));
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
        }));
    }
  });
});
