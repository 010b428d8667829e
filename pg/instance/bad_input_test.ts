import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import {
  ALONE,
  type Kit,
  LIMIT_MS,
  PASSWORD,
  PROGRAMS,
  until,
  withKit,
} from "./instance_test_kit.ts";
import {
  findBinaries,
  findOsUser,
  InstanceError,
  type InstanceErrorCode,
} from "./mod.ts";
import { allTitles } from "./instance_test_kit.ts";

async function refuses(
  code: InstanceErrorCode,
  words: RegExp,
  run: () => Promise<unknown>,
): Promise<void> {
  const error = await assertRejects(run, InstanceError);
  assertEquals(
    [error.code, words.test(error.message)],
    [code, true],
    error.message,
  );
  assert(!error.message.includes("9f3"));
  assert(!error.message.endsWith("."));
}

/** A directory of programs: the real ones, but for those that are given as scripts. */
async function programs(
  kit: Kit,
  scripts: Record<string, string>,
): Promise<string> {
  const real = await findBinaries(null);
  const dir = `${kit.root}/bin`;
  await Deno.mkdir(dir);
  for await (const { name } of Deno.readDir(real.dir)) {
    if (scripts[name] === undefined) {
      await Deno.symlink(`${real.dir}/${name}`, `${dir}/${name}`);
    }
  }
  for (const [name, text] of Object.entries(scripts)) {
    await Deno.writeTextFile(`${dir}/${name}`, `#!/bin/sh\n${text}\n`, {
      mode: 0o755,
    });
  }
  return dir;
}

const says = (version: string): string =>
  `echo "postgres (PostgreSQL) ${version}"`;

Deno.test("findBinaries() refuses a version it does not know", () =>
  withKit(async (kit) => {
    const dir = await programs(kit, {
      postgres: says("13.9"),
      initdb: says("13.9"),
    });
    await refuses(
      "bad_version",
      /13\.9.*14 to 18: install/,
      () => findBinaries(dir),
    );
  }));

Deno.test("findBinaries() refuses programs of two versions", () =>
  withKit(async (kit) => {
    const dir = await programs(kit, {
      postgres: says("16.9"),
      initdb: says("16.8"),
    });
    await refuses(
      "bad_version",
      /16\.9.*16\.8: install both/,
      () => findBinaries(dir),
    );
  }));

Deno.test("findBinaries() takes links that lead nowhere for no programs, and another version for none", () =>
  withKit(async (kit) => {
    const dir = await programs(kit, {
      postgres: says("16.9"),
      initdb: says("16.9"),
    });
    assertEquals((await findBinaries(dir, 16)).version, "16.9");
    await refuses(
      "no_binaries",
      /No postgres of version 17 .*install PostgreSQL 17/,
      () => findBinaries(dir, 17),
    );
    await Deno.remove(`${dir}/postgres`);
    await Deno.symlink("/nowhere/postgres", `${dir}/postgres`);
    await refuses(
      "no_binaries",
      /install PostgreSQL/,
      () => findBinaries(dir),
    );
  }));

Deno.test("findBinaries() refuses a directory without PostgreSQL", () =>
  refuses(
    "no_binaries",
    /"\/etc": install.*bin_dir/,
    () => findBinaries("/etc"),
  ));

Deno.test("findOsUser() refuses root, and takes nobody for a user who is not there", async () => {
  if (Deno.uid() !== 0) {
    assertEquals(await findOsUser("root"), null);
    return;
  }
  await refuses(
    "no_os_user",
    /refuses to run as "root".*os_user/,
    () => findOsUser("root"),
  );
  assertEquals((await findOsUser("no-such-user"))?.name, "nobody");
});

Deno.test("initialize() and start() refuse a directory with something else in it", () =>
  withKit(async (kit) => {
    const { instance, dataDir } = await kit.make("a");
    await Deno.mkdir(dataDir);
    await refuses(
      "unreadable_data",
      /is empty: initialize or clone/,
      () => instance.start(),
    );
    await Deno.writeTextFile(`${dataDir}/letter.txt`, "dear");
    const words = /holds files but no PostgreSQL data: choose an empty/;
    await refuses(
      "foreign_data",
      words,
      () => instance.initialize({ replicationPassword: PASSWORD }),
    );
    await refuses("unreadable_data", words, () => instance.start());
    assertEquals(await Deno.readTextFile(`${dataDir}/letter.txt`), "dear");
  }));

