import { assert, assertEquals, assertMatch } from "@std/assert";
import { until } from "../nodes/mod.ts";
import { join } from "node:path";
import {
  commandLineOf,
  type PgCluster,
  type PgNode,
  processesIn,
  processesNaming,
  startPgCluster,
  withPgCluster,
} from "../postgres/mod.ts";
import { findProgram, untilSaid } from "../pg_fault_kit.ts";

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

/** What is in a directory, with the time of each file's last change. */
async function listing(directory: string): Promise<string[]> {
  const found: string[] = [];
  for await (const entry of Deno.readDir(directory)) {
    const path = join(directory, entry.name);
    const { mtime } = await Deno.lstat(path);
    found.push(`${path} ${mtime?.toISOString()}`);
    if (entry.isDirectory) found.push(...await listing(path));
  }
  return found.sort();
}

async function ownerOf(
  name: string,
): Promise<{ uid: number; gid: number } | null> {
  if (Deno.uid() !== 0) return null;
  const text = await Deno.readTextFile("/etc/passwd");
  const fields = text.split("\n").map((line) => line.split(":"))
    .find(([first]) => first === name);
  return fields ? { uid: Number(fields[2]), gid: Number(fields[3]) } : null;
}

Deno.test("a database of another cluster is refused and never touched", async () => {
  let before: string[] = [];
  await using cluster = await startPgCluster({
    settle: false,
    prepare: async (root) => {
      const dataDir = join(root, "node1.pg");
      const owner = await ownerOf("postgres");
      await Deno.mkdir(dataDir, { mode: 0o700 });
      if (owner) await Deno.chown(dataDir, owner.uid, owner.gid);
      const { success } = await new Deno.Command(await findProgram("initdb"), {
        args: ["-D", dataDir, "-A", "trust", "--no-sync"],
        cwd: "/",
        stdout: "null",
        stderr: "null",
        ...owner,
      }).output();
      assert(success);
      before = await listing(dataDir);
    },
  });
  const [stranger, ...others] = cluster.nodes;
  assert(stranger);
  await until(async () => {
    const { members } = await cluster.view();
    const streaming = members.filter(({ role, state }) =>
      role === "primary" || state === "streaming"
    );
    return streaming.length === others.length || null;
  }, { what: "the others have a database", timeoutMs: 90_000 });
  const why = await until(async () => {
    const { members } = await cluster.view();
    return members.find(({ id }) => id === stranger.id)?.trouble ?? null;
  }, { what: "the node says what is wrong" });

  assertMatch(why, /another cluster|did not make/);
  assertEquals(await listing(stranger.dataDir), before);
  assertEquals(stranger.processes(), []);
});

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
    for (const node of cluster.nodes) {
      const path = join(node.agent.directory, "ha", "replication_password");
      const password = (await Deno.readTextFile(path)).trim();
      assert(password.length > 20);
      assertEquals((await Deno.stat(path)).mode, 0o100600);
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
      const user = [`--reuid=${owner.uid}`, `--regid=${owner.gid}`];
      await withPgCluster({
        command: [
          "setpriv",
          ...user,
          "--clear-groups",
          "env",
          `HOME=${root}`,
          `DENO_DIR=/tmp/pgraft-nobody-deno`,
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
