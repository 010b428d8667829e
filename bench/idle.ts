/**
 * Measures what three nodes without PostgreSQL use while nobody asks them anything: CPU of one core, and
 * resident memory.
 *
 * @module
 */
import { parseArgs } from "@std/cli";
import { startCluster } from "../tests/nodes/mod.ts";
import { type Column, figure, tableHead, tableRow } from "./figures.ts";
import { print, runBenchmark } from "./terminal.ts";
import { readUsage, type Usage } from "./usage.ts";

const USAGE = `Usage: deno task bench:idle [options]

  --seconds N      how long the nodes are watched (20)
  --settle N       how long they are left alone before (3)
  --dir DIR        where the nodes' stores are made (the working directory)
  --command WORDS  the program under test, up to "serve" (from source)
`;

const BAR_CPU_SHARE = 0.03;
const GOAL_CPU_SHARE = 0.01;
const BAR_BYTES = 120_000_000;
const GOAL_BYTES = 80_000_000;
const COLUMNS: readonly Column[] = [
  { title: "node", width: 12, isText: true },
  { title: "CPU of a core", width: 13 },
  { title: "memory MB", width: 10 },
  { title: "", width: 16, isText: true },
];

interface Options {
  readonly seconds: number;
  readonly settleSeconds: number;
  readonly dir: string;
  readonly command: string | undefined;
}

function readOptions(args: string[]): Options | null {
  const given = parseArgs(args, {
    boolean: ["help"],
    string: ["seconds", "settle", "dir", "command"],
    alias: { help: "h" },
    default: { seconds: "20", settle: "3", dir: "." },
  });
  if (given.help) return null;
  return {
    seconds: Number(given.seconds),
    settleSeconds: Number(given.settle),
    dir: given.dir,
    command: given.command,
  };
}

function verdict(value: number, bar: number, goal: number): string {
  if (value <= goal) return "goal";
  return value <= bar ? "bar" : "missed";
}

function row(
  name: string,
  before: Usage,
  after: Usage,
  tookSeconds: number,
): string {
  const share = (after.cpuSeconds - before.cpuSeconds) / tookSeconds;
  const bytes = after.residentBytes;
  return tableRow(COLUMNS, [
    name,
    `${figure(share * 100, 2)}%`,
    figure(bytes / 1_000_000),
    `${verdict(share, BAR_CPU_SHARE, GOAL_CPU_SHARE)}, ` +
    verdict(bytes, BAR_BYTES, GOAL_BYTES),
  ]);
}

function pass(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}

async function main(interrupted: Promise<never>): Promise<void> {
  const options = readOptions(Deno.args);
  if (options === null) return await print(USAGE);
  await using cluster = await startCluster({
    directory: options.dir,
    ...(options.command === undefined
      ? {}
      : { command: options.command.split(" ") }),
  });
  const leader = await cluster.leader();
  const pids = cluster.nodes.map((node) => node.process().pid);
  await Promise.race([interrupted, pass(options.settleSeconds)]);
  const startMs = performance.now();
  const before = await readUsage(pids);
  await Promise.race([interrupted, pass(options.seconds)]);
  const after = await readUsage(pids);
  const tookSeconds = (performance.now() - startMs) / 1000;
  await print(tableHead(COLUMNS));
  for (const [at, node] of cluster.nodes.entries()) {
    const [first, last] = [before[at], after[at]];
    if (first === undefined || last === undefined) continue;
    const role = node === leader ? "leader" : "follower";
    await print(row(`${node.id} ${role}`, first, last, tookSeconds));
  }
  await print("bars: 3% and 120 MB; goals: 1% and 80 MB\n");
}

if (import.meta.main) await runBenchmark(main);
