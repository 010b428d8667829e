import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "node:path";
import { until } from "./nodes/mod.ts";
import { withPgCluster } from "./postgres/mod.ts";

const PASSWORD = "not-for-logs-5d1";

Deno.test("the first user, database and SQL are made once, by the founder, and a failure is a sentence in status", async () => {
  const root = await Deno.makeTempDir({ prefix: "pgraft-first-" });
  try {
    const password = join(root, "password");
    const sql = join(root, "first.sql");
    await Deno.writeTextFile(password, `${PASSWORD}\n`, { mode: 0o600 });
    await Deno.writeTextFile(sql, "create table goods (id int);\nselect x;\n");
    const flags = {
      "postgresql-superuser-password-file": password,
      "postgresql-first-user": "app",
      "postgresql-first-user-password-file": password,
      "postgresql-first-database": "shop",
      "postgresql-first-sql-file": sql,
    };
    await withPgCluster({ size: 2, flags, settle: false }, async (cluster) => {
      await until(async () => {
        const { members } = await cluster.view();
        const troubles = members.map(({ trouble }) => trouble ?? "");
        return troubles.some((one) => /first\.sql" failed/.test(one)) || null;
      }, { what: "a member says what is wrong" });
      const { members, primary } = await cluster.view();
      const trouble = members.map((one) => one.trouble).join(" ");
      assertMatch(trouble, /column "x" does not exist \(line 2\); correct it/);
      assertEquals(primary, null);
      await Deno.writeTextFile(
        sql,
        "create table goods (id int);\ninsert into goods values (7);\n",
      );
      const { primary: first } = await cluster.settled();
      using client = await first.connect();
      const { rows } = await client.query(
        "select rolname, rolsuper, rolpassword like 'SCRAM-SHA-256%' " +
          "from pg_authid where rolpassword is not null order by 1",
      );
      assertEquals(rows, [
        ["app", "f", "t"],
        ["pgraft_replication", "f", "t"],
        ["postgres", "t", "t"],
      ]);
      for (const node of cluster.nodes) {
        using own = await node.connect("shop");
        const found = await own.query(
          "select id, (select pg_get_userbyid(datdba) from pg_database where datname = 'shop') from goods",
        );
        assertEquals(found.rows, [["7", "app"]]);
      }
      const answer = JSON.stringify([
        await cluster.view(),
        await cluster.explain(),
        await cluster.history(),
      ]);
      assert(!`${answer}${cluster.output()}`.includes(PASSWORD));
    });
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
