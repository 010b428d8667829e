import { NO_CONTENT } from "./first_content.ts";
import { assert, assertEquals } from "@std/assert";
import { basename, dirname } from "node:path";
import {
  allTitles,
  ALONE,
  following,
  isStreaming,
  LIMIT_MS,
  NOBODY,
  PASSWORD,
  PROGRAMS,
  until,
  withKit,
} from "./instance_test_kit.ts";

async function exists(path: string): Promise<boolean> {
  const names = await Array.fromAsync(Deno.readDir(dirname(path)));
  return names.some(({ name }) => name === basename(path));
}

const LIMIT = { timeoutMs: LIMIT_MS };
const SAFE = { ...ALONE, synchronousStandbyNames: NOBODY };

Deno.test("render() undoes an ALTER SYSTEM of what is owned, and keeps others (R27)", () =>
  withKit(async (kit) => {
    const { instance } = await kit.primary("a");
    await instance.query("alter system set work_mem = '7MB'");
    assertEquals(await instance.render(SAFE), true);
    await instance.reload();
    assertEquals((await instance.observe(LIMIT)).drift, []);
    await instance.query("alter system set synchronous_standby_names = '*'");
    await instance.query("alter system set primary_conninfo = 'host=nowhere'");
    await instance.reload();
    const { drift } = await instance.observe(LIMIT);
    assertEquals(drift.map(({ name, actual }) => [name, actual]), [
      ["primary_conninfo", "host=nowhere"],
      ["synchronous_standby_names", "*"],
    ]);
    assertEquals(await instance.render(SAFE), true);
    await instance.reload();
    const view = await instance.observe(LIMIT);
    assertEquals(view.drift, []);
    assertEquals(view.settings.get("synchronous_standby_names"), NOBODY);
    const [shown] = await instance.query<{ work_mem: string }>("show work_mem");
    assertEquals(shown?.work_mem, "7MB");
    assertEquals(await instance.render(SAFE), false);
  }));

Deno.test("ALTER SYSTEM does not reach what the command line fixes (R24, R27)", () =>
  withKit(async (kit) => {
    const { instance } = await kit.primary("a");
    for (
      const name of [
        "fsync = off",
        "restart_after_crash = on",
        "hba_file = '/none'",
      ]
    ) {
      await instance.query(`alter system set ${name}`);
    }
    await instance.stop("fast");
    await instance.start();
    const rows = await instance.query<{ name: string; setting: string }>(
      "select name, setting from pg_settings where name in ('fsync', 'restart_after_crash') order by 1",
    );
    assertEquals(rows.map(({ setting }) => setting), ["on", "off"]);
  }));

Deno.test("the users' parameters apply, save those that are owned", () =>
  withKit(async (kit) => {
    const { instance } = await kit.primary("a", {
      parameters: new Map([
        ["work_mem", "9MB"],
        ["max_wal_senders", "17"],
        ["max_replication_slots", "2"],
        ["FSYNC", "off"],
        ["search_path", `"a'b", public`],
      ]),
    });
    const show = async (name: string): Promise<string | undefined> =>
      (await instance.query<{ value: string }>(
        "select current_setting($1) as value",
        [name],
      ))[0]?.value;
    assertEquals(await show("work_mem"), "9MB");
    assertEquals(await show("max_wal_senders"), "17");
    assertEquals(await show("max_replication_slots"), "10");
    assertEquals(await show("fsync"), "on");
    assertEquals(await show("search_path"), `"a'b", public`);
  }));

Deno.test("a start by somebody else is a closed standby without upstream, even of a primary (R25)", () =>
  withKit(async (kit) => {
    const a = await kit.primary("a", {
      hbaRules: [{ name: "all", rule: "host all all all trust" }],
    });
    await a.instance.render({ ...ALONE, hba: "open" });
    await a.instance.stop("fast");
    const { binaries, osUser, runDir } = a.options;
    const { success, stderr } = await new Deno.Command(
      `${binaries.dir}/pg_ctl`,
      {
        args: [
          "start",
          "-w",
          "-D",
          a.dataDir,
          "-l",
          `${runDir}/foreign.log`,
          "-o",
          `-p ${a.port} -k ${runDir} -c listen_addresses=127.0.0.1`,
        ],
        stdout: "null",
        ...osUser === null ? {} : { uid: osUser.uid, gid: osUser.gid },
      },
    ).output();
    assert(success, new TextDecoder().decode(stderr));
    const view = await a.instance.observe(LIMIT);
    assertEquals([view.inRecovery, view.receiver], [true, null]);
    const rows = await a.instance.query<{ user_name: string[] }>(
      "select user_name from pg_hba_file_rules where auth_method not in ('scram-sha-256', 'reject')",
    );
    assertEquals(rows.map(({ user_name }) => String(user_name)), [
      "{postgres}",
    ]);
    assert(await a.instance.postmaster() !== null);
  }));