Deno.test("inspect() says why data cannot be used", () =>
  withKit(async (kit) => {
    const { instance, dataDir } = await kit.initialized("a");
    const why = async (): Promise<string> => {
      const state = await instance.inspect();
      return state.kind === "unusable" ? state.reason : state.kind;
    };
    await refuses(
      "foreign_data",
      /holds the data of cluster \d+: adopt/,
      () => instance.initialize({ replicationPassword: PASSWORD }),
    );
    const control = await Deno.readFile(`${dataDir}/global/pg_control`);
    await Deno.writeFile(`${dataDir}/global/pg_control`, control.with(40, 77));
    assert(
      /pg_control.*checksum is wrong: clone/.test(await why()),
      await why(),
    );
    await Deno.truncate(`${dataDir}/global/pg_control`, 0);
    assert(/0 bytes only: clone/.test(await why()), await why());
    await Deno.remove(`${dataDir}/global/pg_control`);
    assert(/lacks global\/pg_control/.test(await why()), await why());
    await Deno.writeTextFile(`${dataDir}/PG_VERSION`, "13\n");
    assert(
      /written by PostgreSQL 13.*pg_upgrade/.test(await why()),
      await why(),
    );
    await Deno.remove(dataDir, { recursive: true });
    await Deno.writeTextFile(dataDir, "a file");
    assert(
      /cannot be read: it must be a directory/.test(await why()),
      await why(),
    );
  }));

Deno.test("start() says that the port is taken, and leaves nothing running", () =>
  withKit(async (kit) => {
    const { instance, port } = await kit.initialized("a");
    const listener = Deno.listen({ hostname: "127.0.0.1", port });
    kit.defer(() => listener.close());
    await instance.render(ALONE);
    await refuses(
      "port_taken",
      /127\.0\.0\.1:\d+ is taken.*elsewhere/,
      () => instance.start(),
    );
    assertEquals(await instance.isOccupied(), false);
  }));

Deno.test("start() hands on what PostgreSQL says of a wrong parameter", () =>
  withKit(async (kit) => {
    const { instance } = await kit.initialized("a", {
      parameters: new Map([["shared_buffers", "much"]]),
    });
    await refuses(
      "start_failed",
      /server\.log" ends with: .*shared_buffers/,
      () => instance.start(),
    );
  }));

Deno.test("start() refuses to start twice", () =>
  withKit(async (kit) => {
    const { instance } = await kit.primary("a");
    await refuses("already_running", /as process \d+: stop it first/, () =>
      instance.start());
  }));

Deno.test("reload() says that a pg_hba rule is wrong, and the former rules stay", () =>
  withKit(async (kit) => {
    const plain = await kit.primary("c", {
      hbaRules: [{ name: "tls", rule: "hostssl all all all reject" }],
    });
    await plain.instance.render({ ...ALONE, hba: "open" });
    assertEquals(await plain.instance.reload(), null);
    const { instance } = await kit.primary("a", {
      hbaRules: [{ name: "mine", rule: "host all all everywhere maybe" }],
    });
    await instance.render({ ...ALONE, hba: "open" });
    await refuses(
      "bad_setting",
      /wrong at line \d+: .*maybe/,
      () => instance.reload(),
    );
    const fault = await instance.reload({ of: "settings" });
    assertMatch(fault ?? "", /wrong at line \d+: .*maybe/);
    await instance.render(ALONE);
    await instance.reload();
    const two = await kit.make("b", {
      hbaRules: [{
        name: "two",
        rule: "local all all peer\nhost all all all trust",
      }],
    });
    await refuses("bad_setting", /more than one line/, async () => {
      await two.instance.initialize({ replicationPassword: PASSWORD });
      await two.instance.render({ ...ALONE, hba: "open" });
    });
  }));

Deno.test("initialize() says that the disk is full, and leaves nothing", () =>
  withKit(async (kit) => {
    const dir = await programs(kit, {
      initdb: 'echo "could not write: No space left on device" >&2; exit 1',
    });
    const binaries = { ...await findBinaries(null), dir };
    const { instance } = await kit.make("a", { binaries });
    await refuses(
      "disk_full",
      /no space left: free some/,
      () => instance.initialize({ replicationPassword: PASSWORD }),
    );
    const names = (await Array.fromAsync(Deno.readDir(kit.root))).map((
      { name },
    ) => name);
    assertEquals(names.toSorted(), ["a.run", "bin"]);
  }));

