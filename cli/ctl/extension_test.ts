import { assert, assertEquals, assertMatch } from "@std/assert";
import { runMain } from "../test_support.ts";
import { ctl, routes } from "./ctl_test_kit.ts";

const FILES = { kind: "installed", directory: "/usr/share/extension" };

Deno.test("ctl extension install names the database and tells what became of it", async () => {
  const { code, out, seen } = await ctl(
    ["extension", "install", "--database", "app"],
    routes({
      "POST /v1/extension": {
        database: "app",
        action: "created",
        form: "extension",
        version: "1.1",
        files: FILES,
      },
    }),
  );
  assertEquals(code, 0);
  assertEquals(seen[0]?.body, { database: "app" });
  assertEquals(
    out,
    "The extension pgraft 1.1 was made in the database app\nIts files are in /usr/share/extension\n",
  );
});

Deno.test("ctl extension install says where the files could not be put, and that it is plain SQL", async () => {
  const { out } = await ctl(
    ["extension", "install"],
    routes({
      "POST /v1/extension": {
        database: "postgres",
        action: "upgraded",
        form: "plain",
        version: "1.1",
        files: { ...FILES, kind: "not_writable" },
      },
    }),
  );
  assertMatch(out, /was upgraded as plain SQL in the database postgres/);
  assertMatch(out, /can't be put into/);
});

Deno.test("ctl extension sql prints the functions and asks no node", async () => {
  const { code, out } = await runMain(["ctl", "extension", "sql"]);
  assertEquals(code, 0);
  assert(out.includes("CREATE OR REPLACE FUNCTION public.pgraft_is_leader()"));
});
