/**
 * Measures how long writes stand still when a leader of three is killed, is frozen, or hands its
 * leadership over: a client writes every few milliseconds through the surviving nodes in turn. For a
 * death or a freeze the time runs from the signal to the next acknowledged put; for a transfer, during
 * which writes may go on, it is the longest time without an acknowledgement.
 *
 * @module
 */
import { parseArgs } from "@std/cli";
import { type Clock, systemClock } from "../base/mod.ts";
import {
  type Cluster,
  type ClusterNode,
  startCluster,
  until,
} from "../tests/nodes/mod.ts";
import {
  type Column,
  figure,
  quantile,
  tableHead,
  tableRow,
} from "./figures.ts";
import { print, runBenchmark } from "./terminal.ts";
import {
  type Acknowledged,
  longestSilence,
  startWriteProbe,
  type WriteProbe,
} from "./write_probe.ts";

const USAGE = `Usage: deno task bench:election [options]

  --rounds N       rounds of each fault (20)
  --faults LIST    of kill, freeze, transfer (all)
  --dir DIR        where the nodes' stores are made (the working directory)
  --command WORDS  the program under test, up to "serve" (from source)
`;

interface Options {
  readonly rounds: number;
  readonly faults: readonly string[];
  readonly dir: string;
  readonly command: string | undefined;
}

/** A fault of the leader; the node is up again or about to be when its round is over. */
interface Fault {
  readonly name: string;
  readonly barMs: number;
  /** Measures one round; returns milliseconds. */
  run(round: Round): Promise<number>;
}

interface Round {
  readonly cluster: Cluster;
  readonly leader: ClusterNode;
  readonly survivors: readonly ClusterNode[];
}

const FIRST_WRITES = 20;
const GAP_TIMEOUT_MS = 30_000;
const clock: Clock = systemClock();
const COLUMNS: readonly Column[] = [
  { title: "leader's fault", width: 14, isText: true },
  { title: "rounds", width: 6 },
  { title: "median", width: 8 },
  { title: "p95", width: 8 },
  { title: "max ms", width: 8 },
  { title: "bar", width: 8 },
  { title: "", width: 8, isText: true },
];

const FAULTS: readonly Fault[] = [
  { name: "kill", barMs: 150, run: runKill },
  { name: "freeze", barMs: 1600, run: runFreeze },
  { name: "transfer", barMs: 50, run: runTransfer },
];

/** Writes through some nodes, first for a while without a fault. */
async function startWriting(
  nodes: readonly ClusterNode[],
): Promise<WriteProbe> {
  const clients = nodes.map(({ client }) => client);
  const probe = startWriteProbe({ clients, clock });
  await until(() => probe.acknowledged().length >= FIRST_WRITES || null, {
    what: `${FIRST_WRITES} puts are acknowledged`,
  });
  return probe;
}

/** Waits for a put that was sent after a moment; one that was sent before may have been committed then. */
function firstSentAfter(
  probe: WriteProbe,
  sinceMs: number,
): Promise<Acknowledged> {
  return until(
    () => probe.acknowledged().find(({ sentMs }) => sentMs > sinceMs) ?? null,
    { what: "a put is acknowledged again", timeoutMs: GAP_TIMEOUT_MS },
  );
}

async function measureLoss(
  { survivors }: Round,
  fault: () => void,
): Promise<number> {
  await using probe = await startWriting(survivors);
  const startMs = clock.nowMs();
  fault();
  return (await firstSentAfter(probe, startMs)).ackMs - startMs;
}

async function runKill(round: Round): Promise<number> {
  const { leader } = round;
  const gapMs = await measureLoss(
    round,
    () => leader.process().signal("SIGKILL"),
  );
  await leader.kill();
  leader.restart();
  return gapMs;
}

async function runFreeze(round: Round): Promise<number> {
  try {
    return await measureLoss(round, () => round.leader.freeze());
  } finally {
    round.leader.thaw();
  }
}

async function runTransfer({ cluster, leader }: Round): Promise<number> {
  await using probe = await startWriting(cluster.nodes);
  const startMs = clock.nowMs();
  const answer = await leader.client.request("POST", "/v1/transfer", {});
  const endMs = clock.nowMs();
  if (answer.kind !== "ok") {
    throw new Error(`The transfer failed: ${answer.code}, ${answer.detail}`);
  }
  await firstSentAfter(probe, endMs);
  return longestSilence(probe.acknowledged(), startMs, endMs).lengthMs;
}

async function runRounds(
  cluster: Cluster,
  fault: Fault,
  rounds: number,
): Promise<void> {
  const timesMs: number[] = [];
  for (let round = 0; round < rounds; round++) {
    await cluster.ready();
    const leader = await cluster.leader();
    const survivors = cluster.nodes.filter((node) => node !== leader);
    timesMs.push(await fault.run({ cluster, leader, survivors }));
  }
  const middleMs = quantile(timesMs, 0.5);
  await print(tableRow(COLUMNS, [
    fault.name,
    String(timesMs.length),
    figure(middleMs),
    figure(quantile(timesMs, 0.95)),
    figure(quantile(timesMs, 1)),
    figure(fault.barMs),
    middleMs <= fault.barMs ? "reached" : "missed",
  ]));
}

function readOptions(args: string[]): Options | null {
  const given = parseArgs(args, {
    boolean: ["help"],
    string: ["rounds", "faults", "dir", "command"],
    alias: { help: "h" },
    default: {
      rounds: "20",
      faults: FAULTS.map(({ name }) => name).join(","),
      dir: ".",
    },
  });
  if (given.help) return null;
  return {
    rounds: Number(given.rounds),
    faults: given.faults.split(","),
    dir: given.dir,
    command: given.command,
  };
}

async function measureAll(cluster: Cluster, options: Options): Promise<void> {
  await print(tableHead(COLUMNS));
  for (const fault of FAULTS) {
    if (!options.faults.includes(fault.name)) continue;
    await runRounds(cluster, fault, options.rounds);
  }
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
  await Promise.race([interrupted, measureAll(cluster, options)]);
}

if (import.meta.main) await runBenchmark(main);
