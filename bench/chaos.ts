/**
 * Lets faults of all classes befall a real cluster, one or two at a time, under clients that keep a ledger of
 * what was acknowledged. No acknowledged row may be missing, none may stand there twice, one server takes
 * writes, and after every fault writes go on. A seed chooses the faults; what comes of them is up to time.
 *
 * @module
 */
import { parseArgs } from "@std/cli";
import { type Random, seededRandom } from "../base/mod.ts";
import {
  checkLedger,
  type Ledger,
  type PgCluster,
  startLedger,
  startPgCluster,
} from "../tests/postgres/mod.ts";
import {
  CHAOS_FAULTS,
  type ChaosFault,
  type ChaosRound,
  type Heal,
  pick,
} from "./chaos_faults.ts";
import {
  type Column,
  figure,
  median,
  quantile,
  tableHead,
  tableRow,
} from "./figures.ts";
import { print, runBenchmark } from "./terminal.ts";
import { longestSilence } from "./write_probe.ts";

const USAGE = `Usage: deno task chaos [options]

  --minutes N   how long (10)
  --seed S      which faults, in which order (drawn)
`;

const MINUTE_MS = 60_000;
/** So many rounds share a ledger before it is checked. */
const ROUNDS_PER_LEDGER = 20;
const ROWS_BETWEEN = 50;
const TWO_FAULTS_SHARE = 0.25;
const MAX_LASTING_MS = 3000;
const WHOLE_TIMEOUT_MS = 180_000;
const WRITERS = 3;

const COLUMNS: readonly Column[] = [
  { title: "fault", width: 26, isText: true },
  { title: "times", width: 6 },
  { title: "median", width: 8 },
  { title: "p95", width: 8 },
  { title: "max ms", width: 8 },
];

interface Chaos {
  readonly cluster: PgCluster;
  readonly random: Random;
  readonly untilMs: number;
  /** The longest silence of each round, by what befell the cluster in it. */
  readonly silencesMs: Map<string, number[]>;
  rounds: number;
  rows: number;
}

/** Writes and faults until time is up, one ledger after the other. */
async function run(chaos: Chaos): Promise<void> {
  while (performance.now() < chaos.untilMs) {
    const { primary } = await chaos.cluster.settled(WHOLE_TIMEOUT_MS);
    await primary.query("truncate ledger");
    await using ledger = startLedger({
      hosts: chaos.cluster.hosts(),
      writers: WRITERS,
    });
    for (let round = 0; round < ROUNDS_PER_LEDGER; round++) {
      if (performance.now() >= chaos.untilMs) break;
      await runRound(chaos, ledger);
    }
    await judge(chaos, ledger);
  }
}

async function runRound(chaos: Chaos, ledger: Ledger): Promise<void> {
  const { cluster, random } = chaos;
  await ledger.untilAcknowledged(ROWS_BETWEEN, WHOLE_TIMEOUT_MS);
  const { primary } = await cluster.settled(WHOLE_TIMEOUT_MS);
  const standbys = await cluster.standbys();
  const round: ChaosRound = { cluster, random, primary, standbys };
  const startMs = performance.now();
  const faults = [pick(random, CHAOS_FAULTS)];
  if (random.next() < TWO_FAULTS_SHARE) faults.push(pick(random, CHAOS_FAULTS));
  await strikeAll(round, faults);
  await ledger.untilAcknowledged(ROWS_BETWEEN, WHOLE_TIMEOUT_MS);
  const acknowledged = ledger.rows().filter(({ outcome }) =>
    outcome === "acknowledged"
  ).map(({ sentMs, endMs }) => ({ sentMs, ackMs: endMs }));
  const { lengthMs } = longestSilence(acknowledged, startMs, Infinity);
  const name = faults.length > 1 ? "two at a time" : faults[0]?.name ?? "";
  const known = chaos.silencesMs.get(name) ?? [];
  chaos.silencesMs.set(name, [...known, lengthMs]);
  chaos.rounds += 1;
}

/** A second fault comes while the first one lasts. */
async function strikeAll(
  round: ChaosRound,
  faults: readonly ChaosFault[],
): Promise<void> {
  const heals: Heal[] = [];
  try {
    for (const fault of faults) {
      heals.push(await fault.strike(round));
      await pause(round.random.next() * MAX_LASTING_MS);
    }
  } finally {
    for (const heal of heals) await heal();
  }
}

async function pause(ms: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  setTimeout(resolve, ms);
  await promise;
}

async function judge(chaos: Chaos, ledger: Ledger): Promise<void> {
  const { primaries, ...faults } = await checkLedger(chaos.cluster, ledger);
  chaos.rows +=
    ledger.rows().filter(({ outcome }) => outcome === "acknowledged").length;
  const isSound = primaries.length === 1 &&
    Object.values(faults).every((list) => list.length === 0);
  if (isSound) return;
  throw new Error(
    `After ${chaos.rounds} rounds: ${JSON.stringify({ primaries, ...faults })}`,
  );
}

async function report({ silencesMs }: Chaos): Promise<void> {
  await print(tableHead(COLUMNS));
  for (const [name, list] of [...silencesMs].toSorted()) {
    await print(tableRow(COLUMNS, [
      name,
      String(list.length),
      figure(median(list)),
      figure(quantile(list, 0.95)),
      figure(quantile(list, 1)),
    ]));
  }
  await print(
    "\nThe longest time between two acknowledged rows of a round, which includes how long the fault lasts.\n",
  );
}

async function main(interrupted: Promise<never>): Promise<void> {
  const given = parseArgs(Deno.args, {
    boolean: ["help"],
    string: ["minutes", "seed"],
    alias: { help: "h" },
    default: { minutes: "10" },
  });
  if (given.help) return await print(USAGE);
  const seed = Number(
    given.seed ?? crypto.getRandomValues(new Uint16Array(1))[0],
  );
  await print(`deno task chaos --minutes ${given.minutes} --seed ${seed}\n\n`);
  await using cluster = await startPgCluster();
  const chaos: Chaos = {
    cluster,
    random: seededRandom(seed),
    untilMs: performance.now() + Number(given.minutes) * MINUTE_MS,
    silencesMs: new Map(),
    rounds: 0,
    rows: 0,
  };
  try {
    await Promise.race([interrupted, run(chaos)]);
    const { rounds, rows } = chaos;
    await print(
      `${rounds} rounds, ${rows} acknowledged rows: none is lost, none is there twice\n\n`,
    );
  } catch (cause) {
    throw new Error(`Seed ${seed}\n${cluster.output()}`, { cause });
  } finally {
    await report(chaos);
  }
}

if (import.meta.main) await runBenchmark(main);
