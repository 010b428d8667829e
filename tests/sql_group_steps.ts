import { assert, assertEquals, assertMatch } from "@std/assert";
import { freePorts, until } from "./nodes/mod.ts";
import type { PgCluster, PgNode } from "./postgres/mod.ts";
import {
  ask,
  assertFails,
  leaderAndOther,
  rowsOf,
  valueOf,
} from "./sql_test_kit.ts";

/** A change of members or of the primary may take as long as a call waits for it. */
const LONG = { timeoutMs: 80_000 };
/** A node that joins asks one of them after the other, and is a stranger until then. */
const DEAF_PEERS = 10;

async function showsGroup(node: PgNode, leader: PgNode): Promise<void> {
  assertEquals(
    await rowsOf(
      node,
      "select state, waiting_for, num_nodes, voters, has_quorum from pgraft.cluster_formation",
    ),
    [["running", null, "3", "3", "t"]],
  );
  assertEquals(
    await rowsOf(
      node,
      "select node_id, leader_id, state = 'leader', current_term = pgraft_get_term(), heartbeats_sent > 0 from pgraft.election_activity",
    ),
    [[
      String(node.id),
      String(leader.id),
      node === leader ? "t" : "f",
      "t",
      node === leader ? "t" : await valueOf(
        node,
        "select (heartbeats_sent > 0) from pgraft_get_cluster_status()",
      ),
    ]],
  );
  // Followers have nothing to tell each other.
  const heard = `messages_received > 0 or ${node !== leader}`;
  await until(
    async () =>
      await valueOf(
          node,
          `select count(*) from pgraft.network_status where is_reached and sending and receiving and rtt_ms > 0 and (${heard})`,
        ) === "2" || null,
    { what: "both others are reached" },
  );
}

/** What views show is what is. */
export async function showsWhatIs(cluster: PgCluster): Promise<void> {
  const { primary, epoch } = await cluster.settled();
  const { leader, other } = await leaderAndOther(cluster);
  for (const node of [leader, other]) await showsGroup(node, leader);
  await until(
    async () =>
      await valueOf(
          other,
          "select concat_ws(' ', overall_status, healthy_nodes, total_nodes, errors) from pgraft.health_status",
        ) === "ok 3 3 " || null,
    { what: "all is well" },
  );
  assertEquals(
    await rowsOf(
      other,
      "select id, node_id, timestamp > now() - interval '1 hour' from pgraft.cluster_events limit 1",
    ),
    [[String(epoch), String(primary.id), "t"]],
  );
  for (const value of ["once", "twice"]) {
    await rowsOf(leader, `select pgraft_kv_put('counted', '${value}')`);
  }
  assertEquals(
    await rowsOf(
      leader,
      "select value, version, created_at > now() - interval '1 minute', updated_at > created_at from pgraft.kv where key = 'counted'",
    ),
    [["twice", "2", "t", "t"]],
  );
  const index = await valueOf(
    leader,
    "select pgraft_execute('create table mapped (n int)', 'table_create')",
    LONG,
  );
  await until(
    async () =>
      await valueOf(
          other,
          `select concat_ws(' ', operation_type, target_table, operation_data ->> 'sql') from pgraft.log_index_mapping where raft_index = ${index}`,
        ) === "table_create mapped create table mapped (n int)" || null,
    { what: "the operation has run here" },
  );
}

/** Who watches keys is shown where it watches. */
export async function showsWatchers(cluster: PgCluster): Promise<void> {
  const { leader, other } = await leaderAndOther(cluster);
  const watchers = "select watch_count, watch_pending from pgraft.watch_status";
  assertEquals(await rowsOf(other, watchers), []);
  const url = `http://${other.agent.api}/v1/watch?prefix=watched`;
  const { body } = await fetch(url);
  assert(body);
  try {
    await rowsOf(leader, "select pgraft_kv_put('watched', 'x')");
    await until(
      async () => (await rowsOf(other, watchers)).join(";") === "1,0" || null,
      { what: "the watcher was told" },
    );
  } finally {
    // The signal of a fetch does nothing any more once Deno has collected its garbage.
    await body.cancel();
  }
  await until(
    async () => (await rowsOf(other, watchers)).length === 0 || null,
    { what: "the watcher is forgotten" },
  );
}

/** A node is let in and removed by the leader, and by nobody else. */
export async function changesMembers(cluster: PgCluster): Promise<void> {
  const { leader, other } = await leaderAndOther(cluster);
  const deaf = freePorts(DEAF_PEERS).map((port) => `127.0.0.1:${port}`);
  const id = 9;
  const agent = cluster.cluster.add(id, {
    "cluster-join": [...deaf, leader.agent.raft].join(","),
  });
  const [host, port] = agent.raft.split(":");
  await assertFails(
    other,
    `select pgraft_add_node(${id}, '${host}', ${port})`,
    "RF001",
  );
  await until(async () => {
    const call = `select pgraft_add_node(${id}, '${host}', ${port})`;
    return await valueOf(leader, call, LONG).catch((error) => {
          assertMatch(String(error), /08001/);
          return null;
        }) === "t" || null;
  }, { what: "the node is let in" });
  const members = "select count(*) from pgraft.member_list";
  assertEquals(await valueOf(leader, members), "4");
  await agent.ready(30_000);
  assertEquals(
    await valueOf(leader, `select pgraft_remove_node(${id})`, LONG),
    "t",
  );
  assertEquals(await valueOf(leader, members), "3");
  await agent.kill();
}

/** Leadership and the primary change by SQL, and where they are is what is answered. */
export async function changesWhoLeads(cluster: PgCluster): Promise<void> {
  const { other } = await leaderAndOther(cluster);
  assertEquals(await valueOf(other, "select pgraft_force_election()"), "t");
  assertEquals(await valueOf(other, "select pgraft_is_leader()"), "t");
  const first = await cluster.settled();
  const [caller, target] = await cluster.standbys();
  assert(caller && target);
  assertEquals(
    await rowsOf(
      caller,
      `select primary_id, epoch from pgraft_switchover(${target.id})`,
      LONG,
    ),
    [[String(target.id), String(first.epoch + 1)]],
  );
  assertEquals((await cluster.opened(first.epoch)).primary, target);
  await cluster.settled();
  // Whoever becomes the primary ends its sessions: this one, if it is the best.
  const outcome = await ask(caller, "select * from pgraft_switchover()", LONG);
  const next = await cluster.opened(first.epoch + 1);
  assert(next.primary !== target);
  if ("code" in outcome) {
    assertEquals([outcome.code, next.primary.id], ["57P01", caller.id]);
  } else assertEquals(outcome.rows[0]?.[0], String(next.primary.id));
  await cluster.settled();
}

/** An agent stops by SQL as it does by SIGTERM. */
export async function stopsAnAgent(cluster: PgCluster): Promise<void> {
  const [node] = await cluster.standbys();
  assert(node);
  const agent = node.agent.process();
  assertEquals(await valueOf(node, "select pgraft_stop()"), "t");
  await until(() => agent.status() !== null || null, {
    what: "the agent has ended",
  });
  assertEquals(agent.status()?.code, 0);
  node.restart();
  await cluster.settled();
}
