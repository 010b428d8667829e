/**
 * Measures replicated puts and linearizable reads over HTTP, three nodes with fsync in processes of their
 * own, on the leader and on a follower; against etcd with the same bodies where it is on PATH.
 *
 * wrk makes the load where it is on PATH. It corrects its latencies for requests that a slow answer kept
 * back, for both sides alike.
 *
 * @module
 */
import { parseArgs } from "@std/cli";
import { startCluster } from "../tests/nodes/mod.ts";
import { startEtcd, type Subject } from "./etcd.ts";
import { type Column, figure, median, tableHead, tableRow } from "./figures.ts";
import {
  isOnPath,
  type LoadFigures,
  type LoadKind,
  type LoadProgram,
  runLoad,
} from "./load.ts";
import { print, runBenchmark } from "./terminal.ts";
import { readUsage, sumCpuSeconds, type Usage } from "./usage.ts";

const USAGE = `Usage: deno task bench:raft [options]

  --rounds N         rounds whose median is printed (3)
  --seconds N        how long each load lasts (4)
  --warm N           requests of each load before what is measured of it (50000)
  --connections LIST how many at a time (1,16,64,256)
  --loads LIST       of put:leader, put:follower, range:leader, range:follower (all)
  --dir DIR          where the nodes' stores are made (the working directory)
  --command WORDS    the program under test, up to "serve" (from source)
  --only NAME        pgraft or etcd alone
`;

interface Options {
  readonly rounds: number;
  readonly seconds: number;
  readonly warmRequests: number;
  readonly connections: readonly number[];
  readonly loads: readonly string[];
  readonly dir: string;
  readonly command: string | undefined;
  readonly only: string | undefined;
}

/** One load and what it came to, round by round. */
interface Measured {
  readonly figures: LoadFigures[];
  readonly cpuPer1000: number[];
}

const ALL_LOADS = [
  "put:leader",
  "put:follower",
  "range:leader",
  "range:follower",
];
const FILLING_CONNECTIONS = 64;
const COLUMNS: readonly Column[] = [
  { title: "load", width: 14, isText: true },
  { title: "conns", width: 5 },
  { title: "", width: 6, isText: true },
  { title: "per s", width: 8 },
  { title: "p50 ms", width: 8 },
  { title: "p99 ms", width: 8 },
  { title: "max ms", width: 8 },
  { title: "CPU s/1000", width: 10 },
  { title: "35-60 ms", width: 8 },
  { title: "errors", width: 6 },
];

function readOptions(args: string[]): Options | null {
  const given = parseArgs(args, {
    boolean: ["help"],
    string: [
      ...["rounds", "seconds", "warm", "connections", "loads"] as const,
      ...["dir", "command", "only"] as const,
    ],
    alias: { help: "h" },
    default: {
      rounds: "3",
      seconds: "4",
      warm: "50000",
      connections: "1,16,64,256",
      loads: ALL_LOADS.join(","),
      dir: ".",
    },
  });
  if (given.help) return null;
  return {
    rounds: Number(given.rounds),
    seconds: Number(given.seconds),
    warmRequests: Number(given.warm),
    connections: given.connections.split(",").map(Number),
    loads: given.loads.split(","),
    dir: given.dir,
    command: given.command,
    only: given.only,
  };
}

async function startOurs(options: Options, dir: string): Promise<Subject> {
  const cluster = await startCluster({
    directory: dir,
    // As etcd is: both wait for processors alike.
    flags: { "node-nice": "0" },
    ...(options.command === undefined
      ? {}
      : { command: options.command.split(" ") }),
  });
  const leader = await cluster.leader();
  return {
    name: "pgraft",
    pids: cluster.nodes.map((node) => node.process().pid),
    api: async (role) => {
      const now = await cluster.leader();
      if (now !== leader) await print(`The leader changed to node ${now.id}\n`);
      const follower = cluster.nodes.find((node) => node !== now) ?? now;
      return role === "leader" ? now.api : follower.api;
    },
    [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose](),
  };
}

async function startSubjects(
  options: Options,
  dir: string,
  stack: AsyncDisposableStack,
): Promise<Subject[]> {
  const subjects: Subject[] = [];
  if (options.only !== "etcd") {
    subjects.push(stack.use(await startOurs(options, dir)));
  }
  if (options.only !== "pgraft" && isOnPath("etcd")) {
    subjects.push(stack.use(await startEtcd(dir)));
  }
  return subjects;
}

/** Fills the stores, so that reads find their keys. */
async function fill(
  subjects: readonly Subject[],
  program: LoadProgram,
  options: Options,
): Promise<void> {
  const load = {
    connections: FILLING_CONNECTIONS,
    seconds: options.seconds,
    seed: 0,
  };
  for (const subject of subjects) {
    for (const role of ["leader", "follower"] as const) {
      const api = await subject.api(role);
      await runLoad(program, { ...load, api, kind: "put", order: "walk" });
      await runLoad(program, { ...load, api, kind: "range", order: "walk" });
    }
  }
}

/**
 * Measures every subject in every round before the next load, so that the machine's moods hit all alike. A node
 * that serves for years has long compiled what it serves with, and compiles anew for another load: that comes
 * before what is measured.
 */
