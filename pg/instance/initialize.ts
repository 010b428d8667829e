import { join } from "node:path";
import { present } from "../../base/mod.ts";
import { readControl } from "./control_file.ts";
import { InstanceError } from "./errors.ts";
import {
  makePrivate,
  removeIfThere,
  renameDurably,
  syncPath,
  writeDurably,
} from "./files.ts";
import { inspect } from "./inspect.ts";
import type { Place } from "./place.ts";
import { quoteIdentifier, roleStatements } from "./replication_role.ts";
import { type CommandResult, runCommand } from "./processes.ts";
import {
  writeClosedFiles,
  writePassFile,
  writeStandbySignal,
} from "./render.ts";

const INITDB_TIMEOUT_MS = 120_000;
const SINGLE_USER_TIMEOUT_MS = 60_000;

/** The same on every machine and release of its C library, so that indexes fit wherever data is copied. */
const LOCALES: readonly string[] = ["C.UTF-8", "C"];

/** Where a directory is made before it is renamed into place. */
export function stagingOf(dataDir: string): string {
  return `${dataDir}.pgraft-new`;
}

const MAX_LINES = 8;

/** The last lines of a text, on one. */
export function lastLines(text: string): string {
  const lines = text.trim().split("\n").map((line) => line.trim());
  return lines.slice(-MAX_LINES).join(" | ");
}

/** What a command said went wrong; where it named nothing, its last lines. */
export function faultLines(text: string): string {
  const lines = text.split("\n").filter((line) =>
    /\b(ERROR|FATAL|PANIC|error|DETAIL|HINT): /.test(line)
  );
  return lastLines(lines.length > 0 ? lines.join("\n") : text);
}

/** Says why a command failed. */
export function commandFailed(
  what: string,
  result: CommandResult,
  wayOut: string,
): InstanceError {
  const said = faultLines(`${result.stdout}\n${result.stderr}`);
  if (/No space left on device|Disk quota exceeded/.test(said)) {
    return new InstanceError(
      "disk_full",
      `${what} found no space left: free some, or use a larger disk (${said})`,
    );
  }
  return new InstanceError(
    "command_failed",
    `${what} failed: ${said}. ${wayOut}`,
  );
}

async function initdb(
  place: Place,
  staging: string,
  superuserPassword: string | null,
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
  ];
  if (superuserPassword !== null) args.push(`--pwfile=${pwFile}`);
  try {
    if (superuserPassword !== null) {
      await writeDurably(pwFile, `${superuserPassword}\n`, osUser);
    }
    for (const locale of LOCALES) {
      await removeIfThere(staging);
      await makePrivate(staging, osUser);
      const result = await runCommand(
        join(binaries.dir, "initdb"),
        [...args, `--locale=${locale}`],
        { clock: place.clock, owner: osUser, timeoutMs: INITDB_TIMEOUT_MS },
      );
      if (result.code === 0) return;
      const canTryNext = /invalid locale/.test(result.stderr) &&
        locale !== LOCALES.at(-1);
      if (!canTryNext) {
        throw commandFailed(
          `initdb in "${staging}"`,
          result,
          "Nothing was left behind; mend that and start again",
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
  const { binaries, osUser, replicationUser } = place.options;
  const statements = [
    `CREATE ROLE ${quoteIdentifier(replicationUser)}`,
    ...roleStatements(replicationUser, password),
    "CHECKPOINT",
  ];
  // What fails is otherwise logged with its text, which holds the password.
  const quiet = [
    "-c",
    "log_min_error_statement=panic",
    "-c",
    "log_statement=none",
    "-c",
    "exit_on_error=on",
  ];
  const result = await runCommand(
    join(binaries.dir, "postgres"),
    ["--single", "-D", staging, ...quiet, "postgres"],
    {
      clock: place.clock,
      owner: osUser,
      timeoutMs: SINGLE_USER_TIMEOUT_MS,
      stdin: `${statements.join("\n")}\n`,
    },
  );
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
    readonly superuserPassword?: string;
  },
): Promise<{ systemId: string }> {
  await checkEmpty(place);
  const staging = stagingOf(place.dataDir);
  try {
    await initdb(place, staging, options.superuserPassword ?? null);
    await createReplicationRole(place, staging, options.replicationPassword);
    // initdb's samples are nobody's rules, so they are not kept.
    await removeIfThere(join(staging, "pg_hba.conf"));
    await removeIfThere(join(staging, "pg_ident.conf"));
    await writeClosedFiles(place, staging);
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
    await removeIfThere(staging);
  }
}
