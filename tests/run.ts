/**
 * Runs the tests and closes with their counts, alone on the last line.
 *
 * Arguments go to `deno test`: `deno task test raft/core`, `deno task test --filter vote`. Without any, what
 * only computes runs beside what mostly waits for disks and PostgreSQL; then the whole-system tests run one
 * file after the other: real processes and databases would starve each other. Where no PostgreSQL is
 * installed, they find one from npm; those that need a program which that lacks are skipped.
 *
 * @module
 */
import { join } from "node:path";
import { InstanceError } from "../pg/instance/mod.ts";
import { sharePostgres } from "../server/ha/mod.ts";
import { judge, readReport, type Run, type Verdict } from "./report.ts";

/** Folders whose tests need a processor and little else. */
const COMPUTING = ["base", "bench", "examples", "raft", "sim", "std"];
/** The folder of the whole-system tests. */
const WHOLE = "tests";

async function run(args: readonly string[]): Promise<Verdict> {
  const directory = await Deno.makeTempDir({ prefix: "pgraft-tests-" });
  try {
    const place = { directory, path: await pathWithPostgres(directory) };
    const runs = args.length > 0
      ? [await runTests(place, "all", args)]
      : await runAll(place);
    return judge(runs, isStrict());
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** Where reports go, and where programs are found. */
interface Place {
  readonly directory: string;
  readonly path: string;
}

async function runAll(place: Place): Promise<Run[]> {
  const others = `--ignore=${[...COMPUTING, WHOLE].join(",")}`;
  const first = await Promise.all([
    runTests(place, "others", [others]),
    runTests(place, "computing", COMPUTING, { quietly: true }),
  ]);
  return [...first, await runTests(place, "whole", [WHOLE])];
}

/** Runs some; quietly: what they say comes when they are over, not in between what others say. */
async function runTests(
  { directory, path }: Place,
  name: string,
  args: readonly string[],
  { quietly = false }: { readonly quietly?: boolean } = {},
): Promise<Run> {
  const report = join(directory, `${name}.xml`);
  const said = join(directory, `${name}.txt`);
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", "--doc", `--junit-path=${report}`, ...args],
    stdin: "null",
    stdout: quietly ? "piped" : "inherit",
    stderr: quietly ? "piped" : "inherit",
    env: { PATH: path },
  }).spawn();
  if (quietly) await keep(child, said);
  const { code } = await child.status;
  if (quietly) await print(await Deno.readTextFile(said));
  return { report: readReport(await textOf(report)), exitCode: code };
}

/** Writes down what a program says, on either way. */
async function keep(child: Deno.ChildProcess, path: string): Promise<void> {
  using file = await Deno.open(path, { create: true, append: true });
  const take = async (stream: ReadableStream<Uint8Array>): Promise<void> => {
    for await (const piece of stream) await writeAll(file, piece);
  };
  await Promise.all([take(child.stdout), take(child.stderr)]);
}

async function writeAll(file: Deno.FsFile, piece: Uint8Array): Promise<void> {
  for (let at = 0; at < piece.length;) {
    at += await file.write(piece.subarray(at));
  }
}

async function print(text: string): Promise<void> {
  await new Blob([text]).stream().pipeTo(Deno.stdout.writable, {
    preventClose: true,
  });
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
  await print(`\n${lines.join("\n")}\n`);
  Deno.exitCode = code;
}
