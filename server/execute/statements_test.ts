import { assertEquals, assertNotEquals } from "@std/assert";
import { refusalOf, statementWords } from "./statements.ts";

const WORDS: readonly (readonly [string, string[][]])[] = [
  ["select 1", [["SELECT"]]],
  ["select ';'; vacuum", [["SELECT"], ["VACUUM"]]],
  ["-- ; vacuum\nselect 1;;", [["SELECT"]]],
  ["/* a /* ; */ ; */ drop table t", [["DROP", "TABLE", "T"]]],
  ["select $$;$$; select $x$ $$ ; $x$", [["SELECT"], ["SELECT"]]],
  [`select E'\\';', "a;b"; commit`, [["SELECT"], ["COMMIT"]]],
  ["create table a$b (n int)", [["CREATE", "TABLE", "A$B", "N", "INT"]]],
  ["", []],
  [" ; ", []],
];

for (const [sql, words] of WORDS) {
  Deno.test(`statementWords() cuts ${JSON.stringify(sql)}`, () => {
    assertEquals(statementWords(sql), words);
  });
}

const REFUSED = [
  "vacuum",
  "VACUUM (full) t",
  "select 1; create index concurrently i on t (n)",
  "create unique index concurrently i on t (n)",
  "reindex table concurrently t",
  "reindex database d",
  "create database d",
  "alter system set work_mem = 1",
  "/* x */ commit",
  "begin; select 1; end",
  "rollback to savepoint s",
  "prepare transaction 'x'",
  "cluster",
  "alter table t detach partition p concurrently",
  "copy t from stdin",
  "create subscription s connection '' publication p",
  "",
  "-- nothing",
];
for (const sql of REFUSED) {
  Deno.test(`refusalOf() refuses ${JSON.stringify(sql)}`, () => {
    assertNotEquals(refusalOf(sql), null);
  });
}

const TAKEN = [
  "create table t (n int); create index on t (n)",
  "insert into t values ('vacuum; commit')",
  "do $$begin perform 1; end$$",
  "cluster t using i",
  "reindex table t",
  "prepare p as select 1",
  "refresh materialized view concurrently v",
  "select 1 as commit",
];
for (const sql of TAKEN) {
  Deno.test(`refusalOf() takes ${JSON.stringify(sql)}`, () => {
    assertEquals(refusalOf(sql), null);
  });
}
