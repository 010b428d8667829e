import { assert, assertEquals, assertMatch } from "@std/assert";
import { present, statOf } from "../base/mod.ts";
import { until } from "./nodes/mod.ts";
import {
  type PgCluster,
  type PgNode,
  processesNaming,
  withPgCluster,
} from "./postgres/mod.ts";
import {
  type Blow,
  CHANGE_TIMEOUT_MS,
  overcome,
  post,
  ROWS,
  runScenarios,
  type Scenario,
} from "./pg_test_kit.ts";

async function put(
  { agent }: PgNode,
  path: string,
  body: unknown,
): Promise<void> {
  const options = { timeoutMs: CHANGE_TIMEOUT_MS };
  const answer = await agent.client.request("PUT", path, body, options);
  assert(answer.kind === "ok", JSON.stringify(answer));
}

function tag(through: PgNode, node: PgNode, tags: unknown): Promise<void> {
  return put(through, `/v1/nodes/${node.id}/tags`, tags);
}

/** Waits until one rule is in force that names these standbys, and needs so many of them. */
async function untilRule(
  cluster: PgCluster,
  standbys: readonly PgNode[],
  required: number,
): Promise<void> {
  const ids = standbys.map(({ id }) => id).toSorted((a, b) => a - b);
  await until(async () => {
    const { sync } = await cluster.view();
    const { rules } = await cluster.explain();
    return rules.length === 1 && sync?.required === required &&
        JSON.stringify(sync.standbys) === JSON.stringify(ids) || null;
  }, { what: `commits need ${required} of ${ids}` });
}

function failedRows({ ledger }: Blow): unknown[] {
  return ledger.rows().filter(({ outcome }) => outcome !== "acknowledged");
}

function niceOf(pid: number): number {
  return present(statOf(pid), `process ${pid}`).nice;
}

const SCENARIOS: readonly Scenario[] = [
  [
    "a node runs before others where it may, and nothing that it starts does",
    ({ reign: { primary } }) => {
      const { agent, dataDir } = primary;
      const nice = niceOf(agent.process().pid);
      const isTold = /may not run before others.*CAP_SYS_NICE/.test(
        agent.output(),
      );
      assertEquals([nice, isTold], isTold ? [0, true] : [-19, false]);
      const named = processesNaming(dataDir).filter((pid) =>
        pid !== agent.process().pid
      );
      assert(named.length > 0);
      const started = [...primary.processes(), ...named].map(niceOf);
      assertEquals(new Set(started), new Set([0]));
      return Promise.resolve();
    },
  ],
  [
    "agents are stopped in order: PostgreSQL goes on, no write fails, and they take it over as it is",
    async (blow) => {
      const { cluster, ledger, reign: { primary, epoch } } = blow;
      const before = cluster.nodes.map((node) => node.postmaster());
      assertEquals(await primary.agent.terminate(), 0);
      await ledger.untilAcknowledged(ROWS);
      primary.restart();
      await primary.agent.ready();
      const [standby] = await cluster.standbys();
      assert(standby);
      assertEquals(await standby.agent.terminate(), 0);
      standby.restart();
      await standby.agent.ready();
      const after = await cluster.settled();
      await ledger.untilAcknowledged(ROWS);
      assertEquals([after.primary.id, after.epoch], [primary.id, epoch]);
      assertEquals(cluster.nodes.map((node) => node.postmaster()), before);
      assertEquals(failedRows(blow), []);
    },
  ],
  ["PostgreSQL's files are read again, and no write fails", async (blow) => {
    const { cluster, ledger } = blow;
    for (const node of cluster.nodes) {
      const answer = await post(node, `/v1/nodes/${node.id}/reload`, {});
      assert(answer.kind === "ok", JSON.stringify(answer));
      await until(() => /asks for a reload/.test(node.agent.output()) || null, {
        what: `node ${node.id} is reloaded`,
      });
    }
    await ledger.untilAcknowledged(ROWS);
    assertEquals(failedRows(blow), []);
  }],
  [
    "a node in maintenance hands its reign over and gets none, and holds commits as before",
    async (blow) => {
      const { cluster, ledger, reign: { primary, epoch } } = blow;
      const work = `/v1/nodes/${primary.id}/maintenance`;
      await put(primary, work, { maintenance: true });
      const next = await cluster.opened(epoch);
      assert(next.primary !== primary);
      await cluster.settled();
      const refused = await post(primary, "/v1/switchover", {
        target: primary.id,
      });
      assert(refused.kind !== "ok");
      assertMatch(refused.detail, /maintenance/);
      const third = cluster.nodes.find((node) =>
        node !== primary && node !== next.primary
      );
      assert(third);
      await third.kill();
      await ledger.untilAcknowledged(ROWS);
      third.restart();
      await cluster.settled();
      await put(primary, work, { maintenance: false });
    },
  ],
  [
    "who has nosync is in no rule and leaves it in two steps; among equals failover_priority wins",
    async (blow) => {
      const { cluster, ledger, reign: { primary } } = blow;
      const [first, second] = await cluster.standbys();
      assert(first && second);
      await tag(primary, first, { nosync: true });
      await untilRule(cluster, [second], 1);
      await first.kill();
      await ledger.untilAcknowledged(ROWS);
      first.restart();
      await tag(primary, first, { nosync: false, failover_priority: 200 });
      await untilRule(cluster, [first, second], 1);
      await cluster.settled();
      // In a switchover both standbys get all of the log.
      const answer = await post(primary, "/v1/switchover", {});
      assert(answer.kind === "ok", JSON.stringify(answer));
      const next = await overcome(blow);
      assertEquals(next.primary.id, first.id);
    },
  ],
];

Deno.test("no acknowledged row is lost when, in the life of a cluster,", (t) =>
  withPgCluster({}, (cluster) => runScenarios(t, cluster, SCENARIOS)));
