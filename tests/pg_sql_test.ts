import { assert, assertEquals, assertMatch } from "@std/assert";
import { SQL_VIEWS, type SqlFunction } from "../pg/sql/mod.ts";
import { until } from "./nodes/mod.ts";
import type { PgCluster } from "./postgres/mod.ts";
import {
  answersEverywhere,
  CALLABLE,
  takesSettingsOver,
  VALUES,
} from "./sql_everywhere_steps.ts";
import { boundsAnyAgent } from "./sql_fake_agent.ts";
import {
  changesMembers,
  changesWhoLeads,
  showsWatchers,
  showsWhatIs,
  stopsAnAgent,
} from "./sql_group_steps.ts";
import {
  PROMISED_FUNCTIONS,
  PROMISED_SETTINGS,
  PROMISED_VIEWS,
} from "./sql_signatures.ts";
import {
  ask,
  assertFails,
  leaderAndOther,
  rowsOf,
  valueOf,
  withSqlCluster,
} from "./sql_test_kit.ts";

import {
  answersWithoutLeader,
  callWithSome,
  refusesWhoMayNot,
  takesAnyValue,
} from "./sql_values_steps.ts";

/** What may happen later, or would end the node. */
const UNTRIED: ReadonlySet<string> = new Set([
  "pgraft_stop",
  "pgraft_force_election",
  "pgraft_execute",
]);

/** A call that means something, where the table above has values for it. */
function callOf(row: SqlFunction): string {
  const isKnown = row.name in VALUES && VALUES[row.name] !== "";
  return isKnown
    ? `select * from ${row.name}(${VALUES[row.name]})`
    : callWithSome(row);
}

/** Every object of the extension, as it is. */
const OBJECTS =
  `select string_agg(pg_describe_object(classid, objid, 0) || coalesce(' ' || pg_get_functiondef(p.oid), ''), E'\\n' order by 1)
  from (select d.classid, d.objid from pg_depend d where d.refclassid = 'pg_extension'::regclass
    and d.refobjid = (select oid from pg_extension where extname = 'pgraft')) m
  left join pg_proc p on m.classid = 'pg_proc'::regclass and p.oid = m.objid`;

const FUNCTIONS_THERE =
  `select string_agg(p.oid::regprocedure::text, ',' order by p.oid::regprocedure::text) from pg_proc p
  where p.pronamespace in ('pgraft'::regnamespace, 'public'::regnamespace) and p.proname like '%pgraft%' or p.pronamespace = 'pgraft'::regnamespace`;

async function installs({ settled }: PgCluster): Promise<void> {
  const { primary } = await settled();
  await rowsOf(primary, "create database upgraded");
  await rowsOf(primary, "create database plain");
  const upgraded = { database: "upgraded" };
  await rowsOf(primary, "create extension pgraft version '1.0'", upgraded);
  assertEquals(
    await valueOf(primary, "select pgraft_version()", upgraded),
    await valueOf(primary, "select pgraft_version()"),
  );
  await assertFails(primary, "select pgraft_kv_get('a')", "42883", upgraded);
  await rowsOf(primary, "alter extension pgraft update", upgraded);
  assertEquals(
    await valueOf(primary, OBJECTS, upgraded),
    await valueOf(primary, OBJECTS),
  );
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "main.ts", "ctl", "extension", "sql"],
  }).output();
  const script = new TextDecoder().decode(stdout);
  for (let time = 0; time < 2; time++) {
    await rowsOf(primary, script, { database: "plain" });
  }
  assertEquals(
    await valueOf(primary, FUNCTIONS_THERE, { database: "plain" }),
    await valueOf(primary, FUNCTIONS_THERE),
  );
  assertEquals(
    await valueOf(primary, "select pgraft_get_leader()", { database: "plain" }),
    await valueOf(primary, "select pgraft_get_leader()"),
  );
}

async function isAsPromised({ nodes }: PgCluster): Promise<void> {
  const [node] = nodes;
  assert(node);
  for (const schema of ["pgraft", "public"]) {
    const there = await rowsOf(
      node,
      `select proname, pg_get_function_arguments(oid), pg_get_function_result(oid) from pg_proc
         where pronamespace = '${schema}'::regnamespace`,
    );
    const known = new Set(there.map((row) => row.join(" | ")));
    for (const promised of PROMISED_FUNCTIONS) {
      assert(known.has(promised.join(" | ")), `${schema}: ${promised}`);
    }
  }
  for (const [view, columns] of PROMISED_VIEWS) {
    assertEquals(
      await valueOf(
        node,
        `select string_agg(attname, ',' order by attnum) from pg_attribute where attrelid = '${view}'::regclass and attnum > 0`,
      ),
      columns,
      view,
    );
  }
  for (const name of PROMISED_SETTINGS) {
    const shown = await valueOf(node, `show pgraft.${name}`);
    const setting = await valueOf(
      node,
      `select setting from pgraft.settings where name = 'pgraft.${name}'`,
    );
    assertEquals(shown, setting, name);
  }
}

