/**
 * Runs the tests and closes with their counts, alone on the last line.
 *
 * Arguments go to `deno test`: `deno task test raft/core`, `deno task test --filter vote`. Test files
 * run one after the other: those that start real processes and databases would starve each other.
 *
 * @module
 */
import { join } from "node:path";
import { judge, readReport, type Verdict } from "./report.ts";

async function run(args: readonly string[]): Promise<Verdict> {
  const directory = await Deno.makeTempDir({ prefix: "pgraft-tests-" });
  try {
    const path = join(directory, "report.xml");
    const child = new Deno.Command(Deno.execPath(), {
      args: ["test", "-A", "--doc", `--junit-path=${path}`, ...args],
      stdin: "null",
    }).spawn();
    const { code } = await child.status;
    return judge(readReport(await textOf(path)), code, isStrict());
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** No report is written when a file cannot be loaded or compiled. */
async function textOf(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

function isStrict(): boolean {
  return ["true", "1"].includes(Deno.env.get("CI") ?? "");
}

if (import.meta.main) {
  const { lines, code } = await run(Deno.args);
  await new Blob([`\n${lines.join("\n")}\n`]).stream().pipeTo(
    Deno.stdout.writable,
    { preventClose: true },
  );
  Deno.exitCode = code;
}
