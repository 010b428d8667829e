import { assertEquals } from "@std/assert";
import { targetTableOf } from "./target_table.ts";

const CASES: readonly (readonly [string, string | null])[] = [
  ["create table t (n int)", "t"],
  ["CREATE UNLOGGED TABLE IF NOT EXISTS T(n int)", "t"],
  ['create table app . "My ""T" as select 1', 'app."My ""T"'],
  ["create table t2 partition of t1 default", "t2"],
  ["alter table if exists only app.t add column a int, add b int", "app.t"],
  ["drop table if exists t cascade", "t"],
  ["drop table t, u", null],
  ["drop table if exists t , u", null],
  ["truncate table only t", "t"],
  ["truncate a, b", null],
  ["create index on t (n)", "t"],
  [
    "create unique index if not exists i on only app.t using btree (n)",
    "app.t",
  ],
  ["drop index i", null],
  ['insert  into -- a\n\n "a  b"  values (1)', '"a  b"'],
  ["insert into t values (1), (2)", "t"],
  ["insert into /* where */ t -- there\n select 1, 2", "t"],
  ["update only t set a = 1, b = 2", "t"],
  ["update t as x set a = 1", "t"],
  ["delete from größe where n = 1", "größe"],
  ["merge into t using u on true when matched then delete", "t"],
  ["with x as (select 1) insert into t select * from x", null],
  ["select ';insert into t'", null],
  ["insert into t values (';'); update T set n = 2;", "t"],
  ["insert into t values (1); insert into u values (1)", null],
  ["insert into t values (1); vacuum t", null],
  ["do $$ begin insert into t values (1); end $$", null],
  ["", null],
  [`insert into t values ('${"x".repeat(4096)}')`, null],
];

for (const [sql, expected] of CASES) {
  Deno.test(
    `targetTableOf() tells the table of ${JSON.stringify(sql.slice(0, 80))}`,
    () => assertEquals(targetTableOf(sql), expected),
  );
}
