import { join } from "node:path";
import { surveyAdoption, wasManaged } from "./adoption_survey.ts";
import { InstanceError } from "./errors.ts";
import { commandFailed } from "./faults.ts";
import { removeIfThere, syncPath } from "./files.ts";
import type { Place } from "./place.ts";
import { removeStaleFiles } from "./postmaster.ts";
import {
  givenFor,
  keepOriginal,
  writeClosedFiles,
  writePassFile,
  writeStandbySignal,
} from "./render.ts";
import {
  quoteIdentifier,
  quoteLiteral,
  roleStatements,
} from "./replication_role.ts";
import { fixedSettings } from "./settings.ts";
import { runSingle } from "./single_user.ts";

const REPLACED_FILES: readonly string[] = [
  "postgresql.conf",
  "postgresql.auto.conf",
  "pg_hba.conf",
  "pg_ident.conf",
];

/**
 * Makes a data directory that pgraft did not make one of its own: from then on any start of it is that of a
 * closed standby (R25). What is overwritten is kept. Bears to be killed anywhere and run again.
 */
export async function adopt(
  place: Place,
  { replicationPassword, resumes }: {
    readonly replicationPassword: string;
    readonly resumes: boolean;
  },
): Promise<void> {
  const { dataDir, options } = place;
  const survey = await surveyAdoption(options, { resumes });
  if (survey.kind === "empty") {
    throw new InstanceError(
      "foreign_data",
      `"${dataDir}" is empty, so there is nothing to adopt: correct data_dir in [postgresql]`,
    );
  }
  if (survey.problems.length > 0) {
    throw new InstanceError("foreign_data", survey.problems.join("; "));
  }
  await removeStaleFiles(place);
  // Ours, of an adoption that was cut short or of a former cluster; single-user mode does not bear it.
  if (await wasManaged(dataDir)) {
    await removeIfThere(join(dataDir, "standby.signal"));
  }
  for (const name of REPLACED_FILES) {
    await keepOriginal(join(dataDir, name), place);
  }
  await makeRole(place, replicationPassword);
  await writePassFile(place, replicationPassword);
  await writeClosedFiles(place, dataDir);
  await writeStandbySignal(place, dataDir);
  await syncPath(dataDir);
}

async function makeRole(place: Place, password: string): Promise<void> {
  const { superuser, replicationUser } = place.options;
  const isSuper = await exists(
    place,
    `rolname = ${quoteLiteral(superuser)} and rolsuper and rolcanlogin`,
  );
  if (!isSuper) {
    throw new InstanceError(
      "bad_setting",
      `The database in "${place.dataDir}" has no superuser "${superuser}" that may log in: set superuser in [postgresql] to one that it has`,
    );
  }
  const isThere = await exists(
    place,
    `rolname = ${quoteLiteral(replicationUser)}`,
  );
  const create = isThere
    ? []
    : [`CREATE ROLE ${quoteIdentifier(replicationUser)}`];
  await single(place, [
    ...create,
    ...roleStatements(replicationUser, password),
    "CHECKPOINT",
  ]);
}

/** Single-user mode prints rows, each column with its name. */
async function exists(place: Place, condition: string): Promise<boolean> {
  const said = await single(place, [
    `SELECT count(*) AS found FROM pg_catalog.pg_roles WHERE ${condition}`,
  ]);
  return /found = "1"/.test(said);
}

async function single(
  place: Place,
  statements: readonly string[],
): Promise<string> {
  // Under pgraft's wal_level: a standby does not start from what was written under "minimal".
  const settings = fixedSettings(await givenFor(place, place.dataDir));
  const result = await runSingle(place, place.dataDir, statements, settings);
  if (result.code === 0 && !/\b(ERROR|FATAL|PANIC):/.test(result.stderr)) {
    return result.stdout;
  }
  throw commandFailed(
    `Preparing the database in "${place.dataDir}"`,
    { ...result, stdout: "" },
    "Mend that; it is tried again",
  );
}
