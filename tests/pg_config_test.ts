import { assert, assertEquals, assertMatch } from "@std/assert";
import { until } from "./nodes/mod.ts";
import { type PgNode, withPgCluster } from "./postgres/mod.ts";
import {
  CLONE_FROM_STANDBY,
  order,
  post,
  ROWS,
  runScenarios,
  type Scenario,
} from "./pg_test_kit.ts";

async function set(
  node: PgNode,
  parameters: Readonly<Record<string, string | null>>,
): Promise<number> {
  const answer = await post(node, "/v1/config", { parameters });
  assert(answer.kind === "ok", JSON.stringify(answer));
  return (answer.value as { version: number }).version;
}

interface ConfigView {
  readonly version: number;
  readonly parameters: Readonly<Record<string, string>>;
  readonly cluster: Readonly<Record<string, string>> | null;
  readonly members: readonly {
    readonly id: number;
    readonly version: number;
    readonly pending_restart: readonly string[];
    readonly pending_primary: readonly string[];
    readonly fault: string | null;
  }[];
}

async function config({ agent }: PgNode): Promise<ConfigView> {
  const answer = await agent.client.request("GET", "/v1/config");
  assert(answer.kind === "ok", JSON.stringify(answer));
  return answer.value as ConfigView;
}

/** Waits until all members have told that they have a version. */
async function whenAllHave(node: PgNode, version: number): Promise<ConfigView> {
  return await until(async () => {
    const seen = await config(node);
    return seen.members.every((one) => one.version === version) ? seen : null;
  }, { what: `all have configuration ${version}` });
}

/** Waits until all members tell what holds. */
async function whenPending(
  node: PgNode,
  holds: (member: ConfigView["members"][number]) => boolean,
): Promise<void> {
  await until(async () => (await config(node)).members.every(holds) || null, {
    what: "all tell what they wait for",
  });
}

async function settingOf(node: PgNode, name: string): Promise<unknown> {
  const { rows } = await node.query(`show ${name}`);
  return rows[0]?.[0];
}

