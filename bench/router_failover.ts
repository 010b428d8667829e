import { until } from "../tests/nodes/mod.ts";
import {
  checkLedger,
  type Ledger,
  type PgCluster,
  type Reign,
  startLedger,
} from "../tests/postgres/mod.ts";
import {
  type Column,
  figure,
  median,
  quantile,
  tableHead,
  tableRow,
} from "./figures.ts";
import { print } from "./terminal.ts";

/** How much is measured. */
export interface FailoverOptions {
  /** How often each thing happens. */
  readonly rounds: number;
  /** How many clients write. */
  readonly writers: number;
}

/** A failover's own bar, and what the routers may add to it. */
const BAR_MS = 600 + 200;
/** How long a client rests after each row: all of them together leave the machine time for a failover. */
const REST_MS = 200;
/** They leave the waiting to the routers. */
const CONNECT_MS = 10_000;
const PATIENCE_MS = 60_000;
const COLUMNS: readonly Column[] = [
  { title: "what happens", width: 22, isText: true },
  { title: "rounds", width: 6 },
  { title: "first", width: 8 },
  { title: "half", width: 8 },
  { title: "last", width: 8 },
  { title: "largest last", width: 12 },
  { title: "", width: 8, isText: true },
];

interface Happening {
  readonly name: string;
  /** Whether another reign begins. */
  readonly changesReign: boolean;
  /** Lets it happen; resolves with when it began. */
  strike(reign: Reign): Promise<number>;
  heal(reign: Reign): void;
}

const HAPPENINGS: readonly Happening[] = [
  {
    // What so many new sessions cost by themselves.
    name: "all sessions end",
    changesReign: false,
    strike: async ({ primary }) => {
      const beganMs = performance.now();
      await primary.queryLocally(
        "select pg_terminate_backend(pid) from pg_stat_activity " +
          "where backend_type = 'client backend' and query like 'insert%'",
      );
      return beganMs;
    },
    heal: () => {},
  },
  {
    name: "the postmaster dies",
    changesReign: true,
    strike: ({ primary }) => Promise.resolve(primary.killPostmaster()),
    heal: () => {},
  },
  {
    name: "the node dies",
    changesReign: true,
    strike: ({ primary }) => primary.kill(),
    heal: ({ primary }) => primary.restart(),
  },
];

/**
 * Measures how soon clients write again through the routers of all nodes, each with a session of its own,
 * when their sessions end, and when the primary dies.
 *
 * @param cluster A cluster of three.
 * @param options How often, and how many clients.
 */
export async function measureFailover(
  cluster: PgCluster,
  options: FailoverOptions,
): Promise<void> {
  const { rounds, writers } = options;
  await print(tableHead(COLUMNS));
  await using ledger = startLedger({
    hosts: cluster.routers(),
    writers,
    everyMs: REST_MS,
    spread: true,
    connectMs: CONNECT_MS,
  });
  for (const happening of HAPPENINGS) {
    const all: number[][] = [];
    for (let round = 0; round < rounds; round++) {
      all.push(await measureOnce(cluster, ledger, happening, writers));
    }
    const lastMs = all.map((took) => Math.max(...took));
    const verdict = median(lastMs) <= BAR_MS ? "reached" : "missed";
    await print(tableRow(COLUMNS, [
      happening.name,
      `${rounds}`,
      figure(median(all.map((took) => Math.min(...took)))),
      figure(median(all.map((took) => quantile(took, 0.5)))),
      figure(median(lastMs)),
      figure(Math.max(...lastMs)),
      happening.changesReign ? verdict : "",
    ]));
  }
  await ledger.stop();
  const { lost, twice } = await checkLedger(cluster, ledger);
  await print(
    `\nMilliseconds until the first, half and the last of ${writers} clients had a row acknowledged that it sent after\n` +
      `the fault; medians of the rounds. The bar is ${BAR_MS} ms for the last. ${lost.length} rows lost, ${twice.length} twice.\n`,
  );
}

/** When each client wrote again, in milliseconds since the fault. */
async function measureOnce(
  cluster: PgCluster,
  ledger: Ledger,
  { strike, heal }: Happening,
  writers: number,
): Promise<number[]> {
  const reign = await cluster.settled();
  await untilAllWrite(ledger, writers, performance.now());
  const beganMs = await strike(reign);
  const again = await untilAllWrite(ledger, writers, beganMs);
  heal(reign);
  return again.map((endMs) => endMs - beganMs);
}

/** Waits until each client had a row acknowledged that it sent after a moment; returns when the first was. */
async function untilAllWrite(
  ledger: Ledger,
  writers: number,
  sinceMs: number,
): Promise<number[]> {
  return await until(() => {
    const first = new Map<number, number>();
    const rows = ledger.rows();
    for (let at = rows.length - 1; at >= 0; at--) {
      const row = rows[at];
      if (!row || row.endMs < sinceMs) break;
      if (row.outcome !== "acknowledged" || row.sentMs < sinceMs) continue;
      first.set(row.writer, row.endMs);
    }
    return first.size === writers ? [...first.values()] : null;
  }, { what: `${writers} clients write`, timeoutMs: PATIENCE_MS });
}
