import postgres from "postgres";
import type { Clock } from "../../base/mod.ts";
import { messageOf } from "../../base/mod.ts";
import { InstanceError } from "./errors.ts";
import { within } from "./wait.ts";

/** The kept connections: each has one subject, so that a slow one holds no other up. */
export type ConnectionName = "control" | "probe" | "work";

/** R9: the probe never waits for standbys. What a client asks for at its start wins over defaults of roles. */
const KEPT_SETTINGS: Readonly<
  Record<ConnectionName, Readonly<Record<string, string>>>
> = {
  control: {},
  probe: { synchronous_commit: "local" },
  work: {},
};

/** How long a statement may take where the caller does not say. */
export const DEFAULT_QUERY_TIMEOUT_MS = 5_000;

/** A server that does not even answer a connection for so long is silent. */
const CONNECT_TIMEOUT_S = 5;

/** The library's own pauses between tries grow to seconds. */
const RECONNECT_PAUSE_S = 0.01;

/** What the client library says of a connection that is gone, and PostgreSQL of one it ended. */
const LOST_CODES: readonly string[] = [
  "CONNECTION_CLOSED",
  "CONNECTION_ENDED",
  "CONNECTION_DESTROYED",
  "CONNECT_TIMEOUT",
  "ECONNRESET",
  "EPIPE",
  "57P01",
  "57P02",
];

/** A connection of its own, to be ended by who opened it. */
export interface OwnConnection {
  /** The server's process behind it. */
  readonly pid: number;
  /** Runs one statement; without parameters also several, in one transaction. */
  run<T>(
    text: string,
    params: readonly unknown[],
    timeoutMs: number,
  ): Promise<T[]>;
  /** Ends it, whatever it does. */
  end(): Promise<void>;
}

/** All connections of this process to the local server. */
export interface Connections {
  /** How our sessions call themselves; others cannot guess it. */
  readonly applicationName: string;
  /** The server's own socket. */
  readonly socketPath: string;
  /** Runs one statement on a kept connection. */
  run<T>(
    name: ConnectionName,
    text: string,
    params: readonly unknown[],
    timeoutMs: number,
  ): Promise<T[]>;
  /** Opens a connection that is not kept. */
  open(options: {
    readonly timeoutMs: number;
    readonly settings?: Readonly<Record<string, string>>;
    /** @default {"postgres"} */
    readonly database?: string;
    /** @default {the superuser} */
    readonly user?: string;
  }): Promise<OwnConnection>;
  /** Ends the kept ones; the next statement opens new ones. */
  drop(): Promise<void>;
}

interface Statement {
  readonly text: string;
  readonly params: readonly unknown[];
  readonly timeoutMs: number;
  /** Whether the server keeps its plan, which for a look at all views takes ten times as long as running it. */
  readonly isKept: boolean;
}

interface Kept {
  has(name: ConnectionName): boolean;
  run<T>(name: ConnectionName, statement: Statement): Promise<T[]>;
  drop(): Promise<void>;
}

interface Target {
  readonly clock: Clock;
  readonly socketPath: string;
  readonly user: string;
  /** Is told when a kept connection has ended. */
  readonly onLost: () => void;
}

function connect(
  target: Target,
  applicationName: string,
  settings: Readonly<Record<string, string>>,
  database = "postgres",
): postgres.Sql {
  return postgres({
    path: target.socketPath,
    user: target.user,
    database,
    pass: "",
    max: 1,
    prepare: true,
    fetch_types: false,
    idle_timeout: 0,
    max_lifetime: null,
    connect_timeout: CONNECT_TIMEOUT_S,
    backoff: () => RECONNECT_PAUSE_S,
    onnotice: () => {},
    onclose: () => target.onLost(),
    connection: { application_name: applicationName, ...settings },
  });
}

