import { dirname, join } from "node:path";
import { patchedFiles, type PlantedBug } from "./patch.ts";

/** What a simulation needs of the tree. */
const NEEDED = ["base", "pg", "raft", "sim", "std", "deno.json", "deno.lock"];
const DEFAULT_STEPS = 20_000;
/** A mistake that makes the simulator run for ever is no longer waited for. */
const TRIAL_TIMEOUT_MS = 600_000;

/** What came of a bug. */
export interface Trial {
  readonly bug: PlantedBug;
  /** The seed that caught it, 0 for a scenario, or null. */
  readonly seed: number | null;
  /** The first line of what the simulator said; or why it said nothing. */
  readonly said: string;
  readonly tookMs: number;
}

/**
 * Plants a bug in a copy of the tree and simulates that, seed by seed.
 *
 * @param root Where the tree is.
 * @param bug What to plant.
 * @returns Whether and how it was caught.
 * @throws {PatchError} When the bug does not fit the tree.
 */
export async function tryBug(root: string, bug: PlantedBug): Promise<Trial> {
  const startedAtMs = performance.now();
  const copy = await Deno.makeTempDir({ prefix: "pgraft-planted-" });
  try {
    await plant(root, copy, bug);
    const output = await simulate(copy, bug);
    return judge(bug, output, performance.now() - startedAtMs);
  } finally {
    await Deno.remove(copy, { recursive: true });
  }
}

async function plant(
  root: string,
  copy: string,
  bug: PlantedBug,
): Promise<void> {
  const files = await patchedFiles(
    bug,
    (file) => Deno.readTextFile(join(root, file)),
  );
  for (const name of NEEDED) await copyTree(join(root, name), join(copy, name));
  for (const [file, text] of files) {
    await Deno.writeTextFile(join(copy, file), text);
  }
}

async function copyTree(from: string, to: string): Promise<void> {
  const { isDirectory } = await Deno.stat(from);
  if (!isDirectory) {
    await Deno.mkdir(dirname(to), { recursive: true });
    await Deno.copyFile(from, to);
    return;
  }
  for await (const { name } of Deno.readDir(from)) {
    await copyTree(join(from, name), join(to, name));
  }
}

async function simulate(copy: string, bug: PlantedBug): Promise<string> {
  const { seeds, steps = DEFAULT_STEPS, simulator = "raft" } = bug;
  const which = simulator === "pg"
    ? ["sim/pg/main.ts", "--scenarios"]
    : ["sim/main.ts", "--steps", String(steps)];
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", ...which],
      ...["--until-failure", "--seeds", String(seeds)],
    ],
    cwd: copy,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stderr: "piped",
    signal: AbortSignal.timeout(TRIAL_TIMEOUT_MS),
  });
  const { stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  return decoder.decode(stdout) + decoder.decode(stderr);
}

/** Only the report of a seed counts as caught: a copy that does not even start is a failure. */
function judge(bug: PlantedBug, output: string, tookMs: number): Trial {
  const caught = /^seed (\d+): (.*)$/m.exec(output);
  const said = caught?.[2] ?? output.trim().split("\n").at(0) ?? "";
  const fits = caught !== null && said.includes(bug.says ?? "");
  return { bug, seed: fits ? Number(caught[1]) : null, said, tookMs };
}
