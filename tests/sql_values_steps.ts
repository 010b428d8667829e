import { assertEquals } from "@std/assert";
import {
  SQL_FUNCTIONS,
  SQL_VIEWS,
  type SqlFunction,
  type SqlType,
} from "../pg/sql/mod.ts";
import type { PgCluster, PgNode } from "./postgres/mod.ts";
import { ask, leaderAndOther } from "./sql_test_kit.ts";

/** Values that nobody means, by type. */
const ODD: Readonly<Record<"empty" | "large", Record<SqlType, string>>> = {
  empty: {
    boolean: "false",
    integer: "0",
    bigint: "0",
    "double precision": "0",
    text: "''",
    jsonb: "'{}'",
    timestamptz: "'epoch'",
  },
  large: {
    boolean: "false",
    integer: "2147483647",
    bigint: "9223372036854775807",
    "double precision": "'infinity'",
    text: "repeat('x', 2000000)",
    jsonb: "'{}'",
    timestamptz: "'infinity'",
  },
};

/** What a call comes to: a value, `∅` for NULL, or an error's code. */
type Expected = string;
/** For NULL, for the emptiest and for the largest values of all arguments; null where it is not tried. */
type Row = readonly [Expected | null, Expected, Expected];

/** What a leader says. Every function that takes values stands here. */
const EXPECTED: Readonly<Record<string, Row>> = {
  "pgraft_init(integer, text, integer)": ["22004", "22023", "22023"],
  "pgraft_add_node(integer, text, integer)": ["22004", "22023", "22023"],
  "pgraft_add_node(text, integer)": ["22004", "22023", "22023"],
  "pgraft_remove_node(integer)": ["22004", "22023", "22023"],
  "pgraft_append_log(text)": ["22004", "t", "54000"],
  "pgraft_replicate_entry(text)": ["22004", "t", "54000"],
  "pgraft_log_append(bigint, text)": ["22004", "55000", "22023"],
  "pgraft_read_log(integer)": ["22004", "22023", "P0002"],
  "pgraft_log_get_entry(bigint)": ["22004", "22023", "22023"],
  "pgraft_commit_log(integer)": ["22004", "22023", "P0002"],
  "pgraft_log_commit(bigint)": ["22004", "22023", "22023"],
  "pgraft_log_apply(bigint)": ["22004", "22023", "22023"],
  "pgraft_kv_put(text, text)": ["f", "f", "54000"],
  "pgraft_kv_get(text)": ["∅", "∅", "∅"],
  "pgraft_kv_exists(text)": ["f", "f", "f"],
  "pgraft_kv_delete(text)": ["f", "f", "54000"],
  "pgraft_kv_put_local(text, text)": ["0A000", "0A000", "0A000"],
  "pgraft_kv_delete_local(text)": ["0A000", "0A000", "0A000"],
  "pgraft_record_applied_index(bigint)": ["0A000", "0A000", "0A000"],
  "pgraft_set_debug(boolean)": ["22004", "t", "t"],
  // NULL is the best standby: tried where that is wanted.
  "pgraft_switchover(integer)": [null, "22023", "22023"],
  "pgraft_execute(text, text)": ["22004", "22023", "22023"],
  "pgraft_execute_result(bigint)": ["22004", "22023", "22023"],
};

/** A function's name with the types of its arguments. */
export function signature({ name, arguments: args }: SqlFunction): string {
  return `${name}(${args.map(({ type }) => type).join(", ")})`;
}

function callWith(
  row: SqlFunction,
  valueOf: (type: SqlType) => string,
): string {
  const values = row.arguments.map(({ type }) => `${valueOf(type)}::${type}`);
  return `select * from ${row.name}(${values.join(", ")})`;
}

/** A call of a function with NULL for every argument. */
export function callWithNulls(row: SqlFunction): string {
  return callWith(row, () => "null");
}

/** A call of a function with values that it may have. */
export function callWithSome(row: SqlFunction): string {
  return callWith(row, (type) => type === "text" ? "'127.0.0.1:1'" : "9");
}

/** What a call came to, as the tables above say it. */
export async function outcomeOf(node: PgNode, sql: string): Promise<Expected> {
  const outcome = await ask(node, sql, { timeoutMs: 30_000 });
  if ("code" in outcome) return outcome.code;
  return outcome.rows[0]?.[0] ?? "∅";
}