Deno.test("initialize() that fails at the role says why, without the password", () =>
  withKit(async (kit) => {
    const { instance } = await kit.make("a", { replicationUser: "pg_mine" });
    await refuses(
      "command_failed",
      /role "pg_mine" failed.*reserved/,
      () => instance.initialize({ replicationPassword: PASSWORD }),
    );
    assertEquals(await instance.inspect(), { kind: "empty" });
  }));

Deno.test("clone() ends at once when the copy cannot fit, and leaves the former data", () =>
  withKit(async (kit) => {
    const dir = await programs(kit, {
      pg_basebackup: `echo "0/99999999999999 kB (0%)" >&2; sleep 1001 & wait`,
    });
    const binaries = { ...PROGRAMS, dir, hasBaseBackup: true };
    const { instance } = await kit.initialized("a", { binaries });
    const options = {
      source: { host: "127.0.0.1", port: 9 },
      replicationPassword: PASSWORD,
      systemId: null,
      keepOld: true,
    };
    await refuses(
      "disk_full",
      /needs \d+ bytes.*are free/,
      () => instance.clone(options),
    );
    assertEquals((await instance.inspect()).kind, "present");
    await until(
      "its children are gone",
      () => !allTitles().includes("sleep 1001"),
    );
  }));

Deno.test({
  name:
    "clone() refuses a source that is not there, is of another cluster, or when running",
  ignore: !PROGRAMS.hasBaseBackup,
  fn: () =>
    withKit(async (kit) => {
      const a = await kit.primary("a");
      const b = await kit.make("b");
      const from = (
        port: number,
        systemId: string | null = null,
      ): Parameters<typeof b.instance.clone>[0] => ({
        source: { host: "127.0.0.1", port },
        replicationPassword: PASSWORD,
        systemId,
        keepOld: true,
      });
      await refuses(
        "not_stopped",
        /stop it before the clone/,
        () => a.instance.clone(from(a.port)),
      );
      await refuses(
        "command_failed",
        /Cloning from 127\.0\.0\.1:9 failed.*refused/,
        () => b.instance.clone(from(9)),
      );
      await refuses(
        "foreign_data",
        /expected 42: correct the address/,
        () => b.instance.clone(from(a.port, "42")),
      );
      const abort = AbortSignal.abort();
      await refuses(
        "aborted",
        /was aborted/,
        () => b.instance.clone({ ...from(a.port), signal: abort }),
      );
      assertEquals(await b.instance.inspect(), { kind: "empty" });
      await refuses(
        "bad_setting",
        /cannot be next.*choose a higher/,
        () => a.instance.layFillers(2),
      );
    }),
});

Deno.test("a directory that the user of PostgreSQL cannot enter is named", () =>
  withKit(async (kit) => {
    if (Deno.uid() !== 0) return;
    await Deno.mkdir(`${kit.root}/shut`, { mode: 0o700 });
    const { instance } = await kit.make("a", { dataDir: `${kit.root}/shut/a` });
    await refuses(
      "bad_directory",
      /User \w+ cannot enter ".*\/shut".*chmod o\+x/,
      () => instance.inspect(),
    );
    await Deno.chmod(`${kit.root}/shut`, 0o755);
    assertEquals(await instance.inspect(), { kind: "empty" });
  }));

Deno.test("a run directory whose name is too long for a socket works", () =>
  withKit(async (kit) => {
    const runDir = `${kit.root}/${"long/".repeat(20)}run`;
    await Deno.mkdir(`${kit.root}/${"long/".repeat(20)}`, { recursive: true });
    const { instance } = await kit.primary("a", { runDir });
    const [row] = await instance.query<{ dirs: string }>(
      "select current_setting('unix_socket_directories') as dirs",
    );
    const dir = /^"([^"]+)"/.exec(row?.dirs ?? "")?.[1] ?? "";
    assert(dir.startsWith("/tmp/pgraft-"), dir);
    kit.defer(() => Deno.remove(dir, { recursive: true }));
    assertEquals((await instance.probe({ timeoutMs: LIMIT_MS })).kind, "ok");
  }));
