/**
 * `deno task sim`: simulates clusters under faults, one seed after the other.
 *
 * - `--seeds 200 --steps 20000` runs many seeds, `--from N` the first of them
 * - `--seed N` replays one, with a readable trace
 * - `--until-failure` ends at the first seed that fails
 * - `--ci` runs a fixed set, and a fresh seed that it prints
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { randomBelow, systemRandom } from "../base/mod.ts";
import { refuseUnknown, wholeNumber } from "./arguments.ts";
import { type SimReport, simulate } from "./run.ts";

const DEFAULT_SEEDS = 200;
const DEFAULT_STEPS = 20_000;
/** What CI runs every time, and how many seeds behind a fresh one. */
const CI_FIXED_SEEDS = 800;
const CI_FRESH_SEEDS = 300;

interface Totals {
  runs: number;
  failed: number;
  readonly sums: Map<string, number>;
  readonly faults: Map<string, number>;
}

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

interface Seeds {
  readonly from: number;
  readonly count: number;
  readonly steps: number;
  readonly untilFailure: boolean;
}

function runSeeds({ from, count, steps, untilFailure }: Seeds): Totals {
  const totals: Totals = {
    runs: 0,
    failed: 0,
    sums: new Map(),
    faults: new Map(),
  };
  for (let seed = from; seed < from + count; seed++) {
    totals.runs += 1;
    try {
      add(totals, simulate({ seed, steps }));
    } catch (error) {
      totals.failed += 1;
      print(`seed ${seed}: ${error instanceof Error ? error.stack : error}`);
      print(`replay: deno task sim --seed ${seed} --steps ${steps}`);
      if (untilFailure) break;
    }
  }
  return totals;
}

function add(totals: Totals, report: SimReport): void {
  for (const [name, value] of Object.entries(report)) {
    if (typeof value !== "number") continue;
    totals.sums.set(name, (totals.sums.get(name) ?? 0) + value);
  }
  for (const [name, times] of report.faults) {
    totals.faults.set(name, (totals.faults.get(name) ?? 0) + times);
  }
}

function printTotals(totals: Totals, tookMs: number): void {
  const sum = (name: string): number => totals.sums.get(name) ?? 0;
  const hours = sum("simulatedMs") / 3_600_000;
  const perSecond = Math.round(sum("events") / tookMs * 1000);
  print(
    `${totals.runs} runs, ${totals.failed} failed: ${hours.toFixed(1)} ` +
      `simulated hours, ${sum("events")} events (${perSecond} per second)`,
  );
  print(
    `${sum("leaderChanges")} leader changes, ` +
      `${sum("membershipChanges")} membership changes, ` +
      `${sum("snapshots")} snapshots taken and ${sum("installs")} installed, ` +
      `${sum("crashes")} crashes, ${sum("committed")} entries committed, ` +
      `${sum("calls")} client calls`,
  );
  const faults = [...totals.faults].sort(([a], [b]) => a < b ? -1 : 1);
  print(
    `faults: ${faults.map(([name, times]) => `${name} ${times}`).join(", ")}`,
  );
}

function replay(seed: number, steps: number): number {
  try {
    const report = simulate({ seed, steps, trace: print });
    print(`seed ${seed} holds: ${report.committed} entries committed`);
    return 0;
  } catch (error) {
    print(`seed ${seed}: ${error instanceof Error ? error.stack : error}`);
    return 1;
  }
}

function run(seeds: Seeds): number {
  const startedAtMs = performance.now();
  const totals = runSeeds(seeds);
  printTotals(totals, performance.now() - startedAtMs);
  return totals.failed === 0 ? 0 : 1;
}

function runCi(steps: number): number {
  const fresh = 1_000_000 + randomBelow(systemRandom(), 1_000_000_000);
  print(`fixed seeds 1 to ${CI_FIXED_SEEDS}`);
  const untilFailure = false;
  const fixedCode = run({
    from: 1,
    count: CI_FIXED_SEEDS,
    steps,
    untilFailure,
  });
  print(`fresh seeds from ${fresh}`);
  const freshCode = run({
    from: fresh,
    count: CI_FRESH_SEEDS,
    steps,
    untilFailure,
  });
  return Math.max(fixedCode, freshCode);
}

/**
 * Runs the simulator as its command line says.
 *
 * @param args What stands behind the command.
 * @returns The exit code: 0 when every promise held.
 */
export function runSimulator(args: string[]): number {
  const flags = parseArgs(args, {
    string: ["seed", "seeds", "steps", "from"],
    boolean: ["ci", "until-failure"],
    unknown: refuseUnknown,
  });
  const steps = wholeNumber("steps", flags.steps, DEFAULT_STEPS);
  if (flags.seed !== undefined) {
    return replay(wholeNumber("seed", flags.seed, 1), steps);
  }
  if (flags.ci) return runCi(steps);
  const from = wholeNumber("from", flags.from, 1);
  const count = wholeNumber("seeds", flags.seeds, DEFAULT_SEEDS);
  const untilFailure = flags["until-failure"] === true;
  return run({ from, count, steps, untilFailure });
}

if (import.meta.main) Deno.exitCode = runSimulator(Deno.args);
