import { assert, assertEquals, assertMatch } from "@std/assert";
import { until } from "../nodes/mod.ts";
import { join } from "node:path";
import {
  commandLineOf,
  type PgCluster,
  type PgNode,
  processesIn,
  processesNaming,
  withPgCluster,
} from "../postgres/mod.ts";
import { ownerOf, untilSaid } from "../pg_fault_kit.ts";

/** Whoever has written something; null while nobody has. */
function whoSaid(cluster: PgCluster, pattern: RegExp): PgNode | null {
  return cluster.nodes.find((node) =>
    pattern.test(node.agent.process().output())
  ) ?? null;
}

for (
  const [when, pattern] of [
    ["makes the database", /Making a new database/],
    ["has made the database", /Founded the database/],
    ["promotes it", /Promoted to timeline/],
  ] as const
) {
  Deno.test(`one database is founded when a node dies that ${when}`, () =>
    withPgCluster({ settle: false }, async (cluster) => {
      const founder = await until(() => whoSaid(cluster, pattern), {
        what: `a node writes ${pattern}`,
      });
      await founder.kill();
      founder.restart();
      await cluster.settled();
      const ids = new Set<string>();
      for (const node of cluster.nodes) {
        const { rows } = await until(
          () => node.query("select system_identifier from pg_control_system()"),
          { what: `node ${node.id} lets clients in` },
        );
        ids.add(rows[0]?.[0] ?? "");
      }
      assertEquals(ids.size, 1);
    }));
}

Deno.test("no password is in a process list, a log line or an answer", () =>
  withPgCluster({ settle: false }, async (cluster) => {
    const seen: string[] = [];
    const watch = setInterval(() => {
      const pids = [
        ...processesNaming(cluster.root),
        ...processesIn(cluster.root),
      ];
      for (const pid of pids) seen.push(commandLineOf(pid) ?? "");
    }, 20);
    try {
      const { primary } = await cluster.settled();
      await primary.kill();
      await cluster.opened(1);
      primary.restart();
      await cluster.settled();
    } finally {
      clearInterval(watch);
    }
    const answers = await Promise.all(
      ["cluster", "explain", "failover/history", "status", "nodes"].map(
        async (path) => {
          const node = cluster.nodes[0]?.agent.client;
          return JSON.stringify(await node?.request("GET", `/v1/${path}`));
        },
      ),
    );
    const texts = [seen.join("\n"), cluster.output(), answers.join("\n")];
    const passwords = new Set<string>();
    for (const node of cluster.nodes) {
      const path = join(node.agent.directory, "run", "passfile");
      assertEquals((await Deno.stat(path)).mode, 0o100600);
      const fields = (await Deno.readTextFile(path)).trim().split(":");
      passwords.add(fields.at(-1) ?? "");
    }
    assertEquals(passwords.size, 1);
    for (const password of passwords) {
      assert(password.length > 20);
      for (const text of texts) assert(!text.includes(password));
    }
    assertMatch(seen.join("\n"), /pg_basebackup/);
  }));

/** The program as one file that needs no cache, and a Deno that anyone may run. */
async function packed(root: string): Promise<string[]> {
  const deno = join(root, "deno");
  await Deno.copyFile(Deno.execPath(), deno);
  await Deno.chmod(deno, 0o755);
  const main = join(import.meta.dirname ?? ".", "..", "..", "main.ts");
  const script = join(root, "pgraft.js");
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["bundle", "-o", script, main],
  }).output();
  assert(success, new TextDecoder().decode(stderr));
  return [deno, "run", "-A", "--no-config", script];
}

Deno.test({
  name: "everything works for an ordinary user",
  ignore: Deno.uid() !== 0,
  fn: async () => {
    const root = await Deno.makeTempDir({ prefix: "pgraft-user-" });
    try {
      await Deno.chmod(root, 0o755);
      const owner = await ownerOf("postgres") ?? await ownerOf("nobody");
      assert(owner);
      const words = await packed(root);
      const cache = join(root, "cache");
      await Deno.mkdir(cache);
      await Deno.chown(cache, owner.uid, owner.gid);
      const user = [`--reuid=${owner.uid}`, `--regid=${owner.gid}`];
      await withPgCluster({
        command: [
          "setpriv",
          ...user,
          "--clear-groups",
          "env",
          `HOME=${root}`,
          `DENO_DIR=${cache}`,
          ...words,
        ],
        prepare: async (top) => {
          for (const path of [top, join(top, "secret"), join(top, "token")]) {
            await Deno.chown(path, owner.uid, owner.gid).catch(() => {});
          }
        },
      }, async (cluster) => {
        const { primary, epoch } = await cluster.settled();
        for (const pid of primary.processes()) {
          assertEquals((await Deno.stat(`/proc/${pid}`)).uid, owner.uid);
        }
        await primary.kill();
        await cluster.opened(epoch);
        primary.restart();
        await untilSaid(primary, /Following node|Starting PostgreSQL/);
        await cluster.settled();
      });
    } finally {
      await Deno.remove(root, { recursive: true });
    }
  },
});

Deno.test({
  name: "PostgreSQL runs as nobody where os_user does not exist",
  ignore: Deno.uid() !== 0,
  fn: () =>
    withPgCluster({
      size: 1,
      flags: { "postgresql-os-user": "no-such-user" },
    }, async (cluster) => {
      const { primary } = await cluster.settled();
      const nobody = await ownerOf("nobody");
      const uids = primary.processes().map((pid) =>
        Deno.statSync(`/proc/${pid}`).uid
      );
      assertEquals(new Set(uids), new Set([nobody?.uid ?? null]));
    }),
});
