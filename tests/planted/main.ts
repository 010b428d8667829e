import { join } from "node:path";
import { parseArgs } from "@std/cli/parse-args";
import { PatchError, type PlantedBug } from "./patch.ts";
import { PG_BUGS } from "./pg.ts";
import { RAFT_BUGS } from "./raft.ts";
import { type Trial, tryBug } from "./trial.ts";

const BUGS = [...RAFT_BUGS, ...PG_BUGS];
const ROOT = join(import.meta.dirname ?? ".", "../..");
/** How many bugs are tried at the same time. */
const TRIALS_AT_ONCE = 2;
const MAX_SAID_CHARACTERS = 90;

/**
 * `deno task sim --planted`: plants each bug in a copy of the tree and shows how the simulator catches it;
 * names behind it choose bugs.
 *
 * @param args What stands behind the command.
 * @returns The exit code: 0 when every bug was caught.
 */
export async function runPlanted(args: string[]): Promise<number> {
  const names = parseArgs(args, { boolean: ["planted"] })._.map(String);
  const unknown = names.filter((name) => !isKnown(name));
  if (unknown.length > 0) {
    print(`No planted bug is called ${unknown.join(", ")}`);
    return 2;
  }
  const bugs = BUGS.filter(({ name }) =>
    names.length === 0 || names.includes(name)
  );
  const left = bugs[Symbol.iterator]();
  let failed = 0;
  const work = async (): Promise<void> => {
    for (const bug of left) {
      const line = await lineOf(bug);
      if (!line.caught) failed += 1;
      print(line.text);
    }
  };
  await Promise.all(Array.from({ length: TRIALS_AT_ONCE }, work));
  print(`${bugs.length} planted, ${bugs.length - failed} caught`);
  return failed === 0 ? 0 : 1;
}

function isKnown(name: string): boolean {
  return BUGS.some((bug) => bug.name === name);
}

async function lineOf(
  bug: PlantedBug,
): Promise<{ readonly caught: boolean; readonly text: string }> {
  try {
    const trial = await tryBug(ROOT, bug);
    return { caught: trial.seed !== null, text: describe(trial) };
  } catch (error) {
    if (!(error instanceof PatchError)) throw error;
    return { caught: false, text: error.message };
  }
}

function describe({ bug, seed, said, tookMs }: Trial): string {
  const found = seed === null
    ? `NOT CAUGHT in ${bug.seeds}`
    : seed === 0
    ? "a scenario"
    : `seed ${String(seed).padStart(4)} of ${bug.seeds}`;
  const seconds = (tookMs / 1000).toFixed(1).padStart(6);
  const short = said.length > MAX_SAID_CHARACTERS
    ? said.slice(0, MAX_SAID_CHARACTERS - 1) + "…"
    : said;
  return [bug.name.padEnd(38), found.padEnd(18), `${seconds} s`, short]
    .join("  ");
}

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}
