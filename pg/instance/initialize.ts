import { join } from "node:path";
import { present } from "../../base/mod.ts";
import { readControl } from "./control_file.ts";
import { InstanceError } from "./errors.ts";
import { commandFailed } from "./faults.ts";
import {
  makePrivate,
  removeIfThere,
  renameDurably,
  syncPath,
  writeDurably,
} from "./files.ts";
import { fill, NO_CONTENT } from "./first_content.ts";
import { inspect } from "./inspect.ts";
import type { Place } from "./place.ts";
import { quoteIdentifier, roleStatements } from "./replication_role.ts";
import { pidsIn, runCommand, sendSignal } from "./processes.ts";
import {
  writeClosedFiles,
  writePassFile,
  writeStandbySignal,
} from "./render.ts";
import { runSingle } from "./single_user.ts";
import type { FirstContent } from "./types.ts";
import { removeCopy } from "./tablespaces.ts";
import { waitFor } from "./wait.ts";

const INITDB_TIMEOUT_MS = 120_000;
/** How long a killed process may take to go. */
const KILL_TIMEOUT_MS = 10_000;

/** The same on every machine and release of its C library, so that indexes fit wherever data is copied. */
const LOCALES: readonly string[] = ["C.UTF-8", "C"];

/** Where a directory is made before it is renamed into place. */
export function stagingOf(dataDir: string): string {
  return `${dataDir}.pgraft-new`;
}

/** Removes what was being made there, with a server that outlived the agent that filled it. */
export async function clearStaging(place: Place): Promise<void> {
  const staging = stagingOf(place.dataDir);
  for (const pid of pidsIn(staging)) sendSignal(pid, "SIGKILL");
  await waitFor(
    place.clock,
    { timeoutMs: KILL_TIMEOUT_MS },
    () => pidsIn(staging).length === 0 ? true : null,
  );
  await removeCopy(place, staging);
}

async function initdb(
  place: Place,
  staging: string,
  { superuserPassword, locale: wanted, initdbOptions }: FirstContent,
): Promise<void> {
  const { binaries, osUser, superuser } = place.options;
  const pwFile = join(place.runDir, "initdb.password");
  const args = [
    "-D",
    staging,
    `--username=${superuser}`,
    "--encoding=UTF8",
    "--data-checksums",
    "--auth-local=peer",
    "--auth-host=scram-sha-256",
    ...initdbOptions,
  ];
  if (superuserPassword !== null) args.push(`--pwfile=${pwFile}`);
  try {
    if (superuserPassword !== null) {
      await writeDurably(pwFile, `${superuserPassword}\n`, osUser);
    }
    const locales = wanted === null ? LOCALES : [wanted];
    for (const locale of locales) {
      await removeIfThere(staging);
      await makePrivate(staging, osUser);
      const result = await runCommand(
        join(binaries.dir, "initdb"),
        [...args, `--locale=${locale}`],
        { clock: place.clock, owner: osUser, timeoutMs: INITDB_TIMEOUT_MS },
      );
      if (result.code === 0) return;
      const canTryNext = /invalid locale/.test(result.stderr) &&
        locale !== locales.at(-1);
      if (!canTryNext) {
        throw commandFailed(
          `initdb in "${staging}"`,
          result,
          "Nothing was left behind; mend that, or initdb_locale and initdb_options in [postgresql]",
        );
      }
    }
  } finally {
    await removeIfThere(pwFile);
  }
}

/** Single-user mode: no port, no other session, and the password comes over a pipe. */
async function createReplicationRole(
  place: Place,
  staging: string,
  password: string,
): Promise<void> {
  const { replicationUser } = place.options;
  const statements = [
    `CREATE ROLE ${quoteIdentifier(replicationUser)}`,
    ...roleStatements(replicationUser, password),
    "CHECKPOINT",
  ];
  const result = await runSingle(place, staging, statements);
  if (result.code === 0 && !/\b(ERROR|FATAL|PANIC):/.test(result.stderr)) {
    return;
  }
  throw commandFailed(
    `Creating the role "${replicationUser}"`,
    { ...result, stdout: "" },
    "Nothing was left behind; mend that and start again",
  );
}

async function checkEmpty(place: Place): Promise<void> {
  const state = await inspect(place);
  if (state.kind === "empty") return;
  throw new InstanceError(
    "foreign_data",
    state.kind === "unusable"
      ? state.reason
      : `"${place.dataDir}" holds the data of cluster ${state.systemId}: adopt it, or choose an empty directory`,
  );
}

/** Makes a new cluster beside the data directory, and renames it when it is whole. */
export async function initialize(
  place: Place,
  options: {
    readonly replicationPassword: string;
    readonly firstContent?: FirstContent;
  },
): Promise<{ systemId: string }> {
  await checkEmpty(place);
  const staging = stagingOf(place.dataDir);
  const content = options.firstContent ?? NO_CONTENT;
  await clearStaging(place);
  try {
    await initdb(place, staging, content);
    await createReplicationRole(place, staging, options.replicationPassword);
    // initdb's samples are nobody's rules, so they are not kept.
    await removeIfThere(join(staging, "pg_hba.conf"));
    await removeIfThere(join(staging, "pg_ident.conf"));
    await writeClosedFiles(place, staging);
    // Before the signal file: nobody else will ever find this server writable without a grant.
    await fill(place, staging, content);
    await writeStandbySignal(place, staging);
    await syncPath(staging);
    const control = await readControl(staging);
    if (typeof control === "string") {
      throw new InstanceError(
        "unreadable_data",
        `initdb's pg_control cannot be used, ${control}: check the disk`,
      );
    }
    await writePassFile(place, options.replicationPassword);
    await renameDurably(staging, place.dataDir);
    return { systemId: present(control.systemId, "system id") };
  } finally {
    await clearStaging(place);
  }
}
