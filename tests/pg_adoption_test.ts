import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "node:path";
import { until } from "./nodes/mod.ts";
import { findProgram, listing, ownerOf } from "./pg_fault_kit.ts";
import {
  connectPostgres,
  type PgCluster,
  type PgNode,
  withPgCluster,
} from "./postgres/mod.ts";

async function run(program: string, words: readonly string[]): Promise<void> {
  const owner = await ownerOf("postgres");
  const { success, stderr } = await new Deno.Command(
    await findProgram(program),
    { args: [...words], cwd: "/", stdin: "null", stdout: "null", ...owner },
  ).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}

/** A database of somebody else's, on timeline 2, with a row in a tablespace; stopped in order. */
async function makeForeign(dataDir: string): Promise<void> {
  const owner = await ownerOf("postgres");
  const space = `${dataDir}.space`;
  for (const directory of [dataDir, space]) {
    await Deno.mkdir(directory, { mode: 0o700 });
    if (owner) await Deno.chown(directory, owner.uid, owner.gid);
  }
  await run("initdb", ["-D", dataDir, "-U", "boss", "-A", "trust", "-N"]);
  await Deno.writeTextFile(
    join(dataDir, "postgresql.conf"),
    "work_mem = 7MB\nsynchronous_commit = off\n",
    { append: true },
  );
  await Deno.writeTextFile(join(dataDir, "standby.signal"), "");
  const options = `-c listen_addresses= -k ${dataDir} -p 1`;
  const log = join(dataDir, "by_hand.log");
  await run("pg_ctl", ["-D", dataDir, "-w", "-o", options, "-l", log, "start"]);
  await run("pg_ctl", ["-D", dataDir, "-w", "promote"]);
  {
    using boss = await connectPostgres({
      place: { socket: join(dataDir, ".s.PGSQL.1") },
      user: "boss",
    });
    await boss.query(`create tablespace space location '${space}'`);
    await boss.query(
      "create table kept (id int) tablespace space; insert into kept values (7)",
    );
  }
  await run("pg_ctl", ["-D", dataDir, "-m", "fast", "-w", "stop"]);
}

/** A server lets clients in a moment after the cluster knows that it may. */
async function rowsOf({ id, port }: PgNode): Promise<unknown> {
  return await until(async () => {
    using boss = await connectPostgres({
      place: { host: "127.0.0.1", port },
      user: "boss",
    });
    const { rows } = await boss.query(
      "select (select string_agg(id::text, ',') from kept), current_setting('work_mem')",
    );
    return rows;
  }, { what: `node ${id} lets its superuser in` });
}

async function dryRun(
  cluster: PgCluster,
  node: PgNode,
  user: string,
): Promise<{ code: number; text: string }> {
  const main = join(import.meta.dirname ?? ".", "..", "main.ts");
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", main, "serve", "--adopt", "--dry-run"],
      `--config=${join(cluster.root, "pgraft.conf")}`,
      "--node-id=9",
      "--cluster-join=127.0.0.1:2",
      "--raft-listen=127.0.0.1:8",
      `--node-data-dir=${join(cluster.root, "dry")}`,
      `--postgresql-data-dir=${node.dataDir}`,
      `--postgresql-superuser=${user}`,
    ],
  }).output();
  return { code, text: new TextDecoder().decode(stdout) };
}

Deno.test("a database that was there becomes the first primary, whoever is killed meanwhile", () =>
  withPgCluster({
    settle: false,
    flags: { "cluster-adopt": "true", "postgresql-superuser": "boss" },
    prepare: (root) => makeForeign(join(root, "node2.pg")),
  }, async (cluster) => {
    const adopter = cluster.node(2);
    await until(
      () => /Adopting the database/.test(adopter.agent.output()) || null,
      { what: "the adoption begins" },
    );
    await adopter.kill();
    adopter.restart();
    const { primary } = await cluster.settled();
    assertEquals(primary.id, 2);
    for (const node of cluster.nodes) {
      assertEquals(await rowsOf(node), [["7", "7MB"]]);
    }
    const view = await cluster.view();
    assertEquals(view.primary?.timeline, 3);
    const [founding] = await cluster.history();
    assertMatch(founding?.why ?? "", /database that is adopted/);
    assertMatch(
      await Deno.readTextFile(
        `${adopter.dataDir}/postgresql.conf.before-pgraft`,
      ),
      /synchronous_commit = off/,
    );
    await adopter.kill();
    const { primary: next } = await cluster.opened(1);
    assertEquals(await rowsOf(next), [["7", "7MB"]]);
    adopter.restart();
    await cluster.settled();
  }));

Deno.test("of two databases none is adopted or touched, and a dry run says what an adoption would change", () =>
  withPgCluster({
    settle: false,
    size: 2,
    flags: { "cluster-adopt": "true", "postgresql-superuser": "boss" },
    prepare: async (root) => {
      await makeForeign(join(root, "node1.pg"));
      await makeForeign(join(root, "node2.pg"));
    },
  }, async (cluster) => {
    const [first, second] = cluster.nodes;
    assert(first && second);
    const before = await listing(cluster.root).then((all) =>
      all.filter((line) => /node\d\.pg\//.test(line))
    );
    await until(async () => {
      const { findings } = await cluster.explain();
      return findings.some(({ text }) =>
        /Nodes 1, 2 have a database each.*move the others away/.test(text)
      ) || null;
    }, { what: "explain says why nothing is founded" });
    const { code, text } = await dryRun(cluster, first, "boss");
    assertEquals(code, 0, text);
    assertMatch(text, /can be adopted.*\n- Database \d+ becomes the first/);
    assertMatch(text, /timeline after 2/);
    assertMatch(text, /tablespaces in \S+\.space stay; every other member/);
    assertMatch(text, /postgresql.conf.before-pgraft/);
    const after = await listing(cluster.root).then((all) =>
      all.filter((line) => /node\d\.pg\//.test(line))
    );
    assertEquals(after, before);
    await Deno.rename(second.dataDir, `${second.dataDir}.away`);
    const { primary } = await cluster.settled();
    assertEquals(primary.id, 1);
  }));
