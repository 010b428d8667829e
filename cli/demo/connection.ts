import postgres from "postgres";

/** Where and as whom to connect. */
export type Target =
  | {
    readonly port: number;
    readonly user: string;
    readonly password: string;
  }
  | { readonly socket: string; readonly user: string };

/** Rows as the server answers them. */
export type Rows = readonly Readonly<Record<string, unknown>>[];

/** One session. */
export interface Connection {
  /**
   * Runs one statement.
   *
   * @throws {Error} When the server refuses it, does not answer in time, or says that it gave up waiting for
   * the standbys. Then the session should be closed.
   */
  run(
    text: string,
    params: readonly string[],
    timeoutMs: number,
  ): Promise<Rows>;
  /** Ends it, whatever it does. */
  close(): void;
}

/** A commit that such a warning came with is not known to survive. */
const NOT_HELD = /canceling (the )?wait for synchronous replication/;
/** The library counts in seconds; the caller's own deadline is the one that counts. */
const CONNECT_TIMEOUT_S = 5;

async function within<T>(promise: Promise<T>, timeoutMs: number): Promise<T> {
  const { promise: timeUp, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => reject(new Error(`No answer within ${timeoutMs} ms`)),
    timeoutMs,
  );
  try {
    return await Promise.race([promise, timeUp]);
  } finally {
    clearTimeout(timer);
    promise.catch(() => {});
  }
}

/**
 * Makes a session, which connects with its first statement.
 *
 * @param target Where, and as whom.
 * @returns The session.
 */
export function openConnection(target: Target): Connection {
  let warning: string | null = null;
  const sql = postgres({
    ..."socket" in target
      ? { path: target.socket }
      : { host: "127.0.0.1", port: target.port, pass: target.password },
    user: target.user,
    database: "postgres",
    max: 1,
    prepare: false,
    fetch_types: false,
    idle_timeout: 0,
    max_lifetime: null,
    connect_timeout: CONNECT_TIMEOUT_S,
    backoff: () => 0,
    onnotice: ({ message = "" }) => {
      if (NOT_HELD.test(message)) warning = message;
    },
    connection: { application_name: "pgraft demo" },
  });
  return {
    run: async (text, params, timeoutMs) => {
      warning = null;
      const answer = sql.unsafe(text, [...params]).then((rows) => [...rows]);
      const rows = await within(answer, timeoutMs);
      if (warning !== null) throw new Error(warning);
      return rows;
    },
    // Without a timeout of its own it may never end.
    close: () => {
      sql.end({ timeout: 0 }).catch(() => {});
    },
  };
}

/**
 * Connects to whichever server takes writes; all are asked at once, since a frozen one answers nothing.
 *
 * @param targets The servers.
 * @param timeoutMs How long they have.
 * @returns A session with it; null when there is none.
 */
export async function connectToPrimary(
  targets: readonly Target[],
  timeoutMs: number,
): Promise<Connection | null> {
  const asked = targets.map(async (target): Promise<Connection> => {
    const connection = openConnection(target);
    try {
      const [row] = await connection.run(
        "select pg_is_in_recovery() as standby",
        [],
        timeoutMs,
      );
      if (row?.["standby"] === false) return connection;
      throw new Error("It is a standby");
    } catch (error) {
      connection.close();
      throw error;
    }
  });
  const first = await Promise.any(asked).catch(() => null);
  for (const each of asked) {
    each.then((one) => {
      if (one !== first) one.close();
    }, () => {});
  }
  return first;
}