/** Every function with arguments that nobody means. */
export async function takesAnyValue(cluster: PgCluster): Promise<void> {
  const { leader } = await leaderAndOther(cluster);
  const rows = SQL_FUNCTIONS.filter(({ arguments: args }) => args.length > 0);
  assertEquals(
    rows.map(signature).toSorted(),
    Object.keys(EXPECTED).toSorted(),
  );
  const came = await Promise.all(rows.map(async (row) => {
    const [onNull] = EXPECTED[signature(row)] ?? [null];
    return [
      signature(row),
      [
        onNull === null ? null : await outcomeOf(leader, callWithNulls(row)),
        await outcomeOf(leader, callWith(row, (type) => ODD.empty[type])),
        await outcomeOf(leader, callWith(row, (type) => ODD.large[type])),
      ],
    ];
  }));
  assertEquals<unknown>(Object.fromEntries(came), EXPECTED);
  for (const row of rows) {
    if (!row.arguments.some(({ type }) => type === "text")) continue;
    const call = callWith(
      row,
      (type) => type === "text" ? "E'\\xff'" : "null",
    );
    assertEquals([row.name, await outcomeOf(leader, call)], [
      row.name,
      "22021",
    ]);
  }
}

/** Nobody may call anything, and a monitor nothing that changes something, not even with nonsense. */
export async function refusesWhoMayNot(node: PgNode): Promise<void> {
  for (const row of SQL_FUNCTIONS) {
    for (const schema of ["pgraft", "public"]) {
      const call = callWithNulls(row).replace(
        row.name,
        `${schema}.${row.name}`,
      );
      const roles = row.access === "admin" ? ["nobody", "watcher"] : ["nobody"];
      for (const role of roles) {
        const outcome = await ask(node, call, { role });
        const code = "code" in outcome ? outcome.code : "";
        assertEquals([role, call, code], [role, call, "42501"]);
      }
    }
  }
  for (const { schema, name, access } of SQL_VIEWS) {
    const roles = access === "admin" ? ["nobody", "watcher"] : ["nobody"];
    for (const role of roles) {
      const outcome = await ask(node, `select * from ${schema}.${name}`, {
        role,
      });
      const code = "code" in outcome ? outcome.code : "";
      assertEquals([role, name, code], [role, name, "42501"]);
    }
  }
}

/** What functions say while nobody leads, where it is not a value. */
const LEADERLESS: Readonly<Record<string, string>> = {
  "pgraft_init(integer, text, integer)": "55000",
  pgraft_append_log: "RF001",
  pgraft_replicate_entry: "RF001",
  pgraft_log_append: "RF001",
  pgraft_kv_put: "RF001",
  pgraft_kv_delete: "RF001",
  pgraft_kv_reset: "RF001",
  pgraft_add_node: "RF001",
  pgraft_remove_node: "RF001",
  pgraft_read_log: "RF002",
  pgraft_log_get_entry: "RF002",
  pgraft_kv_get: "RF002",
  pgraft_kv_exists: "RF002",
  pgraft_kv_list_keys: "RF002",
  pgraft_log_sync_with_leader: "RF002",
  pgraft_execute: "RF002",
  pgraft_execute_result: "RF002",
  pgraft_switchover: "RF002",
  pgraft_force_election: "RF002",
  pgraft_kv_put_local: "0A000",
  pgraft_kv_delete_local: "0A000",
  pgraft_record_applied_index: "0A000",
};

/**
 * Every function and view on a node that knows no leader.
 *
 * @param node The node.
 * @param callOf A call that would do something; null for one that is not tried.
 */
export async function answersWithoutLeader(
  node: PgNode,
  callOf: (row: SqlFunction) => string | null,
): Promise<void> {
  const came = await Promise.all(SQL_FUNCTIONS.map(async (row) => {
    const call = callOf(row);
    if (call === null) return null;
    const outcome = await ask(node, call, { timeoutMs: 30_000 });
    return [signature(row), "code" in outcome ? outcome.code : ""];
  }));
  const tried = came.filter((one) => one !== null);
  assertEquals(
    tried,
    tried.map(([name = ""]) => [
      name,
      LEADERLESS[name] ?? LEADERLESS[name.slice(0, name.indexOf("("))] ?? "",
    ]),
  );
  const views = await Promise.all(SQL_VIEWS.map(async ({ schema, name }) => {
    const outcome = await ask(node, `select * from ${schema}.${name}`);
    return [name, "code" in outcome ? outcome.code : ""];
  }));
  assertEquals(views, SQL_VIEWS.map(({ name }) => [name, ""]));
}
