import { messageOf } from "../../base/mod.ts";
import type { FirstContent } from "../../pg/instance/mod.ts";
import { type NodeConfig, readPasswordFile } from "../config/mod.ts";

/** More SQL than this belongs into a restore, not into a founding. */
const MAX_SQL_BYTES = 16 * 1024 * 1024;

/**
 * Reads what the founder puts into the database that it makes: only then, so that the files may be taken
 * away afterwards.
 *
 * @param postgresql The node's settings.
 * @returns It, with passwords.
 * @throws {Error} When one of the files can't be used, with the setting that names it.
 */
export async function readFirstContent(
  postgresql: NodeConfig["postgresql"],
): Promise<FirstContent> {
  const { firstUser, firstSqlFile } = postgresql;
  return {
    locale: postgresql.initdbLocale,
    initdbOptions: postgresql.initdbOptions,
    superuserPassword: await passwordOf(
      "superuser_password_file",
      postgresql.superuserPasswordFile,
    ),
    user: firstUser === null ? null : {
      name: firstUser,
      password: await passwordOf(
        "first_user_password_file",
        postgresql.firstUserPasswordFile,
      ),
    },
    database: postgresql.firstDatabase,
    sql: firstSqlFile === null ? null : {
      path: firstSqlFile,
      text: await readSql(firstSqlFile),
    },
  };
}

async function passwordOf(
  key: string,
  path: string | null,
): Promise<string | null> {
  if (path === null) return null;
  try {
    return await readPasswordFile(path);
  } catch (error) {
    throw new Error(
      `${
        messageOf(error)
      } (${key} in [postgresql]); no database is made until then`,
      { cause: error },
    );
  }
}

async function readSql(path: string): Promise<string> {
  const wayOut =
    "mend it, or take first_sql_file out of [postgresql]; no database is made until then";
  try {
    const { size } = await Deno.stat(path);
    if (size > MAX_SQL_BYTES) {
      throw new Error(`it is larger than ${MAX_SQL_BYTES / 1024 / 1024} MB`);
    }
    return await Deno.readTextFile(path);
  } catch (error) {
    throw new Error(`${path} cannot be read: ${messageOf(error)}; ${wayOut}`, {
      cause: error,
    });
  }
}
