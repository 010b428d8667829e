/**
 * Measures how long writes stand still when PostgreSQL's primary is lost in one of several ways, for a
 * client that tries several hosts in turn as libpq does; and where the time goes. No acknowledged row may
 * be lost in any round. With --pgbench it measures what the agents cost while nothing is wrong.
 *
 * @module
 */
import { parseArgs } from "@std/cli";
import { until } from "../tests/nodes/mod.ts";
import {
  checkLedger,
  type Ledger,
  type PgCluster,
  type RecordView,
  startLedger,
  startPgCluster,
} from "../tests/postgres/mod.ts";
import {
  FAILURE_CLASSES,
  type FailureClass,
  type FailureRound,
  wantedLeader,
} from "./failover_classes.ts";
import {
  type Column,
  figure,
  median,
  quantile,
  tableHead,
  tableRow,
} from "./figures.ts";
import { comparePgbench } from "./pgbench.ts";
import { print, runBenchmark } from "./terminal.ts";
import { longestSilence } from "./write_probe.ts";

const USAGE = `Usage: deno task bench:failover [options]

  --rounds N         rounds of each class and placement (10)
  --classes LIST     of ${
  FAILURE_CLASSES.map(({ name }) => name).join(", ")
} (all)
  --placement LIST   of same, apart, any: whether Raft's leader is on the primary's node (same,apart)
  --dir DIR          where the nodes' directories are made (the machine's place for temporary files)
  --pgbench          compare pgbench with the agents and without instead
  --seconds N        how long its transactions are counted each time (6)
  --warm N           for how many seconds agents are up before (60)
`;

interface Options {
  readonly rounds: number;
  readonly classes: readonly string[];
  readonly placements: readonly string[];
  readonly dir: string | undefined;
  readonly pgbench: boolean;
  readonly seconds: number;
  readonly warmSeconds: number;
}

/** What one round came to. */
interface Measured {
  readonly gapMs: number;
  /** Writes that were not acknowledged. */
  readonly broken: number;
  /** How writes came back; null where nobody had to take over. */
  readonly way: RecordView["kind"] | null;
  /** Where the time went; null where nobody took over. */
  readonly phases: Phases | null;
}

type Phases = Readonly<Record<typeof PHASES[number], number>>;

const PHASES = [
  "detect",
  "seal",
  "promote",
  "barrier",
  "open",
  "client",
] as const;
const FIRST_ROWS = 50;
/** So many rows after a fault show whether anything is still broken. */
const ROWS_AFTER = 200;
/**
 * So many losses within so long are not a crash loop yet, in which the next attempt would be put off on
 * purpose.
 */
const MAX_LOSSES = 16;
const LOSSES_WINDOW_MS = 60_000;
const REIGN_TIMEOUT_MS = 120_000;
const CALM_TIMEOUT_MS = 2 * LOSSES_WINDOW_MS;
const COLUMNS: readonly Column[] = [
  { title: "class", width: 11, isText: true },
  { title: "leader", width: 6, isText: true },
  { title: "rounds", width: 6 },
  { title: "median", width: 7 },
  { title: "p95", width: 7 },
  { title: "max ms", width: 7 },
  { title: "bar", width: 6 },
  { title: "goal", width: 6 },
  { title: "", width: 8, isText: true },
  { title: "broken", width: 6 },
  { title: "lost", width: 5 },
  ...PHASES.map((title) => ({ title, width: 8 })),
  { title: "way", width: 24, isText: true },
];

async function isCalm(cluster: PgCluster): Promise<true | null> {
  const sinceMs = Date.now() - LOSSES_WINDOW_MS;
  const recent = (await cluster.history()).filter((one) =>
    one.lost_at_ms > sinceMs
  );
  return recent.length < MAX_LOSSES || null;
}

/** Writes go on while nothing is wrong, so that a round begins in the middle of them. */
async function beginRound(
  cluster: PgCluster,
  ledger: Ledger,
  placement: string,
): Promise<FailureRound> {
  await until(() => isCalm(cluster), {
    what: "the losses of the rounds before are long enough ago",
    timeoutMs: CALM_TIMEOUT_MS,
  });
  const reign = await cluster.settled();
  const leader = wantedLeader({ cluster, reign }, placement);
  if (leader) await cluster.lead(leader);
  const round = { cluster, reign: await cluster.settled() };
  await ledger.untilAcknowledged(FIRST_ROWS);
  return round;
}

async function measureRound(
  failure: FailureClass,
  ledger: Ledger,
  round: FailureRound,
): Promise<Measured> {
  const first = ledger.rows().length;
  const startMs = await failure.strike(round);
  const endMs = performance.now();
  const record = failure.changesReign ? await newReign(round) : null;
  await ledger.untilAcknowledged(ROWS_AFTER);
  const acknowledged = ledger.rows().filter(({ outcome }) =>
    outcome === "acknowledged"
  ).map(({ sentMs, endMs }) => ({ sentMs, ackMs: endMs }));
  // Rows are acknowledged for a moment while the fault comes about; what matters is the silence after it.
  const silence = longestSilence(
    acknowledged,
    startMs,
    failure.fromFault ? Infinity : endMs,
  );
  const gapMs = failure.fromFault ? silence.endMs - startMs : silence.lengthMs;
  const phases = record ? phasesOf(record, startMs, silence.endMs) : null;
  const broken =
    ledger.rows().slice(first).filter(({ outcome }) =>
      outcome !== "acknowledged"
    ).length;
  await failure.heal(round);
  return { gapMs, broken, way: record?.kind ?? null, phases };
}

