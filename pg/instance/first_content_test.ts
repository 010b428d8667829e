import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import postgres from "postgres";
import { exists } from "./files.ts";
import { NO_CONTENT } from "./first_content.ts";
import {
  allTitles,
  ALONE,
  LIMIT_MS,
  type Made,
  PASSWORD,
  until,
  withKit,
} from "./instance_test_kit.ts";
import { InstanceError } from "./mod.ts";
import { pidsIn, titleOf } from "./processes.ts";

const USER_PASSWORD = "app's \\ et-9f3";

/** What a client reads over TCP, with a password. */
async function readAs(
  made: Made,
  who: { user: string; database: string; pass: string },
  text: string,
): Promise<unknown[]> {
  const { host, port } = made.options.listen;
  const sql = postgres({ host, port, ...who, max: 1, onnotice: () => {} });
  try {
    return (await sql.unsafe(text)).map((row) => Object.values(row)[0]);
  } finally {
    await sql.end({ timeout: 0 });
  }
}

Deno.test("a new database has the user, the database and the SQL that were asked for, before anybody comes in", () =>
  withKit(async (kit) => {
    const made = await kit.make("a", {
      hbaRules: [{
        name: "all",
        rule: "host all all 127.0.0.1/32 scram-sha-256",
      }],
      parameters: new Map([["archive_mode", "on"], [
        "archive_command",
        `touch ${kit.root}/archived; true`,
      ], ["log_statement", "all"]]),
    });
    await made.instance.initialize({
      replicationPassword: PASSWORD,
      firstContent: {
        ...NO_CONTENT,
        locale: "C",
        initdbOptions: ["--wal-segsize=4"],
        superuserPassword: PASSWORD,
        user: { name: 'the "app"', password: USER_PASSWORD },
        database: "shop's",
        sql: {
          path: "/setup.sql",
          text:
            "create table goods (id int);\ninsert into goods values (7);\n" +
            "do $$ begin\n\nperform 1; end $$;",
        },
      },
    });
    const state = await made.instance.inspect();
    assert(state.kind === "present");
    assertEquals(
      [state.controlState, state.segmentBytes, state.hasChecksums],
      ["shut down", 4 * 1024 * 1024, true],
    );
    assertEquals(await exists(`${kit.root}/archived`), false);
    assertEquals(await exists(`${kit.root}/a.run/server.log`), false);
    await made.instance.render({ ...ALONE, hba: "open" });
    await made.instance.start();
    await made.instance.promote({ timeoutMs: LIMIT_MS });
    const database = "shop's";
    assertEquals(
      await readAs(
        made,
        { user: "postgres", database, pass: PASSWORD },
        "select id from goods",
      ),
      [7],
    );
    const facts = await readAs(
      made,
      { user: 'the "app"', database, pass: USER_PASSWORD },
      `select pg_get_userbyid(datdba) || ' ' || datcollate || ' ' ||
         pg_encoding_to_char(encoding) || ' ' || current_setting('wal_log_hints') || ' ' ||
         (select rolsuper from pg_roles where rolname = current_user)
         from pg_database where datname = current_database()`,
    );
    assertEquals(facts, ['the "app" C UTF8 on false']);
  }));

Deno.test("SQL that fails leaves nothing, says where in a sentence, and can be tried again", () =>
  withKit(async (kit) => {
    const made = await kit.make("a");
    const content = {
      ...NO_CONTENT,
      user: { name: "app", password: USER_PASSWORD },
    };
    const seen: string[] = [];
    for (
      const [text, words] of [
        [
          "create table a (id int);\nselect * from nowhere;",
          /"\/setup.sql" failed: .*"nowhere" does not exist \(line 2\); correct it/,
        ],
        [
          "copy pg_class from stdin",
          /"\/setup.sql" failed: COPY FROM STDIN is not possible/,
        ],
      ] as const
    ) {
      const error = await assertRejects(() =>
        made.instance.initialize({
          replicationPassword: PASSWORD,
          firstContent: { ...content, sql: { path: "/setup.sql", text } },
        }), InstanceError);
      assertMatch(error.message, words);
      assert(!error.message.includes("et-9f3"));
      seen.push(allTitles());
      assertEquals(await made.instance.inspect(), { kind: "empty" });
      assertEquals(await exists(`${made.dataDir}.pgraft-new`), false);
      assertEquals(pidsIn(`${made.dataDir}.pgraft-new`), []);
    }
    const staging = `${made.dataDir}.pgraft-new`;
    assert(seen.every((titles) => !titles.includes(staging)));
    const taken = await assertRejects(() =>
      made.instance.initialize({
        replicationPassword: PASSWORD,
        firstContent: {
          ...content,
          user: { name: "postgres", password: null },
        },
      }), InstanceError);
    assertMatch(taken.message, /first_user "postgres" failed: .*exists/);
    await made.instance.initialize({
      replicationPassword: PASSWORD,
      firstContent: content,
    });
    assertEquals((await made.instance.inspect()).kind, "present");
  }));

Deno.test("a server that a killed founder left in the making is ended before its directory goes", () =>
  withKit(async (kit) => {
    const made = await kit.make("a");
    const slow = made.instance.initialize({
      replicationPassword: PASSWORD,
      firstContent: {
        ...NO_CONTENT,
        sql: { path: "/slow.sql", text: "select pg_sleep(3600)" },
      },
    }).catch(() => {});
    const staging = `${made.dataDir}.pgraft-new`;
    await until(
      "the SQL runs",
      () => pidsIn(staging).some((pid) => titleOf(pid).includes("SELECT")),
    );
    const left = pidsIn(staging);
    assert(left.length > 0);
    kit.defer(() => slow);
    await made.instance.initialize({ replicationPassword: PASSWORD });
    await slow;
    assertEquals(pidsIn(staging), []);
    assertEquals(allTitles().includes(staging), false);
  }));
