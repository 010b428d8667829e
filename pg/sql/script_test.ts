import { assert, assertEquals, assertMatch } from "@std/assert";
import { SQL_FUNCTIONS } from "./functions.ts";
import { extensionFiles, plainSql, signatureOf } from "./script.ts";
import { EXTENSION_VERSION } from "./types.ts";
import { SQL_VIEWS } from "./views.ts";

Deno.test("extensionFiles() makes the same files every time", () => {
  assertEquals(extensionFiles(), extensionFiles());
  assertEquals(extensionFiles().map(({ name }) => name), [
    "pgraft.control",
    "pgraft--1.0.sql",
    "pgraft--1.0--1.1.sql",
  ]);
});

Deno.test("the control file names the version that the last script leads to", () => {
  const [control, ...scripts] = extensionFiles();
  assertMatch(
    control?.text ?? "",
    new RegExp(`^default_version = '${EXTENSION_VERSION}'$`, "m"),
  );
  assert(scripts.at(-1)?.name.endsWith(`--${EXTENSION_VERSION}.sql`));
});

Deno.test("no script of the extension takes over what is there, and plain SQL does", () => {
  const replaces = /CREATE OR REPLACE (FUNCTION|VIEW) (\S+)/g;
  for (const { text } of extensionFiles()) {
    const replaced = [...text.matchAll(replaces)].map(([, , name]) => name);
    assertEquals(
      replaced.filter((name) => name !== "pgraft._schema_version()"),
      [],
    );
  }
  assertEquals([...plainSql().matchAll(/^CREATE (FUNCTION|VIEW) /gm)], []);
});

Deno.test("every function is taken from PUBLIC, in both schemas", () => {
  const sql = plainSql();
  for (const row of SQL_FUNCTIONS) {
    for (const schema of ["pgraft", "public"]) {
      const name = `${schema}.${signatureOf(row)}`;
      assert(sql.includes(`REVOKE ALL ON FUNCTION ${name} FROM PUBLIC;`), name);
      assert(
        sql.includes(
          `GRANT EXECUTE ON FUNCTION ${name} TO pgraft_${row.access};`,
        ),
        name,
      );
    }
  }
});

Deno.test("every function in the schema pgraft has a fixed search_path", () => {
  const bodies = plainSql().split(/^CREATE OR REPLACE FUNCTION /m).slice(1);
  const unpinned = bodies.filter((text) =>
    text.startsWith("pgraft.") && !text.startsWith("pgraft._schema_version") &&
    !/SET search_path = pg_catalog, pg_temp/.test(text)
  );
  assertEquals(unpinned.map((text) => text.slice(0, 60)), []);
});

Deno.test("scripts are ASCII, which databases of all encodings take", () => {
  const texts = [plainSql(), ...extensionFiles().map(({ text }) => text)];
  for (const text of texts) assertEquals(text.match(/[^\n -~]/g), null);
});

Deno.test("no two functions have one signature, and no two views one name", () => {
  const signatures = SQL_FUNCTIONS.map(signatureOf);
  assertEquals(new Set(signatures).size, signatures.length);
  const views = SQL_VIEWS.map(({ schema, name }) => `${schema}.${name}`);
  assertEquals(new Set(views).size, views.length);
});

Deno.test("every row says what it is for", () => {
  for (const { name, doc } of [...SQL_FUNCTIONS, ...SQL_VIEWS]) {
    assertMatch(doc, /^\S[^]*\.$/, name);
  }
});
