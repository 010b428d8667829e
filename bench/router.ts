/**
 * Measures pgbench straight to a primary, through a router, and through HAProxy and PgBouncer where they are
 * on PATH; the ways take turns. With --idle it measures what idle sessions cost instead, with --failover how
 * soon many clients write again when the primary dies.
 *
 * @module
 */
import { parseArgs } from "@std/cli";
import { type PgCluster, startPgCluster } from "../tests/postgres/mod.ts";
import {
  type Column,
  figure,
  median,
  quantile,
  tableHead,
  tableRow,
} from "./figures.ts";
import { startProxies, type Way } from "./proxies.ts";
import { measureFailover } from "./router_failover.ts";
import { measureIdle } from "./router_idle.ts";
import { print, runBenchmark } from "./terminal.ts";
import { readUsage, sumCpuSeconds } from "./usage.ts";

const USAGE = `Usage: deno task bench:router [options]

  --rounds N      runs of each way at each point (5)
  --seconds N     how long one lasts (3)
  --clients LIST  numbers of clients (1,8,32,128)
  --scripts LIST  of select, tpcb (select,tpcb)
  --idle          measure idle sessions before a server that only answers, instead
  --sessions N    how many of them (5000)
  --failover      measure instead how soon clients write again through three routers when the primary dies
  --writers N     how many of them (200)
`;

interface Options {
  readonly rounds: number;
  readonly seconds: number;
  readonly clients: readonly number[];
  readonly scripts: readonly string[];
  readonly isIdle: boolean;
  readonly isFailover: boolean;
  readonly writers: number;
  readonly sessions: number;
}

/** What one run came to. */
interface Measured {
  readonly tps: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of the process in between, for a thousand transactions. */
  readonly cpuMs: number;
}

