import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { join } from "node:path";
import { chmod } from "node:fs/promises";
import { exists } from "./files.ts";
import {
  ALONE,
  type Kit,
  LIMIT_MS,
  type Made,
  PASSWORD,
  readRows,
  until,
  withKit,
  writeRow,
} from "./instance_test_kit.ts";
import { InstanceError, surveyAdoption } from "./mod.ts";
import { runCommand } from "./processes.ts";
import { systemClock } from "../../base/mod.ts";

const OWN_HBA = "local all all trust\nhost all all 127.0.0.1/32 trust\n";

async function run(
  made: Made,
  program: string,
  words: readonly string[],
): Promise<void> {
  const { binaries, osUser } = made.options;
  const result = await runCommand(join(binaries.dir, program), words, {
    clock: systemClock(),
    owner: osUser,
    timeoutMs: LIMIT_MS,
  });
  if (result.code !== 0) throw new Error(`${program}: ${result.stderr}`);
}

/** A database as somebody else made it, who is `boss` in it; stopped in order. */
async function foreign(
  kit: Kit,
  name: string,
  settings: readonly string[] = [],
): Promise<Made> {
  const made = await kit.make(name, { superuser: "boss" });
  const { dataDir, options } = made;
  const { osUser } = options;
  await Deno.mkdir(dataDir, { mode: 0o700 });
  if (osUser) await Deno.chown(dataDir, osUser.uid, osUser.gid);
  await run(made, "initdb", [
    "-D",
    dataDir,
    "-U",
    "boss",
    "-A",
    "trust",
    "--no-sync",
  ]);
  await Deno.writeTextFile(join(dataDir, "pg_hba.conf"), OWN_HBA);
  const conf = join(dataDir, "postgresql.conf");
  const text = ["work_mem = 7MB", ...settings].join("\n");
  await Deno.writeTextFile(conf, `${text}\n`, { append: true });
  return made;
}

async function startByHand(made: Made): Promise<void> {
  const { dataDir, port } = made;
  const how = `-p ${port} -c listen_addresses= -k ${dataDir}`;
  const log = join(dataDir, "by_hand.log");
  await run(made, "pg_ctl", [
    "-D",
    dataDir,
    "-w",
    "-o",
    how,
    "-l",
    log,
    "start",
  ]);
}

/** All files, with their sizes and when they were changed. */
async function contentsOf(directory: string): Promise<string[]> {
  const found: string[] = [];
  for await (
    const { name, isFile, isDirectory } of Deno.readDir(directory)
  ) {
    const path = join(directory, name);
    const { size, mtime } = await Deno.lstat(path);
    if (isFile) found.push(`${path} ${size} ${mtime?.getTime()}`);
    else if (isDirectory) found.push(...await contentsOf(path));
  }
  return found.sort();
}

async function problemsOf(made: Made): Promise<string> {
  const survey = await surveyAdoption(made.options);
  return survey.kind === "empty" ? "" : survey.problems.join("; ");
}

Deno.test("what is adopted goes on as a closed standby, with all that it had kept beside", () =>
  withKit(async (kit) => {
    const settings = [
      "wal_level = minimal",
      "max_wal_senders = 0",
      "synchronous_standby_names = 'former'",
    ];
    const made = await foreign(kit, "a", settings);
    const { dataDir, instance } = made;
    const before = await contentsOf(dataDir);
    const survey = await surveyAdoption(made.options);
    assertEquals(await contentsOf(dataDir), before);
    assert(survey.kind === "present");
    assertEquals(survey.problems, []);
    const words = survey.changes.join("\n");
    for (
      const part of [
        /first primary of cluster test/,
        /wal_level becomes replica \(so far minimal\)/,
        /synchronous_standby_names is pgraft's own.*former/,
        /rules of pg_hba.conf count no more .*host all all 127/,
        /no data checksums/,
      ]
    ) assertMatch(words, part);
    await instance.adopt({ replicationPassword: PASSWORD, resumes: false });
    // As after a crash in the middle.
    await Deno.remove(join(dataDir, "standby.signal"));
    await startByHand(made);
    await instance.stop("immediate");
    await instance.adopt({ replicationPassword: PASSWORD, resumes: true });
    const kept = (name: string): Promise<string> =>
      Deno.readTextFile(join(dataDir, `${name}.before-pgraft`));
    assertEquals(await kept("pg_hba.conf"), OWN_HBA);
    assertMatch(await kept("postgresql.conf"), /synchronous_standby_names/);
    await instance.render(ALONE);
    await instance.start();
    const view = await instance.observe({ timeoutMs: LIMIT_MS });
    assertEquals([view.inRecovery, view.drift], [true, []]);
    await instance.layFillers(await instance.newestTimeline() + 1);
    await instance.promote({ timeoutMs: LIMIT_MS });
    const [row] = await instance.query<{ all: string }>(
      `select concat_ws(' ', current_user, current_setting('work_mem'), current_setting('wal_level'),
         rolreplication, rolsuper) as all from pg_roles where rolname = 'pgraft_replication'`,
    );
    assertEquals(row?.all, "boss 7MB replica t f");
    await writeRow(made, 1);
    assertEquals(await readRows(made), [1]);
  }));

