import { callSql, dblinkSql, ROLES_SQL, versionSql } from "./base_sql.ts";
import { executeSql } from "./execute_sql.ts";
import { SQL_FUNCTIONS } from "./functions.ts";
import {
  EXTENSION_VERSION,
  EXTENSION_VERSIONS,
  type ExtensionVersion,
  type SqlField,
  type SqlFunction,
  type SqlView,
} from "./types.ts";
import { SQL_VIEWS } from "./views.ts";

/** A file of the extension. */
export interface ExtensionFile {
  readonly name: string;
  readonly text: string;
}

/** `CREATE` in an extension, which must not take over what is there; `CREATE OR REPLACE` without one. */
type Create = "CREATE" | "CREATE OR REPLACE";

const PINNED = "SET search_path = pg_catalog, pg_temp";

function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

function columnsOf(columns: readonly SqlField[]): string {
  return columns.map(({ name, type }) => `${quoteName(name)} ${type}`).join(
    ", ",
  );
}

function argumentsOf(row: SqlFunction): string {
  return row.arguments.map((field) =>
    `${quoteName(field.name)} ${field.type}${
      field.default === undefined ? "" : ` DEFAULT ${field.default}`
    }`
  ).join(", ");
}

function returnsOf({ returns }: SqlFunction): string {
  switch (returns.kind) {
    case "value":
      return returns.type;
    case "rows":
      return `TABLE (${columnsOf(returns.columns)})`;
    case "nothing":
      return "void";
  }
}

/** A function with its types alone, as GRANT names it. */
export function signatureOf(
  row: Pick<SqlFunction, "name" | "arguments">,
): string {
  return `${row.name}(${row.arguments.map(({ type }) => type).join(", ")})`;
}

function callOf(
  operation: string,
  args: readonly SqlField[],
  { waitMs, changes }: { readonly waitMs: number; readonly changes: boolean },
): string {
  const list = args.map(({ name }) => quoteName(name)).join(", ");
  return `pgraft._call('${operation}', json_build_array(${list}), ${waitMs}, ${changes})`;
}

function rowsFrom(call: string, columns: readonly SqlField[]): string {
  return `RETURN QUERY SELECT r.* FROM json_to_recordset(${call} -> 'rows') AS r(${
    columnsOf(columns)
  });`;
}

function bodyOf(row: SqlFunction): string {
  const { does, returns } = row;
  if (does.kind === "body") return does.body;
  if (does.kind === "refuse") {
    return `RAISE EXCEPTION ${
      quoteText(does.why)
    } USING ERRCODE = 'feature_not_supported', HINT = ${
      quoteText(does.instead)
    };`;
  }
  const call = callOf(does.operation, row.arguments, does);
  switch (returns.kind) {
    case "value":
      return `RETURN (${call} ->> 'value')::${returns.type};`;
    case "rows":
      return rowsFrom(call, returns.columns);
    case "nothing":
      return `PERFORM ${call};`;
  }
}

/** A body of its own runs with the caller's rights. */
function securityOf({ does }: SqlFunction): string {
  return `SECURITY ${does.kind === "body" ? "INVOKER" : "DEFINER"} ${PINNED}`;
}

function grantsOf(name: string, access: SqlFunction["access"]): string {
  return [
    `REVOKE ALL ON FUNCTION ${name} FROM PUBLIC;`,
    `GRANT EXECUTE ON FUNCTION ${name} TO pgraft_${access};`,
  ].join("\n");
}

function functionSql(create: Create, row: SqlFunction): string {
  const signature = signatureOf(row);
  const numbers = row.arguments.map((_, i) => `$${i + 1}`).join(", ");
  const wrapped = row.returns.kind === "rows"
    ? `SELECT * FROM pgraft.${row.name}(${numbers})`
    : `SELECT pgraft.${row.name}(${numbers})`;
  return [
    `${create} FUNCTION pgraft.${row.name}(${argumentsOf(row)})`,
    `RETURNS ${
      returnsOf(row)
    } LANGUAGE plpgsql ${row.volatility.toUpperCase()} ${
      securityOf(row)
    } AS $pgraft$`,
    "BEGIN",
    `  ${bodyOf(row)}`,
    "END",
    "$pgraft$;",
    `COMMENT ON FUNCTION pgraft.${signature} IS ${quoteText(row.doc)};`,
    grantsOf(`pgraft.${signature}`, row.access),
    `${create} FUNCTION public.${row.name}(${argumentsOf(row)})`,
    `RETURNS ${
      returnsOf(row)
    } LANGUAGE sql ${row.volatility.toUpperCase()} AS $pgraft$${wrapped}$pgraft$;`,
    grantsOf(`public.${signature}`, row.access),
  ].join("\n");
}