/** `end()` without a timeout may never resolve, so there is always one. */
async function endNow(sql: postgres.Sql): Promise<void> {
  try {
    await sql.end({ timeout: 0 });
  } catch {
    // It is gone, which is what was wanted.
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}

function isLost(error: unknown): boolean {
  return LOST_CODES.includes(codeOf(error));
}

/** The client library's errors are its own; ours say what to do. */
function translate(error: unknown, socketPath: string): InstanceError {
  if (error instanceof InstanceError) return error;
  const code = codeOf(error);
  if (/^[0-9A-Z]{5}$/.test(code) && !isLost(error)) {
    return new InstanceError(
      "query_failed",
      `PostgreSQL refused: ${messageOf(error)} (SQLSTATE ${code})`,
      code,
    );
  }
  return new InstanceError(
    "no_connection",
    `PostgreSQL does not answer at "${socketPath}": ${
      messageOf(error)
    } (${code}); see its log`,
    /^57P0/.test(code) ? code : null,
  );
}

/** Runs one statement; its promise may outlive the deadline, and is then nobody's. */
async function runOnce<T>(
  target: Target,
  sql: postgres.Sql,
  statement: Statement,
): Promise<T[]> {
  const { text, params, timeoutMs, isKept } = statement;
  const how = { prepare: isKept };
  const answer = sql.unsafe(text, params.map(asParameter), how).then((rows) =>
    [...rows] as unknown as T[]
  );
  return await within(target.clock, timeoutMs, answer, () => {
    throw new InstanceError(
      "timeout",
      `PostgreSQL did not answer at "${target.socketPath}" within ${timeoutMs} ms: its disk or the machine may be stuck`,
    );
  });
}

async function openOwn(
  target: Target,
  sql: postgres.Sql,
  timeoutMs: number,
): Promise<OwnConnection> {
  const run = async <T>(
    text: string,
    params: readonly unknown[],
    boundMs: number,
  ): Promise<T[]> => {
    try {
      return await runOnce<T>(target, sql, {
        text,
        params,
        timeoutMs: boundMs,
        isKept: false,
      });
    } catch (error) {
      throw translate(error, target.socketPath);
    }
  };
  try {
    const rows = await run<{ pid: number }>(
      "select pg_backend_pid() as pid",
      [],
      timeoutMs,
    );
    return { pid: rows[0]?.pid ?? 0, run, end: () => endNow(sql) };
  } catch (error) {
    await endNow(sql);
    throw error;
  }
}

/** The kept connections of one application name. */
function createKept(target: Target, applicationName: string): Kept {
  const kept = new Map<ConnectionName, postgres.Sql>();
  return {
    has: (name) => kept.has(name),
    run: async <T>(
      name: ConnectionName,
      statement: Statement,
    ): Promise<T[]> => {
      const sql = kept.get(name) ??
        connect(target, applicationName, KEPT_SETTINGS[name]);
      kept.set(name, sql);
      try {
        return await runOnce<T>(target, sql, statement);
      } catch (error) {
        if (!isStillGood(translate(error, target.socketPath))) {
          if (kept.get(name) === sql) kept.delete(name);
          await endNow(sql);
        }
        throw error;
      }
    },
    drop: async () => {
      const all = [...kept.values()];
      kept.clear();
      await Promise.all(all.map(endNow));
    },
  };
}

/** An error of the statement leaves the connection good; after any other, a new one is surest. */
function isStillGood(error: InstanceError): boolean {
  return error.code === "query_failed" &&
    !/^(53|57P)/.test(error.sqlState ?? "");
}

/**
 * Keeps connections to the local server. None has a statement without a deadline: where one passes, the
 * connection is thrown away, since it may be stuck for ever.
 *
 * @param target Whose socket, and as whom.
 */
export function createConnections(target: Target): Connections {
  const applicationName = `pgraft ${crypto.randomUUID().slice(0, 13)}`;
  const kept = createKept(target, applicationName);
  return {
    applicationName,
    socketPath: target.socketPath,
    run: async <T>(
      name: ConnectionName,
      text: string,
      params: readonly unknown[],
      timeoutMs: number,
    ): Promise<T[]> => {
      const deadlineMs = target.clock.nowMs() + timeoutMs;
      const wasKept = kept.has(name);
      try {
        const isKept = true;
        return await kept.run<T>(name, { text, params, timeoutMs, isKept });
      } catch (error) {
        // Only an idle connection's loss shows late; a fresh one's is news.
        if (!wasKept || !isLost(error)) {
          throw translate(error, target.socketPath);
        }
      }
      try {
        const leftMs = Math.max(
          1,
          Math.ceil(deadlineMs - target.clock.nowMs()),
        );
        return await kept.run<T>(name, {
          text,
          params,
          timeoutMs: leftMs,
          isKept: true,
        });
      } catch (error) {
        throw translate(error, target.socketPath);
      }
    },
    open: ({ timeoutMs, settings, database, user = target.user }) =>
      openOwn(
        target,
        connect({ ...target, user }, applicationName, settings ?? {}, database),
        timeoutMs,
      ),
    drop: () => kept.drop(),
  };
}

function asParameter(value: unknown): string | number | boolean | null {
  if (value === null || value === undefined) return null;
  if (typeof value === "number" || typeof value === "boolean") return value;
  return String(value);
}
