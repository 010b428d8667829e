import { assertEquals, assertMatch } from "@std/assert";
import { until } from "./nodes/mod.ts";
import type { PgCluster } from "./postgres/mod.ts";
import {
  assertRunOnce,
  makeRunTable,
  startSubmitting,
} from "./sql_execute_kit.ts";
import {
  assertFails,
  rowsOf,
  valueOf,
  withSqlCluster,
} from "./sql_test_kit.ts";

const OPERATIONS = 12;

async function runsOnceUnderKills(cluster: PgCluster): Promise<void> {
  const first = await cluster.settled();
  await makeRunTable(first.primary);
  const submitting = startSubmitting(cluster, crypto.randomUUID());
  try {
    await submitting.untilTaken(OPERATIONS);
    first.primary.killPostmaster();
    const second = await cluster.opened(first.epoch);
    await submitting.untilTaken(OPERATIONS);
    // A loss before the node that was lost first is back is more than three nodes bear.
    await cluster.settled();
    await second.primary.kill();
    const third = await cluster.opened(second.epoch);
    await submitting.untilTaken(OPERATIONS);
    second.primary.restart();
    await third.primary.killAgent();
    third.primary.restart();
    await submitting.untilTaken(OPERATIONS);
  } finally {
    await submitting.stop();
  }
  await assertRunOnce(cluster, submitting);
}

/** Whose rights statements have, whatever they try. */
async function runsWithCallersRights(cluster: PgCluster): Promise<void> {
  const { primary } = await cluster.settled();
  const [standby] = await cluster.standbys();
  if (!standby) throw new Error("There is no standby");
  await rowsOf(
    primary,
    "create role app; grant pgraft_admin to app; grant create on schema public to app; create table secrets (n int); insert into secrets values (1)",
  );
  const asApp = { role: "app", timeoutMs: 60_000 };
  await until(
    async () =>
      await valueOf(standby, "select count(*) from secrets") === "1" || null,
    { what: "the role is replicated" },
  );
  await rowsOf(
    standby,
    "select pgraft_execute('create table mine (n int); insert into mine values (1)', 'table_create')",
    asApp,
  );
  assertEquals(
    await valueOf(
      primary,
      "select tableowner from pg_tables where tablename = 'mine'",
    ),
    "app",
  );
  const attacks = [
    "drop table secrets",
    "reset role; drop table secrets",
    "set role postgres; drop table secrets",
    "reset session authorization; drop table secrets",
    "set session authorization postgres; drop table secrets",
    "do $$ begin execute 'reset role'; delete from secrets; end $$",
    `create function late() returns trigger language plpgsql as $f$ begin execute 'reset role'; delete from secrets; return new; end $f$;
     create constraint trigger late after insert on mine deferrable initially deferred for each row execute function late();
     insert into mine values (2)`,
    `create function spy() returns int language plpgsql as $f$ begin execute 'reset role'; delete from secrets; return 1; end $f$;
     declare c cursor with hold for select spy()`,
    "select pgraft._mark_applied(999999, 1, 1, 'x')",
  ];
  for (const sql of attacks) {
    const call = `select pgraft_execute($call$${sql}$call$)`;
    await assertFails(standby, call, "42501", asApp).catch((error) => {
      // SET ROLE and SET SESSION AUTHORIZATION are refused by their own codes.
      assertMatch(String(error), /0A000|22023|42501|cannot set|permission/);
    });
  }
  assertEquals(await valueOf(primary, "select count(*) from secrets"), "1");
  await assertFails(
    primary,
    "select pgraft._execute('drop table secrets', 'custom', 'postgres', (select proof from pgraft._caller), true)",
    "42501",
    asApp,
  );
  assertEquals(
    await valueOf(
      primary,
      "select role || ' ' || database from pgraft_execute_result((select max(raft_index) from pgraft.applied_entries))",
    ),
    "app postgres",
  );
}

