/**
 * `deno task sim --pg`: simulates PostgreSQL's failover under faults, one seed after the other.
 *
 * - `--seeds 200` runs many seeds, `--from N` the first of them
 * - `--seed N` replays one, with a readable trace
 * - `--until-failure` ends at the first seed that fails
 * - `--ci` runs a fixed set, and a fresh seed that it prints
 * - `--scenarios` plays the runs of events that the rules were made for
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { randomBelow, systemRandom } from "../../base/mod.ts";
import { refuseUnknown, wholeNumber } from "../arguments.ts";
import { simulatePg } from "./run.ts";
import { runScenario, SCENARIOS } from "./scenarios.ts";

const DEFAULT_SEEDS = 200;
/** What CI runs every time, and how many seeds behind a fresh one. */
const CI_FIXED_SEEDS = 100;
const CI_FRESH_SEEDS = 40;

interface Totals {
  runs: number;
  failed: number;
  simulatedMs: number;
  events: number;
  readonly counts: Map<string, number>;
}

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

/** Which seeds to run. */
export interface PgSeeds {
  readonly from: number;
  readonly seeds: number;
  readonly untilFailure: boolean;
  /** No further seed begins after so long. */
  readonly budgetMs: number;
}

/** Runs seeds and prints what they did; returns how many failed. */
export function runPgSeeds(options: PgSeeds): number {
  const { from, seeds, untilFailure, budgetMs } = options;
  const startedAtMs = performance.now();
  const totals: Totals = {
    runs: 0,
    failed: 0,
    simulatedMs: 0,
    events: 0,
    counts: new Map(),
  };
  for (let seed = from; seed < from + seeds; seed++) {
    if (performance.now() - startedAtMs > budgetMs) break;
    totals.runs += 1;
    if (!runOne(seed, totals)) {
      totals.failed += 1;
      if (untilFailure) break;
    }
  }
  printTotals(totals, performance.now() - startedAtMs);
  return totals.failed;
}

function runOne(seed: number, totals: Totals): boolean {
  try {
    const { simulatedMs, events, counts } = simulatePg({ seed });
    totals.simulatedMs += simulatedMs;
    totals.events += events;
    for (const [name, times] of counts) {
      totals.counts.set(name, (totals.counts.get(name) ?? 0) + times);
    }
    return true;
  } catch (error) {
    print(`seed ${seed}: ${error instanceof Error ? error.stack : error}`);
    print(`replay: deno task sim --pg --seed ${seed}`);
    return false;
  }
}

function printTotals(totals: Totals, tookMs: number): void {
  const { runs, failed, simulatedMs, events, counts } = totals;
  const hours = (simulatedMs / 3_600_000).toFixed(1);
  const perSecond = Math.round(events / tookMs * 1000);
  print(
    `${runs} runs, ${failed} failed: ${hours} simulated hours, ` +
      `${events} events (${perSecond} per second)`,
  );
  const sorted = [...counts].sort(([a], [b]) => a < b ? -1 : 1);
  print(sorted.map(([name, times]) => `${name} ${times}`).join(", "));
}

function replay(seed: number): number {
  try {
    simulatePg({ seed, trace: print });
    print(`seed ${seed} holds`);
    return 0;
  } catch (error) {
    print(`seed ${seed}: ${error instanceof Error ? error.stack : error}`);
    return 1;
  }
}

function runCi(): number {
  const fresh = 1_000_000 + randomBelow(systemRandom(), 1_000_000_000);
  const options = { untilFailure: false, budgetMs: Infinity };
  print(`PostgreSQL: fixed seeds 1 to ${CI_FIXED_SEEDS}`);
  const fixed = runPgSeeds({ ...options, from: 1, seeds: CI_FIXED_SEEDS });
  print(`PostgreSQL: fresh seeds from ${fresh}`);
  const others = runPgSeeds({
    ...options,
    from: fresh,
    seeds: CI_FRESH_SEEDS,
  });
  return fixed + others === 0 ? 0 : 1;
}

/** Said like a seed that fails, so that a planted bug counts as caught by one. */
function playScenarios(): number {
  let failed = 0;
  for (const scenario of SCENARIOS) {
    try {
      runScenario(scenario);
    } catch (error) {
      failed += 1;
      const said = error instanceof Error ? error.message : String(error);
      print(`seed 0: ${scenario.name}: ${said}`);
    }
  }
  print(`${SCENARIOS.length} scenarios, ${failed} failed`);
  return failed;
}

/**
 * Runs the simulator of failover as its command line says.
 *
 * @param args What stands behind the command.
 * @returns The exit code: 0 when every promise held.
 */
export function runPgSimulator(args: string[]): number {
  const flags = parseArgs(args, {
    string: ["seed", "seeds", "from", "budget-ms"],
    boolean: ["pg", "until-failure", "ci", "scenarios"],
    unknown: refuseUnknown,
  });
  if (flags.scenarios) {
    const broken = playScenarios();
    if (broken > 0 || flags.seeds === undefined) return Math.min(1, broken);
  }
  if (flags.ci) return runCi();
  if (flags.seed !== undefined) {
    return replay(wholeNumber("seed", flags.seed, 1));
  }
  const failed = runPgSeeds({
    from: wholeNumber("from", flags.from, 1),
    seeds: wholeNumber("seeds", flags.seeds, DEFAULT_SEEDS),
    untilFailure: flags["until-failure"] === true,
    budgetMs: wholeNumber("budget-ms", flags["budget-ms"], Infinity),
  });
  return failed === 0 ? 0 : 1;
}

if (import.meta.main) Deno.exitCode = runPgSimulator(Deno.args);
