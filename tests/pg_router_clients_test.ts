import { assert, assertEquals, assertMatch } from "@std/assert";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import untypedPg from "pg";
import postgres from "postgres";
import { until } from "./nodes/mod.ts";
import { type PgCluster, withPgCluster } from "./postgres/mod.ts";
import { encrypt, ENCRYPTED, runClient } from "./pg_router_kit.ts";

const PASSWORD = "a password";

/** What is used of a package that comes without types. */
interface NodePostgres {
  readonly Client: new (options: Readonly<Record<string, unknown>>) => {
    connect(): Promise<void>;
    query(sql: string, params: unknown[]): Promise<{ rows: unknown[] }>;
    end(): Promise<void>;
  };
}

const pg: NodePostgres = untypedPg;

/** One of a standby's routers, so that sessions cross nodes. */
async function doorOf(cluster: PgCluster): Promise<number> {
  const [through] = await cluster.standbys();
  assert(through);
  return through.router.readWrite;
}

async function askPsql(
  port: number,
  words: string,
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const place = `host=127.0.0.1 port=${port} dbname=postgres ${words}`;
  const sql =
    "select ssl, pg_is_in_recovery() from pg_stat_ssl where pid = pg_backend_pid()";
  return await runClient("psql", [place, "-AtXc", sql], env);
}

type Story = readonly [string, (cluster: PgCluster) => Promise<void>];

const STORIES: readonly Story[] = [
  ["psql, in clear and by TLS", async (cluster) => {
    const port = await doorOf(cluster);
    const user = "user=postgres";
    assertEquals(await askPsql(port, `${user} sslmode=disable`), "f|f");
    assertEquals(await askPsql(port, `${user} sslmode=require`), "t|f");
    const root = join(cluster.root, "server.crt");
    const strict = `${user} sslmode=verify-ca sslrootcert=${root}`;
    assertEquals(await askPsql(port, strict), "t|f");
  }],
  ["psql, by a password bound to the channel", async (cluster) => {
    const port = await doorOf(cluster);
    const words = "user=prover sslmode=require channel_binding=require";
    assertEquals(await askPsql(port, words, { PGPASSWORD: PASSWORD }), "t|f");
  }],
  [
    "psql with several hosts, beside the router and through it",
    async (cluster) => {
      const ports = cluster.nodes.map(({ port }) => port).join(",");
      const sql = "select pg_is_in_recovery()";
      const ask = (words: string): Promise<string> =>
        runClient("psql", [
          `dbname=postgres user=postgres ${words}`,
          "-AtXc",
          sql,
        ]);
      const hosts = "host=127.0.0.1,127.0.0.1,127.0.0.1";
      assertEquals(
        await ask(`${hosts} port=${ports} target_session_attrs=read-write`),
        "f",
      );
      const doors = cluster.nodes.map(({ router }) => router.readWrite).join(
        ",",
      );
      assertEquals(
        await ask(`${hosts} port=${doors} target_session_attrs=read-write`),
        "f",
      );
    },
  ],
  ["pgbench, with prepared statements and a copy", async (cluster) => {
    const port = await doorOf(cluster);
    const place = ["-h", "127.0.0.1", "-p", `${port}`, "-U", "postgres"];
    await runClient("pgbench", [...place, "-i", "-q", "postgres"]);
    const words = ["-n", "-M", "prepared", "-c", "8", "-t", "20", "postgres"];
    const text = await runClient("pgbench", [...place, ...words]);
    assertMatch(text, /actually processed: 160\/160/);
  }],
  ["npm:postgres, in clear and by TLS", async (cluster) => {
    const port = await doorOf(cluster);
    for (const ssl of [false, "require"] as const) {
      const sql = postgres({
        host: "127.0.0.1",
        port,
        user: "postgres",
        database: "postgres",
        pass: "",
        ssl,
        max: 3,
      });
      try {
        const rows = await Promise.all(
          [1, 2, 3].map((n) =>
            sql`select ${n}::int as n, pg_is_in_recovery() as standby`
          ),
        );
        assertEquals(rows.map(([row]) => [row?.["n"], row?.["standby"]]), [
          [1, false],
          [2, false],
          [3, false],
        ]);
      } finally {
        await sql.end({ timeout: 5 });
      }
    }
  }],
  ["npm:pg, in clear and by TLS", async (cluster) => {
    const port = await doorOf(cluster);
    const ca = await readFile(join(cluster.root, "server.crt"), "utf8");
    for (const ssl of [false, { ca, servername: "localhost" }]) {
      const client = new pg.Client({
        host: "127.0.0.1",
        port,
        user: "postgres",
        database: "postgres",
        ssl,
      });
      await client.connect();
      try {
        const { rows } = await client.query("select $1::int as n", [7]);
        assertEquals(rows, [{ n: 7 }]);
      } finally {
        await client.end();
      }
    }
  }],
  ["pg_receivewal, which replicates", async (cluster) => {
    const port = await doorOf(cluster);
    const directory = join(cluster.root, "received");
    await Deno.mkdir(directory);
    const place = ["-h", "127.0.0.1", "-p", `${port}`, "-U", "postgres"];
    const { primary } = await cluster.settled();
    const { rows } = await primary.query("select pg_current_wal_lsn()");
    await primary.query("create table more_log (n int)");
    const end = rows[0]?.[0] ?? "";
    await runClient("pg_receivewal", [
      ...place,
      "-D",
      directory,
      `--endpos=${end}`,
      "--no-loop",
    ]);
    const files = await Array.fromAsync(Deno.readDir(directory));
    assert(files.length > 0);
  }],
];

Deno.test("a router lets real clients through:", (t) =>
  withPgCluster(ENCRYPTED, async (cluster) => {
    await encrypt(cluster);
    const { primary } = await cluster.settled();
    await primary.query(`create role prover login password '${PASSWORD}'`);
    await until(async () => {
      const words = "user=postgres sslmode=require";
      return await askPsql(primary.port, words) === "t|f" || null;
    }, { what: "the primary speaks TLS" });
    for (const [name, run] of STORIES) {
      await t.step(name, () => run(cluster));
    }
  }));