async function keepsStrangersOut(cluster: PgCluster): Promise<void> {
  const { primary } = await cluster.settled();
  await rowsOf(
    primary,
    "create role watcher; grant pgraft_monitor to watcher; create role chief; grant pgraft_admin to chief; create role nobody",
  );
  for (const row of CALLABLE) {
    const call = `select * from pgraft.${row.name}(${
      (VALUES[row.name] ?? "").replace("(select pgraft_get_term())", "1")
    })`;
    for (const name of [call, call.replace("pgraft.", "public.")]) {
      for (
        const role of row.access === "admin" ? ["chief"] : ["chief", "watcher"]
      ) {
        const outcome = await ask(primary, name, { role });
        assert(
          "rows" in outcome || outcome.code !== "42501",
          `${role}: ${name}`,
        );
      }
    }
  }
  await refusesWhoMayNot(primary);
  for (const { schema, name, access } of SQL_VIEWS) {
    const role = access === "admin" ? "chief" : "watcher";
    await rowsOf(primary, `select * from ${schema}.${name}`, { role });
  }
  for (
    const inner of [
      "select pgraft._call('pgraft_version', '[]', 1000, false)",
      "select pgraft._dblink_connect('x', 'dbname=postgres')",
      "select * from pgraft._secret",
      "select pgraft._operation_token(1)",
      "select pgraft._mark_applied(1, 1, 1, 'x')",
    ]
  ) await assertFails(primary, inner, "42501", { role: "chief" });
  await assertFails(
    primary,
    "select pgraft._execute('drop table ledger', 'custom', 'postgres', 'x', true)",
    "42501",
    { role: "chief" },
  );
}

/** A session that sets whatever it may, and puts its own functions in front. */
async function resistsAttacks(cluster: PgCluster): Promise<void> {
  const { primary } = await cluster.settled();
  await rowsOf(
    primary,
    `create schema evil; grant usage on schema evil to public;
     create table evil.hits (who text); grant insert on evil.hits to public;
     create function evil.json_build_array(variadic "any") returns json language internal as 'json_build_array';
     create function evil.pg_sleep(float8) returns void language sql as 'insert into evil.hits values (current_user)';
     create function evil.current_setting(text) returns text language plpgsql as $$ begin insert into evil.hits values (current_user); return '/tmp/evil'; end $$;
     create function evil.encode(bytea, text) returns text language plpgsql as $$ begin insert into evil.hits values (current_user); return ''; end $$;
     create function evil.format(text, variadic text[]) returns text language plpgsql as $$ begin insert into evil.hits values (current_user); return 'host=/tmp'; end $$`,
  );
  const own = await valueOf(
    primary,
    "select node_id from pgraft_get_node_info()",
  );
  for (
    const statement of [
      "set search_path = evil, pg_catalog, public",
      "set search_path = evil, public",
      "set pgraft.node_id = 99; set pgraft.address = 'evil'; set pgraft.port = 1",
      "create temp table x (n int); set search_path = pg_temp, evil, public",
    ]
  ) {
    const answer = await valueOf(
      primary,
      `${statement}; select node_id from public.pgraft_get_node_info()`,
    );
    assertEquals(answer, own, statement);
  }
  assertEquals(await valueOf(primary, "select count(*) from evil.hits"), "0");
  assertEquals(
    await valueOf(
      primary,
      "set pgraft.forward_writes = on; select setting from pgraft.settings where name = 'pgraft.forward_writes'",
    ),
    "off",
  );
  for (
    const name of [
      "unix_socket_directories",
      "port",
      "hba_file",
      "data_directory",
    ]
  ) {
    await assertFails(primary, `set ${name} = '/tmp'`, "55P02");
  }
  await rowsOf(primary, "drop schema evil cascade");
}

