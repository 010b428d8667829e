import {
  assert,
  assertEquals,
  assertMatch,
  assertNotEquals,
} from "@std/assert";
import { join } from "node:path";
import { freePorts, startProcess, until } from "./nodes/mod.ts";
import { findProgram, listing, ownerOf } from "./pg_fault_kit.ts";

const MAIN = join(import.meta.dirname ?? ".", "..", "main.ts");

/** A node that can't be what it is asked to be: how it ends, and what it says. */
async function startInVain(
  root: string,
  flags: Readonly<Record<string, string>>,
): Promise<string> {
  const [raft, api, port] = freePorts(3);
  await Deno.writeTextFile(join(root, "secret"), crypto.randomUUID(), {
    mode: 0o600,
  });
  const all = {
    "node-id": "1",
    "node-data-dir": join(root, "node1"),
    "cluster-secret-file": join(root, "secret"),
    "cluster-members": `1@127.0.0.1:${raft}`,
    "raft-listen": `127.0.0.1:${raft}`,
    "api-listen": `127.0.0.1:${api}`,
    "postgresql-managed": "true",
    "postgresql-listen": `127.0.0.1:${port}`,
    "postgresql-data-dir": join(root, "pg"),
    ...flags,
  };
  const words = Object.entries(all).map(([name, value]) =>
    `--${name}=${value}`
  );
  await using node = startProcess({
    name: "a node that cannot start",
    command: Deno.execPath(),
    args: ["run", "-A", MAIN, "serve", ...words],
  });
  const { code } = await until(() => node.status(), {
    what: `it ends; it has written ${node.output()}`,
  });
  await node.ended;
  assertNotEquals(code, 0);
  return node.output();
}

async function inDirectory(
  run: (root: string) => Promise<void>,
): Promise<void> {
  const root = await Deno.makeTempDir({ prefix: "pgraft-start-" });
  try {
    await Deno.chmod(root, 0o755);
    await run(root);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

/** The files in a directory and below; empty directories are nothing. */
async function filesIn(directory: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(directory)) {
    const path = join(directory, name);
    found.push(...isDirectory ? await filesIn(path) : [path]);
  }
  return found.sort();
}

Deno.test("serve says in a sentence what is wrong with PostgreSQL, before it changes anything:", async (t) => {
  await t.step(
    "there are no binaries where they should be",
    () =>
      inDirectory(async (root) => {
        const said = await startInVain(root, { "postgresql-bin-dir": root });
        assertMatch(said, /no .*postgres.*(install|set|correct|bin_dir)/i);
        assertEquals(await filesIn(root), [join(root, "secret")]);
      }),
  );

  await t.step(
    "the data directory holds something else",
    () =>
      inDirectory(async (root) => {
        await Deno.mkdir(join(root, "pg"));
        const letters = join(root, "pg", "letters.txt");
        await Deno.writeTextFile(letters, "Dear");
        const said = await startInVain(root, {});
        assertMatch(said, /pg" .*: /);
        assertEquals(await filesIn(root), [letters, join(root, "secret")]);
      }),
  );

  await t.step(
    "the data directory is of a newer PostgreSQL",
    () =>
      inDirectory(async (root) => {
        const dataDir = join(root, "pg");
        const owner = await ownerOf("postgres");
        await Deno.mkdir(join(dataDir, "global"), {
          recursive: true,
          mode: 0o700,
        });
        await Deno.writeTextFile(join(dataDir, "PG_VERSION"), "99\n");
        await Deno.writeFile(
          join(dataDir, "global", "pg_control"),
          new Uint8Array(8192),
        );
        if (owner) await Deno.chown(dataDir, owner.uid, owner.gid);
        const before = await listing(dataDir);
        const said = await startInVain(root, {});
        assertMatch(said, /was written by PostgreSQL 99.*(install|upgrade)/);
        assertEquals(await listing(dataDir), before);
      }),
  );

  await t.step(
    "the data directory is another cluster's",
    () =>
      inDirectory(async (root) => {
        const dataDir = join(root, "pg");
        const owner = await ownerOf("postgres");
        await Deno.mkdir(dataDir, { mode: 0o700 });
        if (owner) await Deno.chown(dataDir, owner.uid, owner.gid);
        const { success } = await new Deno.Command(
          await findProgram("initdb"),
          {
            args: ["-D", dataDir, "-A", "trust", "--no-sync"],
            cwd: "/",
            stdout: "null",
            stderr: "null",
            ...owner,
          },
        ).output();
        assert(success);
        const before = await listing(dataDir);
        const said = await startInVain(root, {});
        assertMatch(said, /pgraft did not make.*(choose|move)/);
        assertEquals(await listing(dataDir), before);
      }),
  );

  await t.step(
    "a parameter is pgraft's own",
    () =>
      inDirectory(async (root) => {
        const config = join(root, "pgraft.conf");
        await Deno.writeTextFile(
          config,
          "[postgresql.parameters]\nfsync = off\n",
        );
        const said = await startInVain(root, { config });
        assertMatch(said, /fsync, which pgraft owns: .*remove it/);
        assertEquals(await filesIn(root), [config, join(root, "secret")]);
      }),
  );

  await t.step("PostgreSQL would run as root", async () => {
    if (Deno.uid() !== 0) return;
    await inDirectory(async (root) => {
      const said = await startInVain(root, { "postgresql-os-user": "root" });
      assertMatch(said, /refuses to run as "root".*set os_user/);
      assertEquals(await filesIn(root), [join(root, "secret")]);
    });
  });

  await t.step("the port is taken", () =>
    inDirectory(async (root) => {
      using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      const said = await startInVain(root, {
        "postgresql-listen": `127.0.0.1:${taken.addr.port}`,
      });
      assertMatch(said, /is taken.*(stop|listen elsewhere)/);
    }));
});

const WITHOUT_TLS =
  /Replication leaves this machine without TLS: set tls_cert/g;

Deno.test("serve warns once where replication leaves the machine without TLS, and else never", () =>
  inDirectory(async (root) => {
    // It says so, and ends before anything is made.
    using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const warnings = async (
      advertised: string,
      more: Readonly<Record<string, string>>,
    ): Promise<number> => {
      const said = await startInVain(root, {
        "postgresql-listen": `127.0.0.1:${taken.addr.port}`,
        "postgresql-advertise": `${advertised}:${taken.addr.port}`,
        ...more,
      });
      assertMatch(said, /is taken/);
      return [...said.matchAll(WITHOUT_TLS)].length;
    };
    const files = Object.fromEntries(
      await Promise.all(
        ["cert", "key", "ca"].map(async (name) => {
          const path = join(root, `${name}.pem`);
          // Nothing is made of it that would look into it.
          await Deno.writeTextFile(path, "-----BEGIN TEST-----\n", {
            mode: 0o600,
          });
          return [`postgresql-tls-${name}`, path] as const;
        }),
      ),
    );
    assertEquals(await warnings("192.0.2.1", {}), 1);
    assertEquals(await warnings("127.0.0.1", {}), 0);
    assertEquals(await warnings("192.0.2.1", files), 0);
  }));
