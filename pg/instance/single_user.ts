import { join } from "node:path";
import type { Place } from "./place.ts";
import { type CommandResult, runCommand } from "./processes.ts";

const TIMEOUT_MS = 60_000;

/** What fails is otherwise logged with its text, which may hold a password; and nobody is there to wait for. */
const QUIET = [
  "log_min_error_statement=panic",
  "log_statement=none",
  "log_min_duration_statement=-1",
  "synchronous_commit=local",
  "logging_collector=off",
  "log_destination=stderr",
  "exit_on_error=on",
].flatMap((setting) => ["-c", setting]);

/**
 * Runs statements, one a line, in single-user mode: no port, no other session, and passwords come over a
 * pipe. The server must be stopped, and must not be a standby.
 */
export async function runSingle(
  place: Place,
  dataDir: string,
  statements: readonly string[],
  settings: ReadonlyMap<string, string> = new Map(),
): Promise<CommandResult> {
  const { binaries, osUser } = place.options;
  const more = [...settings].flatMap((
    [name, value],
  ) => ["-c", `${name}=${value}`]);
  return await runCommand(
    join(binaries.dir, "postgres"),
    ["--single", "-D", dataDir, ...more, ...QUIET, "postgres"],
    {
      clock: place.clock,
      owner: osUser,
      timeoutMs: TIMEOUT_MS,
      stdin: `${statements.join("\n")}\n`,
    },
  );
}