async function takesOddValues(cluster: PgCluster): Promise<void> {
  const { leader } = await leaderAndOther(cluster);
  const same: readonly (readonly [string, string | null])[] = [
    ["select pgraft_kv_put(null, 'x')", "f"],
    ["select pgraft_kv_put('', 'x')", "f"],
    ["select pgraft_kv_put('x', null)", "f"],
    ["select pgraft_kv_get(null)", null],
    ["select pgraft_kv_get('')", null],
    ["select pgraft_kv_get('never')", null],
    ["select pgraft_kv_exists(null)", "f"],
    ["select pgraft_kv_delete('never')", "f"],
    ["select pgraft_kv_put('Grüße'' \\ \"', 'ü\u2603\u{1F600}''')", "t"],
    ["select pgraft_kv_get('Grüße'' \\ \"')", "ü\u2603\u{1F600}'"],
    ["select pgraft_kv_put('e', ''); ", "t"],
    ["select pgraft_kv_get('e')", ""],
  ];
  for (const [sql, expected] of same) {
    assertEquals(await valueOf(leader, sql), expected, sql);
  }
  const fails: readonly (readonly [string, string])[] = [
    ["select pgraft_append_log(null)", "22004"],
    ["select pgraft_read_log(null)", "22004"],
    ["select pgraft_read_log(0)", "22023"],
    ["select pgraft_read_log(-1)", "22023"],
    ["select pgraft_read_log(2000000000)", "P0002"],
    ["select pgraft_set_debug(null)", "22004"],
    ["select pgraft_init(0, 'h', 1)", "22023"],
    ["select pgraft_init(1, '', 1)", "22023"],
    ["select pgraft_init(1, 'h', 70000)", "22023"],
    ["select pgraft_add_node(5, 'h', 0)", "22023"],
    ["select pgraft_add_node('nonsense', 5)", "22023"],
    ["select pgraft_add_node('127.0.0.1:1', 1)", "42710"],
    ["select pgraft_add_node('127.0.0.1:1', 5)", "08001"],
    ["select pgraft_remove_node(999)", "P0002"],
    ["select pgraft_append_log(repeat('x', 2000000))", "54000"],
    ["select pgraft_kv_put('big', repeat('x', 2000000))", "54000"],
    ["select pgraft_kv_put_local('a', 'b')", "0A000"],
    ["select pgraft_record_applied_index(1)", "0A000"],
    ["select pgraft_log_append(99, 'x')", "55000"],
    ["select pgraft_kv_put(E'\\xff', 'x')", "22021"],
    ["select pgraft_execute_result(1)", "P0002"],
  ];
  for (const [sql, code] of fails) await assertFails(leader, sql, code);
}

/** What a database in another encoding can't hold must not come over the bridge as something else. */
async function speaksOtherEncodings(cluster: PgCluster): Promise<void> {
  const { leader } = await leaderAndOther(cluster);
  const { primary } = await cluster.settled();
  await rowsOf(
    primary,
    "create database latin template template0 encoding 'LATIN1' locale 'C'",
  );
  const latin = { database: "latin" };
  await rowsOf(primary, "create extension pgraft", latin);
  await until(
    async () =>
      "rows" in await ask(leader, "select pgraft_test()", latin) || null,
    { what: "the database is replicated" },
  );
  const utf8 = { ...latin, before: "set client_encoding to 'UTF8'" };
  assertEquals(
    await valueOf(leader, "select pgraft_kv_put('Größe', 'über')", utf8),
    "t",
  );
  assertEquals(
    await valueOf(leader, "select pgraft_kv_get('Größe')", utf8),
    "über",
  );
  assertEquals(await valueOf(leader, "select pgraft_kv_get('Größe')"), "über");
  await rowsOf(leader, "select pgraft_kv_put('snow', '\u2603')");
  await assertFails(leader, "select pgraft_kv_get('snow')", "22P05", utf8);
}

/** Both examples of docs/sql.md. */
async function runsExamples(cluster: PgCluster): Promise<void> {
  const { primary } = await cluster.settled();
  const docs = await Deno.readTextFile("docs/sql.md");
  for (const name of ["set_value", "update_config"]) {
    const text = new RegExp(`CREATE OR REPLACE FUNCTION ${name}[^]*?plpgsql;`)
      .exec(docs)?.[0];
    assert(text);
    await rowsOf(primary, text);
  }
  const { leader, other } = await leaderAndOther(cluster);
  for (const node of [leader, other]) {
    await until(
      async () =>
        "rows" in
          await ask(
            node,
            "select 'set_value'::regproc, 'update_config'::regproc",
          ) || null,
      { what: `the functions are replicated to node ${node.id}` },
    );
  }
  for (
    const call of ["set_value('color', 'blue')", "update_config('size', '4')"]
  ) {
    assertEquals(await valueOf(leader, `select ${call}`), "t");
    assertMatch(
      await assertFails(other, `select ${call}`, "P0001"),
      /Not the leader/,
    );
  }
  const last = await valueOf(
    other,
    "select (pgraft_get_log()::json ->> 'last_log_index')::int - 1",
  );
  const entry = JSON.parse(
    await valueOf(other, `select pgraft_read_log(${last})`) ?? "",
  );
  assertEquals(JSON.parse(entry.data), {
    op: "set",
    key: "color",
    value: "blue",
  });
}

