/**
 * `deno task sim`: the simulators, or with `--planted` the proof of their worth. Without more it simulates
 * Raft, with `--pg` PostgreSQL's failover; `--ci` runs both.
 *
 * @module
 */
import { ArgumentsError, runSimulator } from "../sim/mod.ts";
import { runPgSimulator } from "../sim/pg/mod.ts";
import { runPlanted } from "./planted/mod.ts";

async function run(args: string[]): Promise<number> {
  if (args.includes("--planted")) return await runPlanted(args);
  if (args.includes("--pg")) return runPgSimulator(args);
  const code = runSimulator(args);
  return args.includes("--ci") ? Math.max(code, runPgSimulator(args)) : code;
}

/** What is misspelt is said in a line, and nothing is run in its place. */
async function runAsSaid(args: string[]): Promise<number> {
  try {
    return await run(args);
  } catch (error) {
    if (!(error instanceof ArgumentsError)) throw error;
    await Deno.stderr.write(new TextEncoder().encode(`${error.message}\n`));
    return 2;
  }
}

if (import.meta.main) Deno.exitCode = await runAsSaid(Deno.args);
