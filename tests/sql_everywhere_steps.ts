import { assertEquals, assertMatch } from "@std/assert";
import { SQL_FUNCTIONS, SQL_VIEWS } from "../pg/sql/mod.ts";
import { until } from "./nodes/mod.ts";
import type { PgCluster, PgNode } from "./postgres/mod.ts";
import {
  ask,
  assertFails,
  leaderAndOther,
  rowsOf,
  untilSettingsRead,
  valueOf,
} from "./sql_test_kit.ts";

/** Values with which a function can be called without changing what others rest on. */
export const VALUES: Readonly<Record<string, string>> = {
  pgraft_init: "", // both forms are tried by name
  pgraft_log_append: "(select pgraft_get_term()), 'entry'",
  pgraft_append_log: "'entry'",
  pgraft_replicate_entry: "'entry'",
  pgraft_read_log: "1",
  pgraft_log_get_entry: "1",
  pgraft_commit_log: "1",
  pgraft_log_commit: "1",
  pgraft_log_apply: "1",
  pgraft_kv_put: "'key', 'value'",
  pgraft_kv_get: "'key'",
  pgraft_kv_delete: "'gone'",
  pgraft_kv_exists: "'key'",
  pgraft_set_debug: "false",
};

/** What would end or move something, or is tried on its own. */
const NOT_CALLED: ReadonlySet<string> = new Set([
  "pgraft_stop",
  "pgraft_add_node",
  "pgraft_remove_node",
  "pgraft_switchover",
  "pgraft_force_election",
  "pgraft_kv_reset",
  "pgraft_execute",
  "pgraft_execute_result",
]);

/** Functions that are called with these. */
export const CALLABLE = SQL_FUNCTIONS.filter((
  { name, does, arguments: args },
) =>
  does.kind === "call" && !NOT_CALLED.has(name) &&
  !(name === "pgraft_init" && args.length > 0)
);

/** Every function and view, on the leader and on the others. */
export async function answersEverywhere(cluster: PgCluster): Promise<void> {
  const { leader, other } = await leaderAndOther(cluster);
  await rowsOf(leader, "select pgraft_append_log('first')");
  await rowsOf(leader, "select pgraft_kv_put('key', 'value')");
  for (const node of cluster.nodes) {
    for (const row of CALLABLE) {
      const call = `select * from ${row.name}(${VALUES[row.name] ?? ""})`;
      const outcome = await ask(node, call);
      const mustLead = row.access === "admin" &&
        /log|kv_(put|delete)|replicate/.test(row.name) &&
        !/get_logs/.test(row.name);
      const code = "code" in outcome ? outcome.code : "";
      assertEquals([row.name, code], [
        row.name,
        mustLead && node !== leader ? "RF001" : "",
      ]);
    }
    for (const { schema, name } of SQL_VIEWS) {
      await rowsOf(node, `select * from ${schema}.${name}`);
    }
    assertEquals(
      await valueOf(node, "select pgraft_get_leader()"),
      String(leader.id),
    );
    assertEquals(
      await valueOf(node, "select pgraft_is_leader()"),
      node === leader ? "t" : "f",
    );
    assertEquals(
      await valueOf(node, "select node_id from pgraft_get_node_info()"),
      String(node.id),
    );
    assertEquals(await valueOf(node, "select pgraft_kv_get('key')"), "value");
    assertMatch(
      await valueOf(node, "select pgraft_read_log(1)") ?? "",
      /^\{"index":1,"term":[1-9]\d*,"data":"first"\}$/,
    );
  }
  const refusal = await assertFails(
    other,
    "select pgraft_append_log('x')",
    "RF001",
  );
  assertMatch(refusal, new RegExp(`current leader: ${leader.id}`));
}

function setting(
  node: PgNode,
  name: string,
  column = "setting",
): Promise<string | null> {
  return valueOf(
    node,
    `select ${column} from pgraft.settings where name = 'pgraft.${name}'`,
  );
}

/** What `ALTER SYSTEM` and a reload change, and what they do not. */
export async function takesSettingsOver(cluster: PgCluster): Promise<void> {
  const { leader, other } = await leaderAndOther(cluster);
  await untilSettingsRead(other);
  for (
    const [name, value] of [
      ["heartbeat_interval", "150"],
      ["forward_writes", "on"],
      ["log_level", "loud"],
      ["node_id", "9"],
      ["snapshot_count", "500"],
      ["worker_interval", "7"],
    ]
  ) {
    await rowsOf(other, `alter system set pgraft.${name} = '${value}'`);
  }
  await rowsOf(other, "select pg_reload_conf()");
  for (const node of cluster.nodes) {
    await until(
      async () => await setting(node, "heartbeat_interval") === "150" || null,
      { what: `node ${node.id} has the new heartbeat` },
    );
    await until(
      async () =>
        await valueOf(node, "show pgraft.heartbeat_interval") === "150" || null,
      { what: `node ${node.id} shows it` },
    );
  }
  assertEquals(await setting(other, "log_level"), "info");
  assertMatch(
    await setting(other, "log_level", "reason") ?? "",
    /loud.*allowed: debug/,
  );
  await until(
    () =>
      /pgraft\.log_level = "loud" is refused.*it stays info/.test(
        other.agent.process().output(),
      ) || null,
    { what: "the agent has logged the refusal" },
  );
  assertEquals(await setting(other, "node_id"), String(other.id));
  assertMatch(
    await setting(other, "node_id", "reason") ?? "",
    /needs a restart/,
  );
  assertEquals(await setting(other, "snapshot_count"), "500");
  assertEquals(await setting(other, "worker_interval", "state"), "refused");
  assertEquals(
    await valueOf(other, "select pgraft_kv_put('forwarded', 'yes')"),
    "t",
  );
  assertEquals(
    await valueOf(leader, "select pgraft_kv_get('forwarded')"),
    "yes",
  );
  await refusesAndLeadsBack(leader, other);
}

async function refusesAndLeadsBack(
  leader: PgNode,
  other: PgNode,
): Promise<void> {
  await rowsOf(other, "alter system set pgraft.heartbeat_interval = 1500");
  await rowsOf(other, "alter system reset pgraft.forward_writes");
  await rowsOf(other, "alter system reset pgraft.log_level");
  await rowsOf(other, "select pg_reload_conf()");
  await until(
    async () =>
      await setting(other, "heartbeat_interval", "state") === "refused" || null,
    { what: "a heartbeat that does not fit is refused" },
  );
  await until(
    async () => await setting(other, "forward_writes") === "off" || null,
    { what: "a reset leads back" },
  );
  assertEquals(await setting(other, "heartbeat_interval"), "150");
  assertEquals(await setting(other, "log_level", "state"), "applied");
  await rowsOf(other, "alter system set pgraft.heartbeat_interval = 100");
  await rowsOf(other, "alter system reset pgraft.node_id");
  await rowsOf(other, "select pg_reload_conf()");
  await until(
    async () => await setting(leader, "heartbeat_interval") === "100" || null,
    { what: "the heartbeat is as before" },
  );
}
