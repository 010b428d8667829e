import { InstanceError } from "./errors.ts";
import type { CommandResult } from "./processes.ts";

const MAX_LINES = 8;

/** The last lines of a text, on one. */
export function lastLines(text: string): string {
  const lines = text.trim().split("\n").map((line) => line.trim());
  return lines.slice(-MAX_LINES).join(" | ");
}

/** What a command said went wrong; where it named nothing, its last lines. */
export function faultLines(text: string): string {
  const lines = text.split("\n").filter((line) =>
    /\b(ERROR|FATAL|PANIC|error|DETAIL|HINT): /.test(line)
  );
  return lastLines(lines.length > 0 ? lines.join("\n") : text);
}

/** Says why a command failed. */
export function commandFailed(
  what: string,
  result: CommandResult,
  wayOut: string,
): InstanceError {
  const said = faultLines(`${result.stdout}\n${result.stderr}`);
  if (/No space left on device|Disk quota exceeded/.test(said)) {
    return new InstanceError(
      "disk_full",
      `${what} found no space left: free some, or use a larger disk (${said})`,
    );
  }
  return new InstanceError(
    "command_failed",
    `${what} failed: ${said}. ${wayOut}`,
  );
}
