import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { join } from "node:path";
import {
  ALONE,
  LIMIT_MS,
  type Made,
  readRows,
  withKit,
} from "./instance_test_kit.ts";
import { InstanceError } from "./mod.ts";

const LIMIT = { timeoutMs: LIMIT_MS };

/** What PostgreSQL finds in three passes, since it stops at the first include that is not there. */
const MISTAKES = [
  "work_mem = = 3",
  "wrk_mem = '4MB'",
  "include 'nothing.conf'",
  "maintenance_work_mem = '13MB'",
];

async function append(
  made: Made,
  name: string,
  lines: string[],
): Promise<void> {
  const path = join(made.dataDir, name);
  await Deno.writeTextFile(path, `${lines.join("\n")}\n`, { append: true });
}

async function linesWith(made: Made, name: string): Promise<string[]> {
  const text = await Deno.readTextFile(join(made.dataDir, name));
  return text.split("\n").filter((line) => line.startsWith("# pgraft: "));
}

function warnings({ log }: Made): string[] {
  return log.filter((line) => line.startsWith("warning: "));
}

Deno.test("a standby is cut from its upstream whatever the users have put into its files (R12)", () =>
  withKit(async (kit) => {
    const a = await kit.primary("a");
    const b = await kit.standby("b", a);
    const path = join(b.dataDir, "postgresql.conf");
    const before = await Deno.stat(path);
    await append(b, "postgresql.conf", MISTAKES);
    await append(b, "postgresql.auto.conf", ["nonsense"]);
    await b.instance.render(ALONE);
    assertEquals(await b.instance.reload({ ...LIMIT, of: "settings" }), null);
    const shown = await b.instance.query<{ conninfo: string; memory: string }>(
      `select current_setting('primary_conninfo') as conninfo,
              current_setting('maintenance_work_mem') as memory`,
    );
    assertEquals(shown, [{ conninfo: "", memory: "13MB" }]);
    const taken = await linesWith(b, "postgresql.conf");
    assertEquals(taken.length, 3);
    assert(taken[0]?.endsWith(": work_mem = = 3"), taken[0]);
    assertEquals((await linesWith(b, "postgresql.auto.conf")).length, 1);
    assertEquals(warnings(b).length, 4);
    const after = await Deno.stat(path);
    assertEquals([after.mode, after.uid], [before.mode, before.uid]);
  }));

Deno.test({
  name: "a file that is not PostgreSQL's own to write is left as it is",
  ignore: Deno.uid() !== 0,
  fn: () =>
    withKit(async (kit) => {
      const a = await kit.primary("a");
      const path = join(kit.root, "others.conf");
      await Deno.writeTextFile(path, "root:x:0\n");
      await append(a, "postgresql.conf", [`include '${path}'`]);
      const error = await assertRejects(
        () => a.instance.reload(LIMIT),
        InstanceError,
      );
      assertEquals(error.code, "bad_setting");
      assertMatch(error.message, /line 1 of ".*others\.conf".*correct it$/);
      assertEquals(await Deno.readTextFile(path), "root:x:0\n");
    }),
});

Deno.test("a server starts whatever line of its files it can't read", () =>
  withKit(async (kit) => {
    const a = await kit.primary("a");
    await a.instance.query("create table t (id int)");
    await a.instance.stop("fast");
    const mistakes = MISTAKES.filter((line) => !line.startsWith("include"));
    await append(a, "postgresql.conf", mistakes);
    await a.instance.start(LIMIT);
    assertEquals(await readRows(a), []);
    assertEquals((await linesWith(a, "postgresql.conf")).length, 2);
    assertEquals(warnings(a).length, 2);
  }));