Deno.test("what an adopted directory had in pg_hba.conf is kept beside", () =>
  withKit(async (kit) => {
    const { instance, dataDir } = await kit.initialized("a");
    await Deno.writeTextFile(
      `${dataDir}/pg_hba.conf`,
      "host all all all trust\n",
    );
    await instance.keepClosed();
    await instance.keepClosed();
    assertEquals(
      await Deno.readTextFile(`${dataDir}/pg_hba.conf.before-pgraft`),
      "host all all all trust\n",
    );
    const closed = await Deno.readTextFile(`${dataDir}/pg_hba.conf`);
    assert(!closed.includes("trust"));
  }));

Deno.test("ensureReplicationRole() gives an adopted cluster a role that standbys can use", () =>
  withKit(async (kit) => {
    const a = await kit.primary("a");
    const password = "another'one\\";
    const b = await kit.standby("b", a);
    await a.instance.ensureReplicationRole({ password, ...LIMIT });
    await a.instance.endWalSenders(["b"]);
    await b.instance.render({
      ...following(a, "b"),
      replicationPassword: password,
    });
    await until("b streams with the new password", () => isStreaming(b));
  }));

Deno.test("passwords are in no process list, log, error or configuration file", () =>
  withKit(async (kit) => {
    const seen: string[] = [];
    const watch = setInterval(() => seen.push(allTitles()), 5);
    try {
      const { instance } = await kit.make("c");
      await instance.initialize({
        replicationPassword: PASSWORD,
        firstContent: {
          ...NO_CONTENT,
          superuserPassword: PASSWORD,
          user: { name: "app", password: PASSWORD },
          sql: { path: "/x.sql", text: "select pg_sleep(0.1)" },
        },
      });
      const a = await kit.primary("a");
      const b = await kit.standby("b", a);
      await a.instance.ensureReplicationRole({ password: PASSWORD, ...LIMIT });
      await b.instance.stop("fast");
      await b.instance.rewind({
        source: { host: "127.0.0.1", port: a.port },
        timeoutMs: LIMIT_MS,
      });
      const files = [
        "a/postgresql.conf",
        "a/postgresql.auto.conf",
        "b/postgresql.auto.conf",
        "b/pg_hba.conf",
      ]
        .concat(["a.run/server.log", "b.run/server.log"]);
      for (const file of files) {
        seen.push(await Deno.readTextFile(`${kit.root}/${file}`));
      }
      seen.push(...a.log, ...b.log);
      for (const dir of ["a.run", "b.run"]) {
        const { mode } = await Deno.stat(`${kit.root}/${dir}/passfile`);
        assertEquals((mode ?? 0) & 0o777, 0o600);
      }
    } finally {
      clearInterval(watch);
    }
    const run = [
      "initdb",
      "--single",
      ...PROGRAMS.hasBaseBackup ? ["pg_basebackup"] : [],
      ...PROGRAMS.hasRewind ? ["pg_rewind"] : [],
    ];
    for (const name of run) {
      assert(seen.some((text) => text.includes(name)), name);
    }
    assertEquals(await exists(`${kit.root}/c.run/initdb.password`), false);
    assertEquals(
      seen.flatMap((text) => text.split("\n")).filter((line) =>
        line.includes("et-9f3")
      ),
      [],
    );
  }));

Deno.test("setSlots() makes and drops slots on primary and standby (T23)", () =>
  withKit(async (kit) => {
    const a = await kit.primary("a");
    const b = await kit.standby("b", a);
    await a.instance.query(
      "select pg_create_physical_replication_slot('backup_tool')",
    );
    for (const { instance } of [a, b]) {
      await instance.setSlots(["pgraft_c", "pgraft_b"]);
      await instance.setSlots(["pgraft_d"]);
    }
    const names = async (text: string, made = a): Promise<string[]> =>
      (await made.instance.query<{ name: string }>(text)).map(({ name }) =>
        name
      );
    const all = "select slot_name as name from pg_replication_slots order by 1";
    // b's is active, and the backup's is not ours.
    assertEquals(await names(all), ["backup_tool", "pgraft_b", "pgraft_d"]);
    assertEquals(await names(all, b), ["pgraft_d"]);
  }));
