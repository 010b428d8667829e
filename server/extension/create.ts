import {
  type Instance,
  InstanceError,
  type OwnConnection,
} from "../../pg/instance/mod.ts";
import { EXTENSION_VERSION, plainSql } from "../../pg/sql/mod.ts";
import { Problem } from "../http/mod.ts";
import { compareVersions, type FilesOutcome, installFiles } from "./files.ts";

/** How long a statement about the extension may take. */
const STATEMENT_TIMEOUT_MS = 30_000;
/** What others hold is waited for that long. */
const LOCK_TIMEOUT = "5s";

/** What became of the functions in a database. */
export interface CreateOutcome {
  readonly action: "created" | "upgraded" | "current" | "newer" | "standby";
  /** As an extension, or as plain SQL where its files are not where the server looks. */
  readonly form: "extension" | "plain" | null;
  readonly version: string | null;
}

/** All of an installation. */
export interface InstallOutcome extends CreateOutcome {
  readonly files: FilesOutcome;
  readonly database: string;
}

interface There {
  readonly inRecovery: boolean;
  readonly extension: string | null;
  readonly offered: string | null;
  readonly isPlain: boolean;
}

/**
 * Installs the extension's files on this node and, where its server is the primary, makes or upgrades the
 * functions in a database.
 *
 * @param instance This node's PostgreSQL.
 * @param database Where.
 * @throws {Problem} When the database does not let it.
 */
export async function install(
  instance: Instance,
  database: string,
): Promise<InstallOutcome> {
  const files = await installFilesOf(instance);
  try {
    return { files, database, ...await create(instance, database) };
  } catch (error) {
    if (!(error instanceof InstanceError)) throw error;
    throw new Problem("conflict", error.message, { cause: error });
  }
}

/** Installs the extension's files where this node's server looks for them. */
export async function installFilesOf(
  instance: Instance,
): Promise<FilesOutcome> {
  const rows = await instance.query<{ setting: string }>(
    "select setting from pg_config where name = 'SHAREDIR'",
  );
  const shareDir = rows[0]?.setting ?? "";
  if (shareDir.startsWith("/")) return await installFiles(shareDir);
  const why = "The server does not say where it looks for extensions";
  return { kind: "not_writable", directory: shareDir, why };
}

async function create(
  instance: Instance,
  database: string,
): Promise<CreateOutcome> {
  const connection = await instance.open({
    timeoutMs: STATEMENT_TIMEOUT_MS,
    database,
    // What is lost with a primary is made again on the next; nobody waits for standbys here.
    settings: { synchronous_commit: "local", lock_timeout: LOCK_TIMEOUT },
  });
  try {
    return await createOver(connection);
  } finally {
    await connection.end();
  }
}

async function createOver(connection: OwnConnection): Promise<CreateOutcome> {
  const run = (sql: string): Promise<unknown[]> =>
    connection.run(sql, [], STATEMENT_TIMEOUT_MS);
  const [there] = await connection.run<There>(
    `select pg_is_in_recovery() as "inRecovery",
       (select extversion from pg_extension where extname = 'pgraft') as extension,
       (select default_version from pg_available_extensions where name = 'pgraft') as offered,
       to_regprocedure('pgraft._schema_version()') is not null as "isPlain"`,
    [],
    STATEMENT_TIMEOUT_MS,
  );
  if (!there || there.inRecovery) {
    return { action: "standby", form: null, version: null };
  }
  const version = EXTENSION_VERSION;
  const isOffered = there.offered !== null &&
    compareVersions(there.offered, version) >= 0;
  if (there.extension !== null) {
    const form = "extension";
    const age = compareVersions(there.extension, version);
    if (age > 0) return { action: "newer", form, version: there.extension };
    if (age === 0 || !isOffered) {
      return { action: "current", form, version: there.extension };
    }
    await run(`ALTER EXTENSION pgraft UPDATE TO '${version}'`);
    return { action: "upgraded", form, version };
  }
  if (there.isPlain) return await upgradePlain(connection);
  if (isOffered) {
    await run(`CREATE EXTENSION pgraft VERSION '${version}'`);
    return { action: "created", form: "extension", version };
  }
  await run(plainSql());
  return { action: "created", form: "plain", version };
}

async function upgradePlain(
  connection: OwnConnection,
): Promise<CreateOutcome> {
  const form = "plain";
  const [row] = await connection.run<{ version: string }>(
    "select pgraft._schema_version() as version",
    [],
    STATEMENT_TIMEOUT_MS,
  );
  const age = compareVersions(row?.version ?? "0", EXTENSION_VERSION);
  if (age > 0) return { action: "newer", form, version: row?.version ?? null };
  if (age === 0) return { action: "current", form, version: EXTENSION_VERSION };
  await connection.run(plainSql(), [], STATEMENT_TIMEOUT_MS);
  return { action: "upgraded", form, version: EXTENSION_VERSION };
}
