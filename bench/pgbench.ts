import { until } from "../tests/nodes/mod.ts";
import { type PgCluster, startPgCluster } from "../tests/postgres/mod.ts";
import { figure, median, quantile } from "./figures.ts";
import { print } from "./terminal.ts";
import { readUsage, sumCpuSeconds } from "./usage.ts";

/** How pgbench is run. */
export interface PgbenchOptions {
  /** How often the agents go and come back. */
  readonly rounds: number;
  /** How long throughput is counted each time. */
  readonly seconds: number;
  /** How long agents have been up before they are measured, since a program that has just started is slower. */
  readonly warmSeconds: number;
}

/** With the agents, PostgreSQL must do this share of what it does without. */
const BAR = 0.97;
const SCALE = "10";
const CLIENTS = "8";
const THREADS = "2";
/** What has just come or gone disturbs for so long. */
const SETTLE_SECONDS = 2;
/** How long a second's figure of pgbench may take to come. */
const LATE_MS = 10_000;
/** What PostgreSQL does by itself now and then would fall into one count and not into the next. */
const STEADY: Readonly<Record<string, string>> = {
  autovacuum: "off",
  checkpoint_timeout: "1h",
  max_wal_size: "32GB",
};

/** What one round came to: throughput with all agents before and after it, and without some between. */
interface Round {
  readonly before: number;
  readonly withoutOne: number;
  readonly without: number;
  readonly after: number;
}

/**
 * Measures pgbench on a primary whose commits wait for a quorum: with all agents, without the primary's own,
 * without any, and with all again, over and over. One pgbench runs through all of it, so that none of the
 * counts begins after a pause; what changes slowly by itself is the same before and after.
 *
 * @param options How often and how long.
 * @param interrupted Only ever rejects; ends it.
 */
export async function comparePgbench(
  options: PgbenchOptions,
  interrupted: Promise<never>,
): Promise<void> {
  await using cluster = await startPgCluster({ parameters: STEADY });
  await Promise.race([interrupted, compare(cluster, options)]);
}

async function compare(
  cluster: PgCluster,
  options: PgbenchOptions,
): Promise<void> {
  const { rounds, seconds, warmSeconds } = options;
  const { primary } = await cluster.settled();
  await initialize(primary.port);
  await using load = startLoad(primary.port);
  const cores: number[] = [];
  const withAgents = async (): Promise<number> => {
    await pauseSeconds(warmSeconds);
    const pids = cluster.cluster.nodes.map((node) => node.process().pid);
    const beforeS = sumCpuSeconds(await readUsage(pids));
    const startMs = performance.now();
    const tps = await load.count(seconds);
    const usedS = sumCpuSeconds(await readUsage(pids)) - beforeS;
    cores.push(usedS * 1000 / (performance.now() - startMs));
    return tps;
  };
  const measured: Round[] = [];
  let before = await withAgents();
  for (let round = 0; round < rounds; round++) {
    await primary.agent.terminate();
    await pauseSeconds(SETTLE_SECONDS);
    const withoutOne = await load.count(seconds);
    await stopAgents(cluster);
    await pauseSeconds(SETTLE_SECONDS);
    const without = await load.count(seconds);
    await startAgents(cluster);
    const after = await withAgents();
    measured.push({ before, withoutOne, without, after });
    before = after;
  }
  await tell(measured, options, median(cores));
}

async function tell(
  measured: readonly Round[],
  { rounds, seconds }: PgbenchOptions,
  cores: number,
): Promise<void> {
  const ratiosTo = (of: (round: Round) => number): number[] =>
    measured.map((round) => (round.before + round.after) / 2 / of(round));
  const tps = (of: (round: Round) => number): string =>
    figure(median(measured.map(of)));
  await print(
    `pgbench, TPC-B, scale ${SCALE}, ${CLIENTS} clients, ${rounds} rounds, ${seconds} s each\n` +
      `with all three agents     ${tps(({ before }) => before)} tps; they use ${
        figure(cores, 3)
      } cores together\n` +
      `without the primary's own ${tps((round) => round.withoutOne)} tps, ${
        verdict(ratiosTo((round) => round.withoutOne))
      }: the agent beside its PostgreSQL\n` +
      `without any agent         ${tps((round) => round.without)} tps, ${
        verdict(ratiosTo((round) => round.without))
      }: three agents on this one machine\n`,
  );
}

function verdict(ratios: readonly number[]): string {
  const ratio = median(ratios);
  const [low, high] = [quantile(ratios, 0.25), quantile(ratios, 0.75)];
  const judged = ratio >= BAR ? "reached" : "missed";
  return `ratio ${figure(ratio, 3)} (half of the rounds ${figure(low, 3)} to ${
    figure(high, 3)
  }; bar ${BAR}): ${judged}`;
}

/** A pgbench that runs on and on. */
interface Load extends AsyncDisposable {
  /** Counts transactions per second over the seconds that come. */
  count(seconds: number): Promise<number>;
}

/** What pgbench tells each second: when, by the clock, and how many transactions a second. */
const PROGRESS = /^progress: ([\d.]+) s, ([\d.]+) tps/;

function startLoad(port: number): Load {
  const words = ["-n", "-c", CLIENTS, "-j", THREADS, "-T", "1000000"];
  const child = pgbench(port, [...words, "-P", "1", "--progress-timestamp"]);
  const told: { readonly atS: number; readonly tps: number }[] = [];
  const reading = (async () => {
    const lines = child.stderr.pipeThrough(new TextDecoderStream());
    let rest = "";
    for await (const text of lines) {
      const parts = (rest + text).split("\n");
      rest = parts.pop() ?? "";
      for (const line of parts) {
        const [, atS, tps] = PROGRESS.exec(line) ?? [];
        if (atS) told.push({ atS: Number(atS), tps: Number(tps) });
      }
    }
  })();
  return {
    count: async (seconds) => {
      const sinceS = Date.now() / 1000;
      // The second under way has begun before.
      const counted = (): readonly { readonly tps: number }[] =>
        told.filter(({ atS }) => atS >= sinceS + 1).slice(0, seconds);
      await until(() => counted().length === seconds || null, {
        what: `pgbench tells of ${seconds} seconds`,
        timeoutMs: seconds * 1000 + LATE_MS,
      });
      const sum = counted().reduce((total, { tps }) => total + tps, 0);
      return sum / seconds;
    },
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGTERM");
      await child.status;
      await Promise.all([reading, child.stdout.cancel()]);
    },
  };
}

async function initialize(port: number): Promise<void> {
  const child = pgbench(port, ["-i", "-q", "-s", SCALE]);
  const { success, stderr } = await child.output();
  if (success) return;
  throw new Error(`pgbench failed: ${new TextDecoder().decode(stderr)}`);
}

function pgbench(port: number, words: readonly string[]): Deno.ChildProcess {
  const place = ["-h", "127.0.0.1", "-p", String(port), "-U", "postgres"];
  return new Deno.Command("pgbench", {
    args: [...words, ...place, "postgres"],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

async function pauseSeconds(seconds: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}

/** They leave PostgreSQL running, and their guards let it go. */
async function stopAgents({ cluster, nodes }: PgCluster): Promise<void> {
  for (const node of cluster.nodes) {
    if (node.process().status() === null) await node.terminate();
  }
  await until(
    () => nodes.every((node) => node.postmaster() !== null) || null,
    { what: "every server goes on without its agent" },
  );
}

async function startAgents({ cluster, settled }: PgCluster): Promise<void> {
  for (const node of cluster.nodes) node.restart();
  await cluster.ready();
  await settled();
}