const SCENARIOS: readonly Scenario[] = [
  [
    "what can change while a server runs counts at once, everywhere",
    async (blow) => {
      const { cluster, reign: { primary } } = blow;
      const version = await set(primary, { work_mem: "7MB" });
      const { members } = await whenAllHave(primary, version);
      assertEquals(members.flatMap((one) => one.pending_restart), []);
      for (const node of cluster.nodes) {
        await until(
          async () => await settingOf(node, "work_mem") === "7MB" || null,
          { what: `node ${node.id} has it` },
        );
      }
    },
  ],
  [
    "what is pgraft's, or PostgreSQL does not take, is refused with the reason",
    async (blow) => {
      const { reign: { primary } } = blow;
      const before = await config(primary);
      for (
        const [parameters, why] of [
          [{ fsync: "off" }, /lose data/],
          [{ synchronous_commit: "off" }, /synchronous_mode/],
          [{ work_mem: "many" }, /invalid value for parameter "work_mem"/],
          [{ nosuch: "1" }, /unrecognized configuration parameter "nosuch"/],
          [{ "work mem": "1MB" }, /no parameter's name/],
        ] as const
      ) {
        const answer = await post(primary, "/v1/config", { parameters });
        assert(answer.kind !== "ok", JSON.stringify(answer));
        assertMatch(answer.detail, why);
      }
      const stale = { parameters: { work_mem: "9MB" }, expected_version: 1 };
      const late = await post(primary, "/v1/config", stale);
      assert(late.kind !== "ok");
      assertMatch(late.detail, /decide anew/);
      assertEquals((await config(primary)).version, before.version);
    },
  ],
  [
    "the cluster's settings have versions as parameters have, and go back with them",
    async (blow) => {
      const { cluster, reign: { primary } } = blow;
      const { version: before, cluster: former } = await config(primary);
      assertEquals(former, {
        synchronous_mode: "quorum",
        maximum_lag_on_failover: "1MB",
      });
      const settled = { synchronous_mode: "strict" };
      const { client } = primary.agent;
      const by = { mode: "strict", author: "ann", comment: "an audit" };
      await client.request("PUT", "/v1/synchronous-mode", by);
      for (
        const [given, why] of [
          [{ synchronous_mode: "sync" }, /quorum, strict, off/],
          [{ maximum_lag_on_failover: "much" }, /a size from/],
          [{ agent_grace: "1s" }, /no setting of the cluster/],
        ] as const
      ) {
        const answer = await post(primary, "/v1/config", { cluster: given });
        assert(answer.kind !== "ok", JSON.stringify(answer));
        assertMatch(answer.detail, why);
      }
      const misplaced = await post(primary, "/v1/config", {
        parameters: settled,
      });
      assert(misplaced.kind !== "ok");
      assertMatch(misplaced.detail, /a setting of the cluster/);
      const both = await post(primary, "/v1/config", {
        parameters: { work_mem: "5MB" },
        cluster: { maximum_lag_on_failover: 4096 },
      });
      assert(both.kind === "ok", JSON.stringify(both));
      await blow.ledger.untilAcknowledged(ROWS);
      const now = await config(primary);
      assertEquals(now.cluster, {
        ...settled,
        maximum_lag_on_failover: "4kB",
      });
      assertEquals((await cluster.explain()).mode, "strict");
      const history = await client.request("GET", "/v1/config/history");
      assert(history.kind === "ok");
      const { versions } = history.value as {
        versions: { author: string; comment: string; changes: unknown }[];
      };
      assertEquals(
        versions.slice(0, 2).map(({ author, comment, changes }) => [
          author,
          comment,
          changes,
        ]),
        [
          ["", "", [
            { name: "maximum_lag_on_failover", from: "1MB", to: "4kB" },
            { name: "work_mem", from: "7MB", to: "5MB" },
          ]],
          ["ann", "an audit", [
            { name: "synchronous_mode", from: "quorum", to: "strict" },
          ]],
        ],
      );
      const back = await post(primary, "/v1/config/rollback", {
        version: before,
      });
      assert(back.kind === "ok", JSON.stringify(back));
      assertEquals((await config(primary)).cluster, former);
      assertEquals((await cluster.explain()).mode, "quorum");
    },
  ],
  [
    "a standby with less than a new primary restarts by itself, and streams (T30)",
    async (blow) => {
      const { cluster, ledger, reign: { primary } } = blow;
      const [standby] = await cluster.standbys();
      assert(standby);
      const version = await set(primary, { max_connections: "130" });
      await until(async () => {
        const { members } = await config(primary);
        return members.every((one) =>
          one.version === version &&
          one.pending_restart.includes("max_connections")
        ) || null;
      }, { what: "all tell that they wait for a restart" });
      await order(cluster, standby, "restart");
      const { epoch } = await cluster.settled();
      await post(primary, "/v1/switchover", { target: standby.id });
      await cluster.opened(epoch);
      await ledger.untilAcknowledged(ROWS);
      await cluster.settled();
      for (const node of cluster.nodes) {
        await until(
          async () =>
            await settingOf(node, "max_connections") === "130" || null,
          { what: `node ${node.id} has as much` },
        );
      }
    },
  ],
  [
    "what standbys must match goes down with a change of primary, then on the others (T30)",
    async (blow) => {
      const { cluster, reign: { primary } } = blow;
      const names = ["max_connections"];
      await set(primary, { max_connections: null });
      await whenPending(
        primary,
        ({ id, ...one }) =>
          id === primary.id
            ? one.pending_restart.join() === names.join()
            : one.pending_primary.join() === names.join(),
      );
      await order(cluster, primary, "restart");
      const { primary: next } = await cluster.settled();
      assert(next.id !== primary.id);
      assertEquals(await settingOf(next, "max_connections"), "100");
      await whenPending(next, (one) => one.pending_primary.length === 0);
      for (const { id, pending_restart } of (await config(next)).members) {
        if (pending_restart.length > 0) {
          await order(cluster, cluster.node(id), "restart");
        }
      }
      for (const node of cluster.nodes) {
        assertEquals(await settingOf(node, "max_connections"), "100");
      }
      await whenPending(next, (one) => one.pending_restart.length === 0);
    },
  ],
  [
    "a node that can't start with a value keeps the ones before, and says so",
    async (blow) => {
      const { cluster, reign: { primary } } = blow;
      const [standby] = await cluster.standbys();
      assert(standby);
      const { version: good } = await config(primary);
      await whenAllHave(
        primary,
        await set(primary, { shared_buffers: "800GB" }),
      );
      await order(cluster, standby, "restart");
      const { members } = await config(primary);
      const fault = members.find(({ id }) => id === standby.id)?.fault ?? "";
      assertMatch(fault, /does not start with configuration/);
      const back = await post(primary, "/v1/config/rollback", {
        version: good,
      });
      assert(back.kind === "ok", JSON.stringify(back));
      const { version } = back.value as { version: number };
      const seen = await whenAllHave(primary, version);
      assertEquals(seen.members.map((one) => one.fault), [null, null, null]);
      assertEquals(seen.parameters["shared_buffers"], undefined);
    },
  ],
  ["a primary that is restarted hands its reign over first", async (blow) => {
    const { cluster, reign: { primary, epoch } } = blow;
    await order(cluster, primary, "restart");
    const next = await cluster.settled();
    assert(next.epoch > epoch && next.primary.id !== primary.id);
    const [record] = await cluster.history();
    assertEquals(record?.kind, "switchover");
  }],
  [
    "a standby takes a new copy of the data when asked to, the primary never",
    async (blow) => {
      const { cluster, reign: { primary } } = blow;
      const [standby] = await cluster.standbys();
      assert(standby);
      const refused = await post(primary, `/v1/nodes/${primary.id}/reinit`, {});
      assert(refused.kind !== "ok");
      assertMatch(refused.detail, /is the primary/);
      await order(cluster, standby, "reinit");
    },
  ],
  CLONE_FROM_STANDBY,
  [
    "a standby streams from another that is named for it, and from the primary when that one dies",
    async (blow) => {
      const { cluster, reign: { primary } } = blow;
      const [standby, source] = await cluster.standbys();
      assert(standby && source);
      const cascade = async (from: number | null): Promise<void> => {
        const path = `/v1/nodes/${standby.id}/tags`;
        const { client } = primary.agent;
        const answer = await client.request("PUT", path, {
          cascade_from: from,
        });
        assert(answer.kind === "ok", JSON.stringify(answer));
      };
      const untilFrom = (node: PgNode): Promise<true> =>
        until(async () => {
          const sql =
            "select sender_port from pg_stat_wal_receiver where status = 'streaming'";
          const { rows } = await standby.query(sql);
          return rows[0]?.[0] === String(node.port) || null;
        }, { what: `node ${standby.id} streams from node ${node.id}` });
      await cascade(source.id);
      await untilFrom(source);
      await source.kill();
      await untilFrom(primary);
      source.restart();
      await untilFrom(source);
      await cascade(null);
      await untilFrom(primary);
    },
  ],
];

Deno.test("PostgreSQL's parameters and orders under clients that write", async (t) => {
  await withPgCluster({}, (cluster) => runScenarios(t, cluster, SCENARIOS));
});
