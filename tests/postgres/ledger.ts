import { until } from "../nodes/mod.ts";
import {
  connectPostgres,
  type Place,
  type WireConnection,
  WireError,
} from "./wire.ts";

/**
 * What a client was told of a row: `acknowledged`, `failed` (it is not there), or `unknown` (the answer did
 * not come, or came with the warning that nobody waited for the standbys).
 */
export type Outcome = "acknowledged" | "failed" | "unknown";

/** One row that a client tried to insert, once. */
export interface Row {
  /** Which client. */
  readonly writer: number;
  /** Its number of the row; never used again. */
  readonly number: number;
  /** When the statement was sent. */
  readonly sentMs: number;
  /** When its outcome was known. */
  readonly endMs: number;
  readonly outcome: Outcome;
  /** What went wrong, in words; empty when nothing did. */
  readonly why: string;
}

/** Clients that insert rows without an end, and remember what they were told. */
export interface Ledger extends AsyncDisposable {
  /** All rows so far, by the time of their outcome. */
  rows(): readonly Row[];
  /** Waits until so many more rows are acknowledged that were sent after now. */
  untilAcknowledged(count: number, timeoutMs?: number): Promise<void>;
  /** Ends the clients; what is under way is waited for. */
  stop(): Promise<void>;
}

/** How a ledger is kept. */
export interface LedgerOptions {
  /** The servers, in the order in which clients try them. */
  readonly hosts: readonly Place[];
  /**
   * How many clients write.
   *
   * @default {2}
   */
  readonly writers?: number;
  /**
   * How long a client waits after each row.
   *
   * @default {2}
   */
  readonly everyMs?: number;
  /**
   * Whether clients begin with the hosts in turn, rather than all with the first.
   *
   * @default {false}
   */
  readonly spread?: boolean;
  /**
   * How long a client waits for a session.
   *
   * @default {300}
   */
  readonly connectMs?: number;
}

/** The table of all ledgers; it has no key, so that a row could stand in it twice. */
export const LEDGER_TABLE = "ledger";

const CONNECT_MS = 300;
const STATEMENT_MS = 1000;
const BETWEEN_TRIES_MS = 20;
const WAIT_MS = 60_000;
const CANCELLED = /canceling (the )?wait for synchronous replication/;

/**
 * Starts clients that write as one of libpq does that has several hosts: each host is tried in turn, 0.3 s
 * to connect and 1 s for a statement, until one is found that takes writes.
 *
 * @param options The hosts.
 * @returns The ledger; to be disposed of.
 */
export function startLedger(options: LedgerOptions): Ledger {
  const { hosts, writers = 2, everyMs = 2, spread = false } = options;
  const { connectMs = CONNECT_MS } = options;
  const rows: Row[] = [];
  const stopping = new AbortController();
  const running = Array.from(
    { length: writers },
    (_, at) => {
      const first = spread ? at % hosts.length : 0;
      const writer = at + 1;
      const own = { hosts, first, writer, everyMs, connectMs };
      return write({ ...own, rows, stopping });
    },
  );
  const stop = async (): Promise<void> => {
    stopping.abort();
    await Promise.all(running);
  };
  return {
    rows: () => rows,
    untilAcknowledged: async (count, timeoutMs = WAIT_MS) => {
      const sinceMs = performance.now();
      const first = rows.length;
      const look = (): true | null =>
        rows.slice(first).filter(({ outcome, sentMs }) =>
            outcome === "acknowledged" && sentMs > sinceMs
          ).length >= count || null;
      await until(look, { what: `${count} rows are acknowledged`, timeoutMs });
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

interface Writer {
  /** May grow while it writes. */
  readonly hosts: readonly Place[];
  /** Which of them it tries first. */
  readonly first: number;
  readonly writer: number;
  readonly everyMs: number;
  readonly connectMs: number;
  readonly rows: Row[];
  readonly stopping: AbortController;
}

async function write(self: Writer): Promise<void> {
  const { stopping: { signal }, everyMs, rows, writer } = self;
  let connection: WireConnection | null = null;
  for (let number = 1; !signal.aborted;) {
    connection ??= await connectToPrimary(turned(self), self.connectMs);
    if (connection === null) {
      await pause(BETWEEN_TRIES_MS);
      continue;
    }
    const row = await insert(connection, writer, number++);
    rows.push(row);
    if (row.outcome !== "acknowledged") {
      connection[Symbol.dispose]();
      connection = null;
      await pause(BETWEEN_TRIES_MS);
    } else if (everyMs > 0) await pause(everyMs);
  }
  connection?.[Symbol.dispose]();
}

function turned({ hosts, first }: Writer): Place[] {
  return [...hosts.slice(first), ...hosts.slice(0, first)];
}

async function insert(
  connection: WireConnection,
  writer: number,
  number: number,
): Promise<Row> {
  const sentMs = performance.now();
  const sql = `insert into ${LEDGER_TABLE} values (${writer}, ${number})`;
  const ended = (outcome: Outcome, why: string): Row => ({
    writer,
    number,
    sentMs,
    endMs: performance.now(),
    outcome,
    why,
  });
  try {
    const { warnings } = await connection.query(sql, STATEMENT_MS);
    const cancelled = warnings.find((warning) => CANCELLED.test(warning));
    return cancelled === undefined
      ? ended("acknowledged", "")
      : ended("unknown", cancelled);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    const outcome = error.failure === "refused" ? "failed" : "unknown";
    return ended(outcome, `${error.code} ${error.message}`.trim());
  }
}

/** One round through the hosts: the first that takes writes, or null. */
export async function connectToPrimary(
  hosts: readonly Place[],
  timeoutMs = CONNECT_MS,
): Promise<WireConnection | null> {
  for (const place of hosts) {
    let connection: WireConnection | null = null;
    try {
      connection = await connectPostgres({ place, timeoutMs });
      if (await takesWrites(connection)) return connection;
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
    }
    connection?.[Symbol.dispose]();
  }
  return null;
}

/** As libpq does: a server before 14 does not tell by itself. */
async function takesWrites(connection: WireConnection): Promise<boolean> {
  const isStandby = connection.parameters.get("in_hot_standby");
  if (isStandby !== undefined) return isStandby === "off";
  const sql = "select pg_is_in_recovery()";
  const { rows } = await connection.query(sql, STATEMENT_MS);
  return rows[0]?.[0] === "f";
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
