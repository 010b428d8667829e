import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "node:path";
import { until } from "./nodes/mod.ts";
import { type PgCluster, type PgNode, withPgCluster } from "./postgres/mod.ts";

const PASSWORD = "not-for-logs-5d1";

/** A command that hangs for a primary as long as its file is there. */
async function makeHook(root: string): Promise<string> {
  const path = join(root, "hook");
  await Deno.writeTextFile(join(root, "hold"), "");
  await Deno.writeTextFile(
    path,
    `#!/bin/sh
echo "$PGRAFT_NODE_ID $1" >> ${root}/roles
while [ "$1" = primary ] && [ -e ${root}/hold ]; do sleep 0.05; done
exit 5
`,
  );
  await Deno.chmod(path, 0o755);
  return path;
}

async function assertHookHoldsNothingUp(
  cluster: PgCluster,
  first: PgNode,
  root: string,
): Promise<void> {
  first.killPostmaster();
  const { primary } = await cluster.opened(1);
  await until(() => primary.query("create table after_failover (id int)"), {
    what: "the new primary takes writes",
  });
  await until(async () => {
    const roles = await Deno.readTextFile(join(root, "roles"));
    return roles.includes(`${primary.id} primary`) || null;
  }, { what: "the command is told of the new primary" });
  await Deno.remove(join(root, "hold"));
  await until(async () => {
    const { members } = await cluster.view();
    const own = members.find(({ id }) => id === primary.id);
    return own?.role_change?.exit_code === 5 || null;
  }, { what: "status shows how the command ended" });
}

Deno.test("the first user, database and SQL are made once, by the founder, a failure is a sentence in status, and a command that hangs holds up no failover", async () => {
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
      "postgresql-on-role-change": await makeHook(root),
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
      await assertHookHoldsNothingUp(cluster, first, root);
      assert(!`${answer}${cluster.output()}`.includes(PASSWORD));
    });
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