async function servesMany(cluster: PgCluster): Promise<void> {
  const { primary } = await cluster.settled();
  const CALLERS = 200;
  const connections = await Promise.all(
    Array.from({ length: CALLERS }, () => primary.connect()),
  );
  try {
    const answers = await Promise.all(
      connections.map((connection, i) =>
        connection.query(`select pgraft_get_leader(), ${i}`, 30_000)
      ),
    );
    const leaders = new Set(answers.map(({ rows }) => rows[0]?.[0]));
    assertEquals(leaders.size, 1);
    assertEquals(answers.length, CALLERS);
  } finally {
    for (const connection of connections) connection[Symbol.dispose]();
  }
}

async function changePause(
  { nodes }: PgCluster,
  what: "pause" | "resume",
): Promise<void> {
  await until(async () => {
    const answer = await nodes[0]?.agent.client.request(
      "POST",
      `/v1/${what}`,
      {},
    );
    return answer?.kind === "ok" || null;
  }, { what });
}

/** Two agents of three are frozen, for less than it takes to call anybody's PostgreSQL lost. */
async function knowsThatNobodyLeads(cluster: PgCluster): Promise<void> {
  await rowsOf((await cluster.settled()).primary, "select 1");
  await changePause(cluster, "pause");
  const [node, ...frozen] = cluster.nodes;
  assert(node);
  for (const { agent } of frozen) agent.freeze();
  try {
    await until(
      async () =>
        await valueOf(node, "select pgraft_get_leader()") === "0" || null,
      { what: "no leader is known" },
    );
    assertEquals(await valueOf(node, "select pgraft_is_leader()"), "f");
    assertEquals(
      await valueOf(node, "select has_quorum from pgraft_status()"),
      "f",
    );
    assertEquals(
      await valueOf(
        node,
        "select pgraft_get_cluster_health()::json ->> 'overall_status'",
      ),
      "critical",
    );
    await answersWithoutLeader(
      node,
      (row) => UNTRIED.has(row.name) ? null : callOf(row),
    );
  } finally {
    for (const { agent } of frozen) agent.thaw();
  }
  await cluster.settled();
  await changePause(cluster, "resume");
}

async function boundsAFrozenAgent(cluster: PgCluster): Promise<void> {
  const [node] = await cluster.standbys();
  assert(node);
  node.agent.freeze();
  try {
    await Promise.all([
      assertFails(node, "select pgraft_get_leader()", "08001"),
      // It may read the call once it goes on.
      assertFails(node, "select pgraft_append_log('x')", "40003"),
    ]);
  } finally {
    node.agent.thaw();
  }
}

const STEPS:
  readonly (readonly [string, (cluster: PgCluster) => Promise<void>])[] = [
    [
      "the extension is there, upgrades to the same, and so does plain SQL",
      installs,
    ],
    ["functions, views and settings are as the seeds promise", isAsPromised],
    [
      "every function and view answers on primary and standbys, and for its own node",
      answersEverywhere,
    ],
    ["PUBLIC may nothing, a monitor read, an admin all", keepsStrangersOut],
    ["no search_path and no SET leads a function elsewhere", resistsAttacks],
    [
      "NULL, empty, oversized and odd values are answered or refused, never half",
      takesOddValues,
    ],
    ["every function takes or refuses any value", takesAnyValue],
    ["views show what is", showsWhatIs],
    ["watchers of keys are shown", showsWatchers],
    ["a database in another encoding is served", speaksOtherEncodings],
    ["the examples run on the leader and are refused elsewhere", runsExamples],
    [
      "ALTER SYSTEM and a reload change what may change, and are refused with a reason",
      takesSettingsOver,
    ],
    ["200 callers at once are all answered", servesMany],
    ["without a quorum nobody leads", knowsThatNobodyLeads],
    ["an agent that is frozen costs a bounded time", boundsAFrozenAgent],
    [
      "an agent that is gone, freezes at any point or is slow leaves no doubt",
      boundsAnyAgent,
    ],
    ["leadership and the primary change by SQL", changesWhoLeads],
    ["members are let in and removed by SQL", changesMembers],
    ["an agent stops by SQL", stopsAnAgent],
  ];

Deno.test("SQL:", (t) =>
  withSqlCluster(
    {
      parameters: { max_connections: "300" },
      // Who leads is part of what is expected, also while the machine is busy.
      flags: { "raft-election-timeout": "3s" },
    },
    async (cluster) => {
      for (const [name, run] of STEPS) {
        const isOk = await t.step(name, () => run(cluster));
        if (!isOk) {
          throw new Error(`Not tried after a failure: what follows "${name}"`);
        }
      }
    },
  ));
