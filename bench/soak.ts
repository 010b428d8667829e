/**
 * Holds three nodes without PostgreSQL under a constant load for long, with watchers, leases and a node
 * that is restarted again and again, and sees that memory, open files, log and latency stay as they were
 * after a warm-up. Exits 1 where they don't.
 *
 * @module
 */
import { parseArgs } from "@std/cli";
import { startCluster } from "../tests/nodes/mod.ts";
import { type Column, figure, tableHead, tableRow } from "./figures.ts";
import { type Leases, type Leasing, startLeases } from "./soak/leases.ts";
import { fill, type Load, pause, startLoad } from "./soak/load.ts";
import { readNodes, restartRepeatedly } from "./soak/nodes.ts";
import { assess, type Row, type Slice, windowsOf } from "./soak/verdict.ts";
import {
  startWatchers,
  type Watchers,
  type Watching,
} from "./soak/watchers.ts";
import { print, runBenchmark } from "./terminal.ts";

const USAGE = `Usage: deno task bench:soak [options]

  --minutes N        how long (60)
  --rate N           calls a second: puts, reads and deletions (250)
  --watchers N       how many watch (60)
  --leases N         how many leases are held (100)
  --restart-every N  seconds from one restart of a node to the next (120)
  --dir DIR          where the nodes' stores are made (the working directory)
  --json             prints JSON
`;

const SLICE_SECONDS = 10;
const MB = 1_000_000;
const COLUMNS: readonly Column[] = [
  { title: "figure", width: 12, isText: true },
  { title: "node", width: 4 },
  { title: "after warm-up", width: 14 },
  { title: "at the end", width: 12 },
  { title: "limit", width: 12 },
  { title: "", width: 8, isText: true },
];

interface Options {
  readonly minutes: number;
  readonly rate: number;
  readonly watchers: number;
  readonly leases: number;
  readonly restartSeconds: number;
  readonly dir: string;
  readonly json: boolean;
}

function readOptions(args: string[]): Options | null {
  const given = parseArgs(args, {
    boolean: ["help", "json"],
    string: [
      "minutes",
      "rate",
      "watchers",
      "leases",
      "restart-every",
      "dir",
    ],
    alias: { help: "h" },
    default: {
      minutes: "60",
      rate: "250",
      watchers: "60",
      leases: "100",
      "restart-every": "120",
      dir: ".",
    },
  });
  if (given.help) return null;
  return {
    minutes: Number(given.minutes),
    rate: Number(given.rate),
    watchers: Number(given.watchers),
    leases: Number(given.leases),
    restartSeconds: Number(given["restart-every"]),
    dir: given.dir,
    json: given.json,
  };
}

/** What a run came to. */
interface Result {
  readonly slices: readonly Slice[];
  readonly calls: number;
  readonly failed: number;
  readonly restarts: number;
  readonly watching: Watching;
  readonly leasing: Leasing;
}

interface Parts {
  readonly load: Load;
  readonly watchers: Watchers;
  readonly leases: Leases;
}

