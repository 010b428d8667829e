import { join } from "node:path";
import { formatLsn, type Lsn, messageOf, parseLsn } from "../../base/mod.ts";
import type { Place } from "./place.ts";
import { runCommand } from "./processes.ts";

/** A report must not hold up a rejoin. */
const COUNT_TIMEOUT_MS = 60_000;

interface Count {
  bytes: number;
  commits: number;
}

/** Reads pg_waldump's lines as they come; there may be more of them than fit. */
function counter(from: Lsn, count: Count): (text: string) => void {
  const ours = new Set<string>();
  let rest = "";
  const readLine = (line: string): void => {
    const match =
      /^rmgr: (\w+)\s+len \(rec\/tot\):\s*\d+\/\s*(\d+), tx:\s*(\d+), lsn: ([0-9A-F]+\/[0-9A-F]+)/
        .exec(line);
    const lsn = parseLsn(match?.[4] ?? "");
    if (match === null || lsn === null) return;
    const [, resource, length, transaction = ""] = match;
    count.bytes = Math.max(count.bytes, lsn + Number(length) - from);
    if (resource === "LogicalMessage" && line.includes('prefix "pgraft"')) {
      ours.add(transaction);
    }
    // The probe's commits are nobody's loss.
    const isCommit = resource === "Transaction" && /desc: COMMIT/.test(line);
    if (isCommit && !ours.delete(transaction)) count.commits++;
  };
  return (text) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    lines.forEach(readLine);
  };
}

/** R29: counts what lies behind a position of a timeline; null when it cannot be counted. */
export async function countGivenUp(
  place: Place,
  timeline: number,
  from: Lsn,
): Promise<{ bytes: number; commits: number } | null> {
  const { binaries, osUser, log } = place.options;
  if (!binaries.hasWalDump) return null;
  const count: Count = { bytes: 0, commits: 0 };
  const args = [
    "-p",
    join(place.dataDir, "pg_wal"),
    "-t",
    String(timeline),
    "-s",
    formatLsn(from),
  ];
  try {
    // It always ends with an error, since the log ends somewhere.
    const { stderr } = await runCommand(
      join(binaries.dir, "pg_waldump"),
      args,
      {
        clock: place.clock,
        owner: osUser,
        timeoutMs: COUNT_TIMEOUT_MS,
        onOutput: counter(from, count),
      },
    );
    const isUnreadable = /could not (open|locate|find file|read)/.test(stderr);
    return isUnreadable && count.bytes === 0 ? null : count;
  } catch (error) {
    log("warning", "What is given up cannot be counted", {
      error: messageOf(error),
    });
    return null;
  }
}