async function measureLoad(
  subjects: readonly Subject[],
  program: LoadProgram,
  options: Options,
  load: string,
  connections: number,
): Promise<Measured[]> {
  const [kind, role] = parseLoad(load);
  const run = async (
    subject: Subject,
    seconds: number,
    seed: number,
  ): Promise<LoadFigures> => {
    const api = await subject.api(role);
    const order = "random";
    return await runLoad(program, {
      ...{ api, kind, order, connections, seconds, seed },
    });
  };
  for (const subject of subjects) {
    for (let left = options.warmRequests; left > 0;) {
      const { requests } = await run(subject, options.seconds, 0);
      if (requests === 0) throw new Error(`${subject.name} answers nothing`);
      left -= requests;
    }
  }
  const measured = subjects.map(() => ({ figures: [], cpuPer1000: [] }));
  for (let seed = 1; seed <= options.rounds; seed++) {
    for (const [at, subject] of subjects.entries()) {
      const before = await readUsage(subject.pids);
      const figures = await run(subject, options.seconds, seed);
      const after = await readUsage(subject.pids);
      const cpuSeconds = sumCpuSeconds(after) - sumCpuSeconds(before);
      const one: Measured | undefined = measured[at];
      one?.figures.push(figures);
      one?.cpuPer1000.push(cpuSeconds / figures.requests * 1000);
    }
  }
  return measured;
}

function parseLoad(load: string): [LoadKind, "leader" | "follower"] {
  const [kind, role] = load.split(":");
  if (
    (kind === "put" || kind === "range") &&
    (role === "leader" || role === "follower")
  ) {
    return [kind, role];
  }
  throw new Error(`No load ${load}; loads are ${ALL_LOADS.join(", ")}`);
}

/** What is printed of a load: the medians of its rounds, but all errors and the worst maximum. */
function summarise({ figures, cpuPer1000 }: Measured): Summary {
  const middle = (name: keyof LoadFigures): number =>
    median(figures.map((one) => one[name]));
  return {
    perSecond: middle("perSecond"),
    p50Ms: middle("p50Ms"),
    p99Ms: middle("p99Ms"),
    maxMs: Math.max(...figures.map(({ maxMs }) => maxMs)),
    cpuPer1000: median(cpuPer1000),
    cliffShare: middle("cliffShare"),
    errors: figures.reduce((sum, { errors }) => sum + errors, 0),
  };
}

interface Summary {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly cpuPer1000: number;
  readonly cliffShare: number;
  readonly errors: number;
}

function summaryRow(name: string, one: Summary, label: string[]): string {
  return tableRow(COLUMNS, [
    ...label,
    name,
    figure(one.perSecond),
    figure(one.p50Ms, 2),
    figure(one.p99Ms, 2),
    figure(one.maxMs, 1),
    figure(one.cpuPer1000, 3),
    `${figure(one.cliffShare * 100, 2)}%`,
    figure(one.errors),
  ]);
}

function ratioRow(ours: Summary, theirs: Summary): string {
  const ratio = (name: keyof Summary): string =>
    `${figure(ours[name] / theirs[name], 2)}x`;
  return tableRow(COLUMNS, [
    ...["", "", "ratio"],
    ratio("perSecond"),
    ratio("p50Ms"),
    ratio("p99Ms"),
    ratio("maxMs"),
    ratio("cpuPer1000"),
  ]);
}

async function measureAll(
  subjects: readonly Subject[],
  program: LoadProgram,
  options: Options,
): Promise<void> {
  await fill(subjects, program, options);
  await print(tableHead(COLUMNS));
  for (const load of options.loads) {
    for (const connections of options.connections) {
      const summaries = (await measureLoad(
        ...[subjects, program, options, load, connections] as const,
      )).map(summarise);
      for (const [at, one] of summaries.entries()) {
        const label = at === 0 ? [load, String(connections)] : ["", ""];
        await print(summaryRow(subjects[at]?.name ?? "", one, label));
      }
      const [ours, theirs] = summaries;
      if (ours && theirs) await print(ratioRow(ours, theirs));
    }
  }
  for (const { name, pids } of subjects) {
    await print(memoryLine(name, await readUsage(pids)));
  }
}

function memoryLine(name: string, usages: readonly Usage[]): string {
  const megabytes = usages.map(({ residentBytes }) =>
    figure(residentBytes / 1_000_000)
  );
  return `Resident memory of ${name}'s nodes: ${megabytes.join(", ")} MB\n`;
}

async function main(interrupted: Promise<never>): Promise<void> {
  const options = readOptions(Deno.args);
  if (options === null) return await print(USAGE);
  await using stack = new AsyncDisposableStack();
  const dir = await Deno.makeTempDir({ dir: options.dir, prefix: ".bench-" });
  stack.defer(() => Deno.remove(dir, { recursive: true }));
  const subjects = await startSubjects(options, dir, stack);
  const program = isOnPath("wrk") ? "wrk" : "deno";
  await print(
    `${options.rounds} rounds of ${options.seconds} s; load by ${program}; ` +
      `medians, of the maximum the largest\n`,
  );
  await Promise.race([interrupted, measureAll(subjects, program, options)]);
}

if (import.meta.main) await runBenchmark(main);
