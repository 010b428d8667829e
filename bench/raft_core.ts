/**
 * `deno task bench:raft-core`: measures the Raft library on this machine, medians of several rounds with
 * the smallest and the largest beside them.
 *
 * Proposals go through three nodes, core and driver each, in one thread: messages and writes to disk
 * are calls in a queue, so this is what the library's own work costs. It counts proposals that were
 * answered, which all three nodes apply. The file store is measured through a whole `RaftServer`
 * that is a group of its own. `--dir PATH` says which disk; `--rounds N` how often.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { simulate } from "../sim/mod.ts";
import {
  inDirectory,
  proposalsPerSecond,
  rawSyncsPerSecond,
  startLoneNode,
} from "./raft/files.ts";
import { createGroup, finish, proposeBatch } from "./raft/group.ts";
import { proposedBytes, recoveredBytes } from "./raft/memory.ts";
import { recover, VALUE_BYTES, writePuts } from "./raft/recovery.ts";
import { print, ratePerSecond, rounds, row } from "./raft/stats.ts";

const DEFAULT_ROUNDS = 5;
const ROUND_MS = 700;
const BATCHES: readonly number[] = [1, 64, 1024];
const CONCURRENT: readonly number[] = [1, 16, 256];
const ENTRIES = 100_000;
const SIM_STEPS = 20_000;
const SIM_SEEDS_PER_ROUND = 5;

async function benchProposals(count: number): Promise<void> {
  print("Proposals applied on all of three nodes in one thread, per second");
  for (const size of BATCHES) {
    const values = await rounds(count, () => {
      const group = createGroup();
      const rate = ratePerSecond(ROUND_MS, () => {
        proposeBatch(group, size);
        return size;
      });
      if (!finish(group)) throw new Error("The nodes differ");
      return rate;
    });
    const bar = size === 64 ? ", bar 150,000" : "";
    print(row(`  in batches of ${size}${bar}`, values, "/s"));
  }
}

async function benchFiles(directory: string, count: number): Promise<void> {
  print("A group of one over files, every proposal synced before its answer");
  const raw: number[] = [];
  const rates = new Map<number, number[]>(CONCURRENT.map((n) => [n, []]));
  const server = await startLoneNode(`${directory}/log`);
  try {
    for (let round = 0; round < count; round++) {
      raw.push(await rawSyncsPerSecond(directory, ROUND_MS));
      for (const [concurrent, values] of rates) {
        values.push(await proposalsPerSecond(server, concurrent, ROUND_MS));
      }
    }
  } finally {
    await server.stop();
  }
  print(row("  one page written and synced", raw, "/s"));
  for (const [concurrent, values] of rates) {
    print(row(`  ${concurrent} proposals under way`, values, "/s"));
    const ratios = values.map((value, at) => value / (raw[at] ?? NaN));
    print(row("    for each raw sync", ratios, "  ", 2));
  }
}

async function benchRecovery(directory: string, count: number): Promise<void> {
  print(`A log of ${ENTRIES} puts of ${VALUE_BYTES} bytes, on disk`);
  await writePuts(directory, ENTRIES);
  const opens: number[] = [];
  const totals: number[] = [];
  for (let round = 0; round < count; round++) {
    const { openMs, totalMs } = await recover(directory, ENTRIES);
    opens.push(openMs);
    totals.push(totalMs);
  }
  print(row("  read and checked", opens, "ms"));
  print(row("  and applied to a key-value store, bar 1,000", totals, "ms"));
  const megabytes = (bytes: number): number => bytes / 1e6;
  const read = await rounds(count, () => recoveredBytes(directory));
  print(row("  in memory, as read from disk", read.map(megabytes), "MB", 1));
  const made = await rounds(count, () => proposedBytes(ENTRIES, VALUE_BYTES));
  print(row("  in memory, as proposed", made.map(megabytes), "MB", 1));
}

async function benchSimulator(count: number): Promise<void> {
  print(`The simulator, ${SIM_SEEDS_PER_ROUND} seeds of ${SIM_STEPS} steps`);
  const values = await rounds(count, () => {
    const startMs = performance.now();
    let events = 0;
    for (let seed = 1; seed <= SIM_SEEDS_PER_ROUND; seed++) {
      events += simulate({ seed, steps: SIM_STEPS }).events;
    }
    return events / (performance.now() - startMs) * 1000;
  });
  print(row("  events, with every check", values, "/s"));
}

async function main(args: string[]): Promise<void> {
  const flags = parseArgs(args, { string: ["dir", "rounds"] });
  const count = Number(flags.rounds ?? DEFAULT_ROUNDS);
  await benchProposals(count);
  await inDirectory(flags.dir, (path) => benchFiles(path, count));
  await inDirectory(flags.dir, (path) => benchRecovery(path, count));
  await benchSimulator(count);
}

if (import.meta.main) await main(Deno.args);
