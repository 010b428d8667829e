import { join } from "node:path";
import { Writable } from "node:stream";
import postgres from "postgres";
import { messageOf } from "../../base/mod.ts";
import { InstanceError } from "./errors.ts";
import { commandFailed } from "./faults.ts";
import { readIfThere } from "./files.ts";
import type { Place } from "./place.ts";
import { type CommandResult, runCommand, sendSignal } from "./processes.ts";
import { quoteIdentifier, quoteLiteral } from "./replication_role.ts";
import type { FirstContent } from "./types.ts";
import { pause, within } from "./wait.ts";

/** What a database has that nobody asked anything of. */
export const NO_CONTENT: FirstContent = {
  locale: null,
  initdbOptions: [],
  superuserPassword: null,
  user: null,
  database: null,
  sql: null,
};

const START_TIMEOUT_MS = 60_000;
const START_POLL_MS = 20;
const STATEMENT_TIMEOUT_MS = 60_000;
/** How long the users' own SQL may take. */
const SQL_TIMEOUT_MS = 3_600_000;
const STOP_TIMEOUT_MS = 60_000;
/** No server listens at this number: it only names the socket. */
const SOCKET_NUMBER = 1;
const NOTHING_LEFT = "nothing was left behind, and it is tried again";

/** Nobody but this process reaches it, nothing of it is archived, and no statement with a password is logged. */
const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: "",
  port: String(SOCKET_NUMBER),
  archive_mode: "off",
  ssl: "off",
  logging_collector: "off",
  log_destination: "stderr",
  log_statement: "none",
  log_min_error_statement: "panic",
  log_min_duration_statement: "-1",
  log_min_duration_sample: "-1",
  log_transaction_sample_rate: "0",
};

/**
 * Makes the first user and database, and runs the users' SQL, in a directory that is not in its place yet: a
 * crash or a failure leaves nothing, so that it happens once or not at all.
 */
export async function fill(
  place: Place,
  dataDir: string,
  content: FirstContent,
): Promise<void> {
  const { user, database, sql } = content;
  if (user === null && database === null && sql === null) return;
  const server = launch(place, dataDir);
  try {
    await untilReady(place, server);
    for (const [what, statement] of statementsOf(content)) {
      await runIn(place, "postgres", statement, {
        timeoutMs: STATEMENT_TIMEOUT_MS,
        failed: (why) => `${what} failed: ${why}; ${NOTHING_LEFT}`,
      });
    }
    if (sql !== null) {
      await runIn(place, database ?? "postgres", sql.text, {
        timeoutMs: SQL_TIMEOUT_MS,
        failed: (why) =>
          `The SQL of "${sql.path}" failed: ${why}; correct it: ${NOTHING_LEFT}`,
      });
    }
  } finally {
    await stop(place, dataDir, server);
  }
  const result = await server.ended;
  if (result.code === 0) return;
  throw commandFailed("Filling the new database", result, NOTHING_LEFT);
}

function statementsOf(
  { user, database }: FirstContent,
): (readonly [string, string])[] {
  const statements: (readonly [string, string])[] = [];
  if (user !== null) {
    const password = user.password === null
      ? ""
      : ` PASSWORD ${quoteLiteral(user.password)}`;
    statements.push([
      `Making first_user "${user.name}"`,
      `CREATE ROLE ${quoteIdentifier(user.name)} LOGIN${password}`,
    ]);
  }
  if (database !== null) {
    const owner = user === null ? "" : ` OWNER ${quoteIdentifier(user.name)}`;
    statements.push([
      `Making first_database "${database}"`,
      `CREATE DATABASE ${quoteIdentifier(database)}${owner}`,
    ]);
  }
  return statements;
}

interface Server {
  readonly ended: Promise<CommandResult>;
  readonly killing: AbortController;
  isOver: boolean;
}

function launch(place: Place, dataDir: string): Server {
  const { binaries, osUser } = place.options;
  const settings = {
    ...SETTINGS,
    unix_socket_directories: `"${place.socketDirs[0]}"`,
  };
  const args = Object.entries(settings).flatMap((
    [name, value],
  ) => ["-c", `${name}=${value}`]);
  const killing = new AbortController();
  const ended = runCommand(
    join(binaries.dir, "postgres"),
    ["-D", dataDir, ...args],
    {
      clock: place.clock,
      owner: osUser,
      timeoutMs: 2 * SQL_TIMEOUT_MS,
      signal: killing.signal,
    },
  );
  const server: Server = { ended, killing, isOver: false };
  const over = (): void => {
    server.isOver = true;
  };
  ended.then(over, over);
  return server;
}

async function untilReady(place: Place, server: Server): Promise<void> {
  const { clock } = place;
  const deadlineMs = clock.nowMs() + START_TIMEOUT_MS;
  while (!server.isOver) {
    try {
      return await runIn(place, "postgres", "select 1", {
        timeoutMs: START_TIMEOUT_MS,
        failed: (why) => why,
      });
    } catch (error) {
      if (clock.nowMs() >= deadlineMs) throw error;
    }
    await pause(clock, START_POLL_MS);
  }
  throw commandFailed(
    "Starting the new database",
    await server.ended,
    `Look at [postgresql.parameters]; ${NOTHING_LEFT}`,
  );
}

async function stop(
  place: Place,
  dataDir: string,
  server: Server,
): Promise<void> {
  const text = await readIfThere(join(dataDir, "postmaster.pid"));
  const pid = parseInt(text ?? "", 10);
  if (!server.isOver && pid > 0) sendSignal(pid, "SIGINT");
  const settled = server.ended.then(() => {}, () => {});
  await within(place.clock, STOP_TIMEOUT_MS, settled, () => {
    server.killing.abort();
  });
}

/** Runs a text as one message, and so as one transaction, on a connection of its own. */
async function runIn(
  { options, socketDirs, clock }: Place,
  database: string,
  text: string,
  how: {
    readonly timeoutMs: number;
    readonly failed: (why: string) => string;
  },
): Promise<void> {
  const sql = postgres({
    path: join(socketDirs[0] ?? "", `.s.PGSQL.${SOCKET_NUMBER}`),
    user: options.superuser,
    database,
    pass: "",
    max: 1,
    fetch_types: false,
    max_lifetime: null,
    connect_timeout: 5,
    backoff: () => 0.01,
    onnotice: () => {},
    connection: { application_name: "pgraft_founding" },
  });
  try {
    const answer = await within<unknown>(
      clock,
      how.timeoutMs,
      sql.unsafe(text).simple(),
      () => {
        throw new Error(`it took longer than ${how.timeoutMs / 1000} s`);
      },
    );
    if (Array.isArray(answer)) return;
    // The library gives a stream to write to, which fails when the connection ends.
    if (answer instanceof Writable) answer.on("error", () => {});
    throw new Error("COPY FROM STDIN is not possible there, INSERT is");
  } catch (error) {
    throw new InstanceError(
      "query_failed",
      how.failed(`${messageOf(error)}${placeOf(error, text)}`),
    );
  } finally {
    await sql.end({ timeout: 0 }).catch(() => {});
  }
}

/** The line that PostgreSQL means, which counts characters. */
function placeOf(error: unknown, text: string): string {
  const position = error instanceof Error && "position" in error
    ? Number(error.position)
    : NaN;
  if (!(position > 0)) return "";
  const before = [...text].slice(0, position - 1).join("");
  return ` (line ${before.split("\n").length})`;
}
