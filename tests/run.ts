/**
 * Runs the tests and closes with their counts, alone on the last line.
 *
 * Arguments go to `deno test`: `deno task test raft/core`, `deno task test --filter vote`. Test files
 * run one after the other: those that start real processes and databases would starve each other. Where no
 * PostgreSQL is installed, they find one from npm; those that need a program which that lacks are skipped.
 *
 * @module
 */
import { join } from "node:path";
import { InstanceError } from "../pg/instance/mod.ts";
import { sharePostgres } from "../server/ha/mod.ts";
import { judge, readReport, type Verdict } from "./report.ts";

async function run(args: readonly string[]): Promise<Verdict> {
  const directory = await Deno.makeTempDir({ prefix: "pgraft-tests-" });
  try {
    const path = join(directory, "report.xml");
    const child = new Deno.Command(Deno.execPath(), {
      args: ["test", "-A", "--doc", `--junit-path=${path}`, ...args],
      stdin: "null",
      env: { PATH: await pathWithPostgres(directory) },
    }).spawn();
    const { code } = await child.status;
    return judge(readReport(await textOf(path)), code, isStrict());
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** What is installed comes first; one from npm is found last of all, by its place in PATH. */
async function pathWithPostgres(directory: string): Promise<string> {
  // PostgreSQL's user must come through.
  await Deno.chmod(directory, 0o711);
  const path = Deno.env.get("PATH") ?? "";
  try {
    const found = await sharePostgres({
      major: null,
      directory,
      osUser: "postgres",
      onProgress: () => {},
    });
    return found.isFromNpm ? `${path}:${found.binDir}` : path;
  } catch (error) {
    // Those that need one will say so; most do not.
    if (error instanceof InstanceError) return path;
    throw error;
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