async function tellsOfFailures(cluster: PgCluster): Promise<void> {
  const { primary } = await cluster.settled();
  const long = { timeoutMs: 60_000 };
  await assertFails(
    primary,
    "select pgraft_execute('select 1/0')",
    "22012",
    long,
  );
  await assertFails(
    primary,
    "select pgraft_execute('insert into nowhere values (1)')",
    "42P01",
    long,
  );
  await assertFails(primary, "select pgraft_execute('vacuum')", "22023");
  await assertFails(primary, "select pgraft_execute('commit')", "22023");
  await assertFails(
    primary,
    "select pgraft_execute('select 1', 'nonsense')",
    "22023",
  );
  await assertFails(primary, "select pgraft_execute(null)", "22004");
  // One that holds a lock gets the index at once, and what it locks makes the operation wait.
  await rowsOf(primary, "create table held (n int)");
  using holder = await primary.connect();
  await holder.query("begin");
  await holder.query("lock table held");
  const { rows } = await holder.query(
    "select pgraft_execute('insert into held values (1)')",
  );
  const index = Number(rows[0]?.[0]);
  assertEquals(
    await valueOf(primary, `select state from pgraft_execute_result(${index})`),
    "waiting",
  );
  await until(
    async () =>
      await valueOf(
          primary,
          `select state || ' ' || sqlstate from pgraft_execute_result(${index})`,
        ) === "failed 55P03" || null,
    { what: "it has waited for the lock long enough" },
  );
  await holder.query("commit");
  // It did not block what came behind it.
  await rowsOf(
    primary,
    "select pgraft_execute('insert into held values (2)')",
    long,
  );
  assertEquals(await valueOf(primary, "select sum(n) from held"), "2");
}

/** A run that waits for standbys outlives its agent; under another name it must be found, too. */
async function findsRunsInDisguise(cluster: PgCluster): Promise<void> {
  const { primary } = await cluster.settled();
  const standbys = await cluster.standbys();
  const long = { timeoutMs: 60_000 };
  await rowsOf(primary, "create table disguised (n int)");
  for (const standby of standbys) standby.freezePostgres();
  try {
    using session = await primary.connect();
    await session.query("begin");
    const { rows } = await session.query(
      "select pgraft_execute('set application_name = ''mine''; insert into disguised values (1)')",
    );
    await session.query("rollback");
    const index = Number(rows[0]?.[0]);
    const waiters =
      "select count(*) from pg_stat_activity where application_name = 'mine' and wait_event = 'SyncRep'";
    await until(
      async () => await valueOf(primary, waiters) === "1" || null,
      { what: "the run waits for standbys" },
    );
    await primary.killAgent();
    primary.restart();
    const state =
      `select concat(state, sqlstate) from pgraft_execute_result(${index})`;
    const stateNow = (): Promise<unknown> =>
      valueOf(primary, state, long).catch(() => "waiting");
    await until(
      async () =>
        await valueOf(primary, waiters) === "0" ||
        await stateNow() !== "waiting" || null,
      { what: "the new agent has found the run, or has run it again" },
    );
    for (const standby of standbys) standby.thaw();
    await until(
      async () => await stateNow() !== "waiting" || null,
      { what: "the operation has run" },
    );
    assertEquals(await valueOf(primary, state, long), "done");
    assertEquals(await valueOf(primary, "select sum(n) from disguised"), "1");
  } finally {
    for (const standby of standbys) standby.thaw();
  }
}

Deno.test("replicated SQL", async (t) => {
  await withSqlCluster({}, async (cluster) => {
    const steps: readonly [string, typeof runsOnceUnderKills][] = [
      ["has the caller's rights, and no others", runsWithCallersRights],
      ["tells of failures, and goes on behind them", tellsOfFailures],
      ["finds a run that outlived its agent", findsRunsInDisguise],
      ["runs once and in order while primaries are killed", runsOnceUnderKills],
    ];
    for (const [name, run] of steps) {
      if (!await t.step(name, () => run(cluster))) {
        throw new Error(`Not tried after a failure: what follows "${name}"`);
      }
    }
  });
});
