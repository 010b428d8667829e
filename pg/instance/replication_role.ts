import type { Place } from "./place.ts";

/** What pg_rewind needs on its source, by its documentation. */
const REWIND_FUNCTIONS: readonly string[] = [
  "pg_ls_dir(text, boolean, boolean)",
  "pg_stat_file(text, boolean)",
  "pg_read_binary_file(text)",
  "pg_read_binary_file(text, bigint, bigint, boolean)",
];

/** A statement that fails, or any, may be logged with its text, and this one holds a password. */
const QUIET_SETTINGS = {
  log_statement: "none",
  log_min_error_statement: "panic",
  log_min_duration_statement: "-1",
};

/** Quotes a text for SQL, on one line. */
export function quoteLiteral(text: string): string {
  const escaped = text.replaceAll("\\", "\\\\").replaceAll("'", "\\'");
  return `E'${escaped.replaceAll(/[\r\n]/g, " ")}'`;
}

/** Quotes a name for SQL. */
export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** Gives a role that is there what standbys and pg_rewind need; each statement is one line. */
export function roleStatements(name: string, password: string): string[] {
  const role = quoteIdentifier(name);
  return [
    `ALTER ROLE ${role} WITH REPLICATION LOGIN PASSWORD ${
      quoteLiteral(password)
    }`,
    ...REWIND_FUNCTIONS.map((each) =>
      `GRANT EXECUTE ON FUNCTION pg_catalog.${each} TO ${role}`
    ),
  ];
}

/** On a primary: makes the replication role, or gives it this password. For data that was adopted. */
export async function ensureReplicationRole(
  place: Place,
  options: { readonly password: string; readonly timeoutMs: number },
): Promise<void> {
  const { timeoutMs, password } = options;
  const name = place.options.replicationUser;
  const connection = await place.connections.open({
    timeoutMs,
    settings: { ...QUIET_SETTINGS, synchronous_commit: "local" },
  });
  try {
    const rows = await connection.run(
      "select from pg_roles where rolname = $1",
      [name],
      timeoutMs,
    );
    const create = rows.length === 0
      ? [`CREATE ROLE ${quoteIdentifier(name)}`]
      : [];
    for (const each of [...create, ...roleStatements(name, password)]) {
      await connection.run(each, [], timeoutMs);
    }
  } finally {
    await connection.end();
  }
}
