import {
  type Connection,
  connectToPrimary,
  type Target,
} from "./connection.ts";

/** The table that the writer fills. */
export const TABLE = "pgraft_demo";

const CONNECT_TIMEOUT_MS = 250;
const STATEMENT_TIMEOUT_MS = 500;
const BETWEEN_ROWS_MS = 10;
const BETWEEN_TRIES_MS = 25;
/** More than a person can cause; the writer ends when it does not know of so many rows. */
const MAX_DOUBTFUL = 10_000;

/** What the writer has seen. */
export interface Ledger {
  /** How many rows the database has acknowledged. */
  readonly acknowledged: number;
  /** The last number whose outcome is known; every number is tried once. */
  readonly last: number;
  /** The numbers whose rows may be there or not: the answer was an error, or never came. */
  readonly doubtful: readonly number[];
  /** How long ago the last acknowledgement came. */
  readonly silentMs: number;
}

/** A client that inserts one row after the other, and remembers what it was told. */
export interface Writer {
  /** What it has seen. */
  ledger(): Ledger;
  /** Begins to measure anew. */
  mark(): void;
  /** The longest time without an acknowledged row since the mark, the one that goes on included. */
  gapMs(): number;
  /** How many rows were acknowledged since the mark. */
  sinceMark(): number;
  /** Ends it; what is under way is waited for. */
  stop(): Promise<void>;
}

function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}

interface State {
  readonly targets: readonly Target[];
  readonly doubtful: number[];
  readonly stopping: AbortController;
  acknowledged: number;
  last: number;
  tried: number;
  lastAckMs: number;
  longestMs: number;
  sinceMark: number;
}

function acknowledge(state: State): void {
  const nowMs = performance.now();
  state.acknowledged += 1;
  state.sinceMark += 1;
  state.longestMs = Math.max(state.longestMs, nowMs - state.lastAckMs);
  state.lastAckMs = nowMs;
}

async function insert(
  state: State,
  connection: Connection,
): Promise<boolean> {
  const number = ++state.tried;
  try {
    await connection.run(
      `insert into ${TABLE} (number) values ($1)`,
      [String(number)],
      STATEMENT_TIMEOUT_MS,
    );
    acknowledge(state);
    return true;
  } catch {
    state.doubtful.push(number);
    connection.close();
    return false;
  } finally {
    state.last = number;
  }
}

async function write(state: State): Promise<void> {
  let connection: Connection | null = null;
  const { stopping: { signal }, doubtful } = state;
  while (!signal.aborted && doubtful.length < MAX_DOUBTFUL) {
    connection ??= await connectToPrimary(state.targets, CONNECT_TIMEOUT_MS);
    if (connection === null) {
      await pause(BETWEEN_TRIES_MS);
      continue;
    }
    if (await insert(state, connection)) await pause(BETWEEN_ROWS_MS);
    else connection = null;
  }
  connection?.close();
}

/**
 * Starts to write.
 *
 * @param targets The servers, of which one takes writes at a time.
 * @returns The writer.
 */
export function startWriter(targets: readonly Target[]): Writer {
  const state: State = {
    targets,
    doubtful: [],
    stopping: new AbortController(),
    acknowledged: 0,
    last: 0,
    tried: 0,
    lastAckMs: performance.now(),
    longestMs: 0,
    sinceMark: 0,
  };
  const running = write(state);
  return {
    ledger: () => ({
      acknowledged: state.acknowledged,
      last: state.last,
      doubtful: state.doubtful,
      silentMs: performance.now() - state.lastAckMs,
    }),
    mark: () => {
      state.longestMs = 0;
      state.sinceMark = 0;
    },
    gapMs: () => Math.max(state.longestMs, performance.now() - state.lastAckMs),
    sinceMark: () => state.sinceMark,
    stop: async () => {
      state.stopping.abort();
      await running;
    },
  };
}

/** What is wrong with a table. */
export interface Verdict {
  /** How many rows were acknowledged and are not there. */
  readonly lost: number;
  /** How many stand there more often than once. */
  readonly twice: number;
}

const VERIFY_TIMEOUT_MS = 30_000;

/**
 * Holds a server's table against what the writer was told.
 *
 * @param connection A session with the server.
 * @param ledger What the writer had seen before the call.
 * @returns What is wrong.
 */
export async function verify(
  connection: Connection,
  { acknowledged, last, doubtful }: Ledger,
): Promise<Verdict> {
  const [row] = await connection.run(
    `select count(distinct number) filter (where number <> all ($2::bigint[])) as held,
       count(*) - count(distinct number) as twice
     from ${TABLE} where number <= $1`,
    [String(last), `{${doubtful.join(",")}}`],
    VERIFY_TIMEOUT_MS,
  );
  return {
    lost: acknowledged - Number(row?.["held"]),
    twice: Number(row?.["twice"]),
  };
}