async function soak(
  options: Options,
  interrupted: Promise<never>,
): Promise<Result> {
  await using cluster = await startCluster({ directory: options.dir });
  await cluster.leader();
  const originals = new Set(cluster.nodes.map((node) => node.process().pid));
  const { warmUpSeconds } = windowsOf(options.minutes * 60);
  await Promise.race([
    interrupted,
    fill(cluster, options.rate, warmUpSeconds),
  ]);
  const endMs = performance.now() + options.minutes * 60_000;
  const parts: Parts = {
    load: startLoad(cluster, options.rate),
    watchers: startWatchers(cluster.nodes, options.watchers),
    leases: startLeases(cluster, options.leases),
  };
  let isOver = false;
  const restarting = restartRepeatedly(
    cluster,
    options.restartSeconds * 1000,
    async (ms) => {
      const untilMs = performance.now() + ms;
      while (!isOver && performance.now() < untilMs) await pause(200);
      return !isOver;
    },
  );
  const slices: Slice[] = [];
  const startMs = performance.now();
  let restarts = 0;
  try {
    let calls = 0;
    while (performance.now() < endMs) {
      const sliceMs = startMs + (slices.length + 1) * SLICE_SECONDS * 1000;
      const waiting = pause(sliceMs - performance.now());
      // A node that does not come back ends the run.
      await Promise.race([interrupted, failureOf(restarting), waiting]);
      const latenciesMs = parts.load.takeLatencies();
      calls += latenciesMs.length;
      slices.push({
        endSeconds: (slices.length + 1) * SLICE_SECONDS,
        nodes: await readNodes(cluster, originals),
        latenciesMs,
      });
      if (!options.json) await progress(slices);
    }
    isOver = true;
    restarts = await restarting;
    return {
      slices,
      calls,
      failed: parts.load.failed(),
      restarts,
      watching: parts.watchers.seen(),
      leasing: parts.leases.seen(),
    };
  } finally {
    isOver = true;
    await Promise.all([
      parts.load.stop(),
      parts.watchers.stop(),
      parts.leases.stop(),
      restarting.catch(() => {}),
    ]);
  }
}

async function failureOf(work: Promise<unknown>): Promise<never> {
  await work;
  return await new Promise<never>(() => {});
}

/** A line a minute. */
async function progress(slices: readonly Slice[]): Promise<void> {
  const last = slices.at(-1);
  if (!last || last.endSeconds % 60 !== 0) return;
  const nodes = last.nodes.map(({ id, residentBytes, openFiles, logBytes }) =>
    `${id}: ${figure(residentBytes / MB)} MB ${openFiles} files ${
      figure(logBytes / MB)
    } MB log`
  );
  await print(`${last.endSeconds / 60} min  ${nodes.join("  ")}\n`);
}

function shown(value: number | null, unit: Row["unit"]): string {
  if (value === null) return "-";
  switch (unit) {
    case "bytes":
      return `${figure(value / MB, 1)} MB`;
    case "ms":
      return `${figure(value, 1)} ms`;
    case "files":
      return figure(value);
  }
}

async function printTable(
  rows: readonly Row[],
  { calls, failed, restarts, watching, leasing }: Result,
): Promise<void> {
  await print(tableHead(COLUMNS));
  for (const { what, node, unit, start, end, limit, isFlat } of rows) {
    await print(tableRow(COLUMNS, [
      what,
      node === null ? "all" : `${node}`,
      shown(start, unit),
      shown(end, unit),
      shown(limit, unit),
      limit === null ? "" : isFlat ? "flat" : "GROWS",
    ]));
  }
  await print(
    `${calls} calls, ${failed} failed; ${watching.events} events, ` +
      `${watching.reconnects} times watched anew; ${leasing.keptAlive} times ` +
      `kept alive, ${leasing.granted} leases; ${restarts} restarts\n`,
  );
  for (const fault of [...watching.faults, ...leasing.faults].slice(0, 20)) {
    await print(`FAULT ${fault}\n`);
  }
}

async function main(interrupted: Promise<never>): Promise<void> {
  const options = readOptions(Deno.args);
  if (options === null) return await print(USAGE);
  const result = await soak(options, interrupted);
  const windows = windowsOf(options.minutes * 60);
  const rows = assess(result.slices, windows);
  const { slices: _, ...counts } = result;
  if (options.json) {
    const body = { ...options, ...windows, rows, ...counts };
    await print(`${JSON.stringify(body, null, 2)}\n`);
  } else await printTable(rows, result);
  const { failed, watching, leasing } = result;
  const isGood = rows.length > 0 && rows.every(({ isFlat }) => isFlat) &&
    failed === 0 && watching.faults.length === 0 && leasing.faults.length === 0;
  if (!isGood) Deno.exitCode = 1;
}

if (import.meta.main) await runBenchmark(main);