/** How long a view's rows are waited for. */
const VIEW_WAIT_MS = 10_000;

function viewSql(create: Create, view: SqlView): string {
  const { schema, name, columns, operation } = view;
  const from = `pgraft._view_${name}()`;
  const call = callOf(operation, [], { waitMs: VIEW_WAIT_MS, changes: false });
  return [
    `${create} FUNCTION ${from} RETURNS TABLE (${columnsOf(columns)})`,
    `LANGUAGE plpgsql VOLATILE SECURITY DEFINER ${PINNED} AS $pgraft$`,
    "BEGIN",
    `  ${rowsFrom(call, columns)}`,
    "END",
    "$pgraft$;",
    grantsOf(from, view.access),
    `${create} VIEW ${schema}.${name} AS SELECT * FROM ${from};`,
    `COMMENT ON VIEW ${schema}.${name} IS ${quoteText(view.doc)};`,
    `GRANT SELECT ON ${schema}.${name} TO pgraft_${view.access};`,
  ].join("\n");
}

function partsOf(create: Create, version: ExtensionVersion): string[] {
  const functions = SQL_FUNCTIONS.filter(({ since }) => since === version);
  const views = SQL_VIEWS.filter(({ since }) => since === version);
  const base = version === "1.0"
    ? [
      ROLES_SQL,
      "GRANT USAGE ON SCHEMA pgraft TO pgraft_monitor;",
      dblinkSql(create),
      callSql(create),
    ]
    : [executeSql(create)];
  return [
    ...base,
    versionSql(version),
    ...functions.map((row) => functionSql(create, row)),
    ...views.map((view) => viewSql(create, view)),
    `DO $pgraft$ BEGIN
  EXECUTE (SELECT pg_catalog.string_agg(pg_catalog.format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', oid::pg_catalog.regprocedure), '; ')
    FROM pg_catalog.pg_proc WHERE pronamespace = 'pgraft'::pg_catalog.regnamespace AND proname ~ '^_');
END $pgraft$;`,
  ];
}

const HEAD =
  "-- Written by pgraft from its table of functions, and written anew when it is not the same.";

/** The control file and the script of each version and upgrade. */
export function extensionFiles(): ExtensionFile[] {
  const control = [
    "# Written by pgraft.",
    "comment = 'The node, its cluster and its failover, from SQL'",
    `default_version = '${EXTENSION_VERSION}'`,
    "relocatable = false",
    "schema = pgraft",
    "superuser = true",
    "",
  ].join("\n");
  const scripts = EXTENSION_VERSIONS.map((version, i): ExtensionFile => {
    const former = EXTENSION_VERSIONS[i - 1];
    const name = former === undefined
      ? `pgraft--${version}.sql`
      : `pgraft--${former}--${version}.sql`;
    const guard = former === undefined
      ? '\\echo Use "CREATE EXTENSION pgraft" to load this file. \\quit'
      : `\\echo Use "ALTER EXTENSION pgraft UPDATE TO '${version}'" to load this file. \\quit`;
    const text = [HEAD, guard, ...partsOf("CREATE", version), ""].join("\n\n");
    return { name, text };
  });
  return [{ name: "pgraft.control", text: control }, ...scripts];
}

/** All of it as one script, for a server whose extension directory can't be written; it may run again. */
export function plainSql(): string {
  return [
    "-- The same as CREATE EXTENSION pgraft, without an extension. Run it as a superuser, in one transaction.",
    "CREATE SCHEMA IF NOT EXISTS pgraft;",
    ...EXTENSION_VERSIONS.flatMap((version) =>
      partsOf("CREATE OR REPLACE", version)
    ),
    "",
  ].join("\n\n");
}