Deno.test("what cannot be adopted is not touched, and the reason says what to do:", async (t) => {
  const cases: readonly (readonly [
    string,
    RegExp,
    (made: Made) => Promise<unknown>,
  ])[] = [
    [
      "a server that runs",
      /PostgreSQL runs in .* stop it in order/,
      startByHand,
    ],
    [
      "one that crashed",
      /not stopped in order .*in production/,
      async (made) => {
        await startByHand(made);
        await made.instance.stop("immediate");
      },
    ],
    [
      "a standby",
      /has a standby.signal.*promote it/,
      ({ dataDir }) => Deno.writeTextFile(join(dataDir, "standby.signal"), ""),
    ],
    [
      "a backup",
      /has a backup_label/,
      ({ dataDir }) => Deno.writeTextFile(join(dataDir, "backup_label"), ""),
    ],
    [
      "a recovery target",
      /recovery_target_name is set.*take it out/,
      ({ dataDir }) =>
        Deno.writeTextFile(
          join(dataDir, "postgresql.conf"),
          "recovery_target_name = 'x'\n",
        ),
    ],
    [
      "a configuration that is wrong",
      /postgresql.conf" cannot be read: .*nonsense.*Correct the file/,
      ({ dataDir }) =>
        Deno.writeTextFile(
          join(dataDir, "postgresql.conf"),
          "port = 'nonsense'\n",
        ),
    ],
    [
      "another data directory",
      /leads to another data_directory/,
      ({ dataDir }) =>
        Deno.writeTextFile(
          join(dataDir, "postgresql.conf"),
          "data_directory = '/nowhere'\n",
        ),
    ],
    [
      "another version",
      /was written by PostgreSQL 9\.6/,
      ({ dataDir }) => Deno.writeTextFile(join(dataDir, "PG_VERSION"), "9.6\n"),
    ],
    [
      "a directory that is open to others",
      /entered by others: chmod 0700/,
      ({ dataDir }) => chmod(dataDir, 0o755),
    ],
  ];
  await withKit(async (kit) => {
    const original = await foreign(kit, "original");
    let number = 0;
    for (const [name, words, prepare] of cases) {
      await t.step(name, async () => {
        const made = await kit.make(`copy${number++}`, { superuser: "boss" });
        const { success } = await new Deno.Command("cp", {
          args: ["-a", "--", original.dataDir, made.dataDir],
        }).output();
        assert(success);
        // Its run directory is made by the first call.
        await made.instance.inspect();
        await prepare(made);
        const before = await contentsOf(made.dataDir);
        assertMatch(await problemsOf(made), words);
        const error = await assertRejects(
          () =>
            made.instance.adopt({
              replicationPassword: PASSWORD,
              resumes: false,
            }),
          InstanceError,
        );
        assertMatch(error.message, words);
        if (name !== "a server that runs") {
          assertEquals(await contentsOf(made.dataDir), before);
        }
        assertEquals(
          await exists(join(made.dataDir, "pg_hba.conf.before-pgraft")),
          false,
        );
      });
    }
  });
});

Deno.test("an adoption needs a superuser that may log in, and changes no file without", () =>
  withKit(async (kit) => {
    const made = await foreign(kit, "a");
    const other = await kit.make("a", { superuser: "nobody_here" });
    const error = await assertRejects(
      () =>
        other.instance.adopt({ replicationPassword: PASSWORD, resumes: false }),
      InstanceError,
    );
    assertMatch(error.message, /no superuser "nobody_here".*set superuser/);
    assertEquals(
      await Deno.readTextFile(join(made.dataDir, "pg_hba.conf")),
      OWN_HBA,
    );
    await made.instance.adopt({
      replicationPassword: PASSWORD,
      resumes: false,
    });
    await until(
      "it is ready",
      () => exists(join(made.dataDir, "standby.signal")),
    );
  }));