/** Of HAProxy's throughput. */
const BAR = 0.95;
const GOAL = 1.1;
const SCALE = 10;
/** So many transactions of each run tell how long they took. */
const SAMPLES = 20_000;
const COLUMNS: readonly Column[] = [
  { title: "script", width: 6, isText: true },
  { title: "clients", width: 7 },
  { title: "way", width: 10, isText: true },
  { title: "tps", width: 8 },
  { title: "p50 ms", width: 7 },
  { title: "p99 ms", width: 7 },
  { title: "CPU ms/1000", width: 11 },
  { title: "of direct", width: 9 },
  { title: "of haproxy", width: 10 },
  { title: "", width: 7, isText: true },
];
const TPS = /^tps = ([\d.]+) \(without/m;
const COUNT = /actually processed: (\d+)/;
const CONNECT = /average connection time = ([\d.]+) ms/;

async function pgbench(
  port: number,
  words: readonly string[],
  directory: string,
): Promise<string> {
  const place = ["-h", "127.0.0.1", "-p", `${port}`, "-U", "postgres"];
  const { success, code, stdout, stderr } = await new Deno.Command("pgbench", {
    args: [...words, ...place, "postgres"],
    cwd: directory,
    stdin: "null",
  }).output();
  const text = new TextDecoder().decode(stdout);
  if (success) return text;
  const why = new TextDecoder().decode(stderr);
  throw new Error(`pgbench failed (${code}) ${words.join(" ")}: ${why}${text}`);
}

async function runOnce(
  { port, pid }: Way,
  script: string,
  clients: number,
  { seconds }: Options,
  directory: string,
  expected: number,
): Promise<Measured> {
  const pids = pid === null ? [] : [pid];
  const sampling = Math.min(1, SAMPLES / Math.max(1, expected));
  const beforeS = sumCpuSeconds(await readUsage(pids));
  const text = await pgbench(port, [
    "-n",
    "-M",
    "prepared",
    ...script === "select" ? ["-S"] : [],
    ...["-c", `${clients}`, "-j", `${Math.min(2, clients)}`],
    ...["-T", `${seconds}`, "-l", `--sampling-rate=${sampling.toFixed(6)}`],
  ], directory);
  const usedS = sumCpuSeconds(await readUsage(pids)) - beforeS;
  const count = Number(COUNT.exec(text)?.[1]);
  const tookMs = await readLatencies(directory);
  return {
    tps: Number(TPS.exec(text)?.[1]),
    p50Ms: quantile(tookMs, 0.5),
    p99Ms: quantile(tookMs, 0.99),
    cpuMs: usedS * 1e6 / count,
  };
}

/** Reads and removes what pgbench logged: the third field is how long a transaction took, in µs. */
async function readLatencies(directory: string): Promise<number[]> {
  const tookMs: number[] = [];
  for await (const { name } of Deno.readDir(directory)) {
    if (!name.startsWith("pgbench_log.")) continue;
    const text = await Deno.readTextFile(`${directory}/${name}`);
    await Deno.remove(`${directory}/${name}`);
    for (const line of text.split("\n")) {
      const us = Number(line.split(" ")[2]);
      if (us > 0) tookMs.push(us / 1000);
    }
  }
  return tookMs;
}

/** Runs all ways in turn, each round beginning with another. */
async function measurePoint(
  ways: readonly Way[],
  script: string,
  clients: number,
  options: Options,
  directory: string,
): Promise<void> {
  const results = new Map(ways.map((way) => [way, [] as Measured[]]));
  for (let round = 0; round < options.rounds; round++) {
    for (const at of ways.keys()) {
      const way = ways[(at + round) % ways.length];
      const known = way && results.get(way);
      if (!way || !known) continue;
      const expected = (known[0]?.tps ?? SAMPLES) * options.seconds;
      known.push(
        await runOnce(way, script, clients, options, directory, expected),
      );
    }
  }
  const tpsOf = (name: string): readonly number[] =>
    [...results].find(([way]) => way.name === name)?.[1].map(({ tps }) =>
      tps
    ) ?? [];
  for (const [way, all] of results) {
    const of = (name: string): number =>
      median(all.map(({ tps }, at) => tps / (tpsOf(name)[at] ?? NaN)));
    const middle = (key: keyof Measured): number =>
      median(all.map((one) => one[key]));
    await print(tableRow(COLUMNS, [
      script,
      `${clients}`,
      way.name,
      figure(middle("tps")),
      figure(middle("p50Ms"), 3),
      figure(middle("p99Ms"), 3),
      way.pid === null ? "" : figure(middle("cpuMs"), 1),
      figure(of("direct"), 3),
      figure(of("haproxy"), 3),
      way.name === "router" ? verdict(of("haproxy")) : "",
    ]));
  }
}

function verdict(ratio: number): string {
  if (!Number.isFinite(ratio)) return "";
  if (ratio >= GOAL) return "goal";
  return ratio >= BAR ? "reached" : "missed";
}

/** How long a connection takes until it takes statements. */
async function measureConnecting(
  ways: readonly Way[],
  { rounds }: Options,
  directory: string,
): Promise<void> {
  const results = new Map(ways.map((way) => [way, [] as number[]]));
  for (let round = 0; round < rounds; round++) {
    for (const [way, tookMs] of results) {
      const words = ["-n", "-S", "-C", "-c", "1", "-T", "1"];
      const text = await pgbench(way.port, words, directory);
      tookMs.push(Number(CONNECT.exec(text)?.[1]));
    }
  }
  const parts = [...results].map(([{ name }, tookMs]) =>
    `${name} ${figure(median(tookMs), 3)}`
  );
  await print(`\nms until a new connection stands: ${parts.join(", ")}\n`);
}

async function measure(
  cluster: PgCluster,
  options: Options,
  interrupted: Promise<never>,
): Promise<void> {
  const { primary } = await cluster.settled();
  const { pid } = primary.agent.process();
  const directory = await Deno.makeTempDir({ prefix: "pgraft-bench-" });
  await using stack = new AsyncDisposableStack();
  stack.defer(() => Deno.remove(directory, { recursive: true }));
  const proxies = await startProxies(primary.port, directory);
  for (const proxy of proxies) stack.use(proxy);
  const done = (): Promise<void> => Promise.resolve();
  const ways: Way[] = [
    {
      name: "direct",
      port: primary.port,
      pid: null,
      [Symbol.asyncDispose]: done,
    },
    {
      name: "router",
      port: primary.router.readWrite,
      pid,
      [Symbol.asyncDispose]: done,
    },
    ...proxies,
  ];
  await pgbench(primary.port, ["-i", "-q", "-s", `${SCALE}`], directory);
  await print(tableHead(COLUMNS));
  for (const script of options.scripts) {
    for (const clients of options.clients) {
      const point = measurePoint(ways, script, clients, options, directory);
      await Promise.race([interrupted, point]);
    }
  }
  await measureConnecting(ways, options, directory);
  await print(
    `\nMedians of ${options.rounds} runs of ${options.seconds} s; ratios are medians of the rounds' own. CPU is that of` +
      `\nthe process in between: of the router the whole agent's. The bar is ${BAR} of HAProxy, the goal ${GOAL}.\n`,
  );
}

function readOptions(args: string[]): Options | null {
  const given = parseArgs(args, {
    boolean: ["help", "idle", "failover"],
    string: ["rounds", "seconds", "clients", "scripts", "sessions", "writers"],
    alias: { help: "h" },
    default: {
      rounds: "5",
      seconds: "3",
      clients: "1,8,32,128",
      scripts: "select,tpcb",
      sessions: "5000",
      writers: "200",
    },
  });
  if (given.help) return null;
  return {
    rounds: Number(given.rounds),
    seconds: Number(given.seconds),
    clients: given.clients.split(",").map(Number),
    scripts: given.scripts.split(","),
    isIdle: given.idle === true,
    sessions: Number(given.sessions),
    isFailover: given.failover === true,
    writers: Number(given.writers),
  };
}

async function main(interrupted: Promise<never>): Promise<void> {
  const options = readOptions(Deno.args);
  if (options === null) return await print(USAGE);
  if (options.isIdle) {
    return await Promise.race([interrupted, measureIdle(options.sessions)]);
  }
  await using cluster = await startPgCluster({
    areServices: options.isFailover,
    parameters: { max_connections: `${Math.max(300, 2 * options.writers)}` },
  });
  if (options.isFailover) {
    const measuring = measureFailover(cluster, options);
    return await Promise.race([interrupted, measuring]);
  }
  await measure(cluster, options, interrupted);
}

if (import.meta.main) await runBenchmark(main);
