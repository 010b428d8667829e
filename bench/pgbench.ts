import { until } from "../tests/nodes/mod.ts";
import { type PgCluster, startPgCluster } from "../tests/postgres/mod.ts";
import { figure, median } from "./figures.ts";
import { print } from "./terminal.ts";
import { readUsage, sumCpuSeconds } from "./usage.ts";

/** How pgbench is run. */
export interface PgbenchOptions {
  /** How many runs with the agents, and as many without. */
  readonly rounds: number;
  /** How long one lasts. */
  readonly seconds: number;
  /** How long agents have been up before they are measured, since a program that has just started is slower. */
  readonly warmSeconds: number;
}

/** With the agents, PostgreSQL must do this share of what it does without. */
const BAR = 0.97;
const SCALE = "10";
const CLIENTS = "8";
const THREADS = "2";
/** How long it runs before each run that counts. */
const SETTLE_SECONDS = 10;
const TPS = /^tps = ([\d.]+) \(without/m;

/**
 * Measures pgbench on a primary whose commits wait for a quorum: with all agents, without the primary's own,
 * and without any, PostgreSQL going on as it is. The runs take turns, so that what else the machine does meets
 * both alike.
 *
 * @param options How often and how long.
 * @param interrupted Only ever rejects; ends it.
 */
export async function comparePgbench(
  options: PgbenchOptions,
  interrupted: Promise<never>,
): Promise<void> {
  await using cluster = await startPgCluster();
  await Promise.race([interrupted, compare(cluster, options)]);
}

async function compare(
  cluster: PgCluster,
  options: PgbenchOptions,
): Promise<void> {
  const { primary } = await cluster.settled();
  await pgbench(primary.port, ["-i", "-q", "-s", SCALE]);
  await warmUp(options);
  const withAgents: number[] = [];
  const withoutOne: number[] = [];
  const without: number[] = [];
  const cores: number[] = [];
  const runWithAgents = async (): Promise<void> => {
    const pids = cluster.cluster.nodes.map((node) => node.process().pid);
    const beforeS = sumCpuSeconds(await readUsage(pids));
    const startMs = performance.now();
    withAgents.push(await throughput(primary.port, options));
    const usedS = sumCpuSeconds(await readUsage(pids)) - beforeS;
    cores.push(usedS * 1000 / (performance.now() - startMs));
  };
  for (let round = 0; round < options.rounds; round++) {
    // ABBA: neither is always the first of its pair.
    const isFirst = round % 2 === 0;
    if (isFirst) await runWithAgents();
    await primary.agent.terminate();
    withoutOne.push(await throughput(primary.port, options));
    await stopAgents(cluster);
    without.push(await throughput(primary.port, options));
    await startAgents(cluster);
    await warmUp(options);
    if (!isFirst) await runWithAgents();
  }
  // Of pairs that ran close together: what else the machine does changes over minutes.
  const ratioTo = (others: readonly number[]): number =>
    median(withAgents.map((tps, at) => tps / (others[at] ?? NaN)));
  await print(
    `pgbench, TPC-B, scale ${SCALE}, ${CLIENTS} clients, ${options.rounds} runs of ${options.seconds} s each\n` +
      `with all three agents     ${figure(median(withAgents))} tps; they use ${
        figure(median(cores), 2)
      } cores together\n` +
      `without the primary's own ${figure(median(withoutOne))} tps, ${
        verdict(ratioTo(withoutOne))
      }: the agent beside its PostgreSQL\n` +
      `without any agent         ${figure(median(without))} tps, ${
        verdict(ratioTo(without))
      }: three agents on this one machine\n`,
  );
}

function verdict(ratio: number): string {
  const judged = ratio >= BAR ? "reached" : "missed";
  return `ratio ${figure(ratio, 3)} (bar ${BAR}): ${judged}`;
}

async function throughput(
  port: number,
  { seconds }: PgbenchOptions,
): Promise<number> {
  // After a checkpoint each page is logged whole once: no run may have more of that than another.
  await pgbench(port, ["-n", "-t", "1", "-f", "-"], "checkpoint;\n");
  // What is run first after a pause, or after agents came or went, is slower, whatever it is.
  await load(port, SETTLE_SECONDS);
  const text = await load(port, seconds);
  const tps = Number(TPS.exec(text)?.[1]);
  if (Number.isFinite(tps)) return tps;
  throw new Error(`pgbench tells no throughput: ${text}`);
}

function load(port: number, seconds: number): Promise<string> {
  const words = ["-c", CLIENTS, "-j", THREADS, "-T", String(seconds), "-n"];
  return pgbench(port, words);
}

async function pgbench(
  port: number,
  words: readonly string[],
  script = "",
): Promise<string> {
  const child = new Deno.Command("pgbench", {
    args: [
      ...words,
      "-h",
      "127.0.0.1",
      "-p",
      String(port),
      "-U",
      "postgres",
      "postgres",
    ],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  await ReadableStream.from([new TextEncoder().encode(script)])
    .pipeTo(child.stdin);
  const { success, stdout, stderr } = await child.output();
  const text = new TextDecoder().decode(stdout);
  if (success) return text;
  throw new Error(`pgbench failed: ${new TextDecoder().decode(stderr)}`);
}

async function warmUp({ warmSeconds }: PgbenchOptions): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, warmSeconds * 1000));
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