function newReign({ cluster, reign }: FailureRound): Promise<RecordView> {
  return until(async () => {
    const [newest] = await cluster.history();
    return newest && newest.epoch > reign.epoch && newest.opened_at_ms !== null
      ? newest
      : null;
  }, { what: "the history has the new reign", timeoutMs: REIGN_TIMEOUT_MS });
}

function phasesOf(
  record: RecordView,
  startMs: number,
  ackMs: number,
): Phases {
  const { phases_ms: phases, opened_at_ms: openedAtMs } = record;
  const wallMs = (ms: number): number => performance.timeOrigin + ms;
  const detectedAtMs = record.lost_at_ms + (phases.detect ?? NaN);
  return {
    detect: detectedAtMs - wallMs(startMs),
    seal: phases.seal ?? NaN,
    promote: phases.promote ?? NaN,
    barrier: phases.barrier ?? NaN,
    open: phases.open ?? NaN,
    client: wallMs(ackMs) - (openedAtMs ?? NaN),
  };
}

/** Only a class in which writes must not stop has a bar of zero: none may fail. */
function isReached(
  limitMs: number,
  rounds: readonly Measured[],
): boolean {
  return limitMs === 0
    ? rounds.every(({ broken }) => broken === 0)
    : median(rounds.map(({ gapMs }) => gapMs)) <= limitMs;
}

/** After a postmaster's death the same node may open again sooner than another. */
function waysOf(rounds: readonly Measured[]): string {
  const ways = rounds.flatMap(({ way }) => way ?? []);
  return [...Map.groupBy(ways, (way) => way)]
    .map(([way, those]) => `${those.length} ${way}`).join(", ");
}

async function runClass(
  cluster: PgCluster,
  failure: FailureClass,
  placement: string,
  rounds: number,
): Promise<void> {
  const { primary } = await cluster.settled();
  await primary.query("truncate ledger");
  const hosts = cluster.hosts();
  await using ledger = startLedger({ hosts, writers: 1, everyMs: 1 });
  const measured: Measured[] = [];
  for (let at = 0; at < rounds; at++) {
    const round = await beginRound(cluster, ledger, placement);
    measured.push(await measureRound(failure, ledger, round));
  }
  const { lost } = await checkLedger(cluster, ledger);
  const gapsMs = measured.map(({ gapMs }) => gapMs);
  const phases = measured.flatMap((one) => one.phases ?? []);
  await print(tableRow(COLUMNS, [
    failure.name,
    placement,
    String(measured.length),
    figure(median(gapsMs)),
    figure(quantile(gapsMs, 0.95)),
    figure(quantile(gapsMs, 1)),
    figure(failure.barMs),
    figure(failure.goalMs),
    isReached(failure.goalMs, measured)
      ? "goal"
      : isReached(failure.barMs, measured)
      ? "reached"
      : "missed",
    String(measured.reduce((sum, { broken }) => sum + broken, 0)),
    String(lost.length),
    ...PHASES.map((name) => figure(median(phases.map((one) => one[name])))),
    waysOf(measured),
  ]));
  if (lost.length > 0) {
    throw new Error(`Acknowledged rows are lost: ${JSON.stringify(lost)}`);
  }
}

function readOptions(args: string[]): Options | null {
  const given = parseArgs(args, {
    boolean: ["help", "pgbench"],
    string: ["rounds", "classes", "placement", "dir", "seconds", "warm"],
    alias: { help: "h" },
    default: {
      rounds: "10",
      classes: FAILURE_CLASSES.map(({ name }) => name).join(","),
      placement: "same,apart",
      seconds: "6",
      warm: "60",
    },
  });
  if (given.help) return null;
  return {
    rounds: Number(given.rounds),
    classes: given.classes.split(","),
    placements: given.placement.split(","),
    dir: given.dir,
    pgbench: given.pgbench === true,
    seconds: Number(given.seconds),
    warmSeconds: Number(given.warm),
  };
}

async function measureSize(
  size: 2 | 3,
  options: Options,
  interrupted: Promise<never>,
): Promise<void> {
  const wanted = FAILURE_CLASSES.filter((failure) =>
    failure.size === size && options.classes.includes(failure.name)
  );
  if (wanted.length === 0) return;
  await using cluster = await startPgCluster({
    size,
    areServices: true,
    witness: size === 2,
    ...options.dir === undefined ? {} : { directory: options.dir },
  });
  await Promise.race([interrupted, runClasses(cluster, wanted, options)]);
}

async function runClasses(
  cluster: PgCluster,
  wanted: readonly FailureClass[],
  { placements, rounds }: Options,
): Promise<void> {
  for (const failure of wanted) {
    for (const placement of placements) {
      try {
        await runClass(cluster, failure, placement, rounds);
      } catch (cause) {
        const text = `${failure.what}\n${cluster.output()}`;
        throw new Error(text, { cause });
      }
    }
  }
}

async function measureAll(
  options: Options,
  interrupted: Promise<never>,
): Promise<void> {
  await print(tableHead(COLUMNS));
  await measureSize(3, options, interrupted);
  await measureSize(2, options, interrupted);
  await print(
    "\nMilliseconds; the phases are medians. Detect runs from the fault, client from the opening to the" +
      "\nfirst acknowledged row; broken counts rows whose writing was not acknowledged. Of the classes" +
      "\nswitchover and agent the gap is the longest time between two acknowledged rows. The way is how writes came" +
      "\nback: by failover to another node, or by restart on the same one, whichever opened sooner.\n",
  );
}

async function main(interrupted: Promise<never>): Promise<void> {
  const options = readOptions(Deno.args);
  if (options === null) return await print(USAGE);
  if (options.pgbench) return await comparePgbench(options, interrupted);
  await measureAll(options, interrupted);
}

if (import.meta.main) await runBenchmark(main);
