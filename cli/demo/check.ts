import { messageOf } from "../../base/mod.ts";
import { tableLines } from "../ctl/table.ts";
import { EXIT } from "../exit_codes.ts";
import type { Io } from "../io.ts";
import { manyLines, painter } from "../style.ts";
import { awaitView, DemoFailure, isWhole, type Patience } from "./cluster.ts";
import { connectToPrimary, openConnection } from "./connection.ts";
import { seconds } from "./screen.ts";
import type { Demo } from "./session.ts";
import { type Ledger, type Verdict, verify, type Writer } from "./writer.ts";

/** Bounds of each part on a slow machine; none is a measure of it. */
const WAIT_MS = 40_000;
const CONNECT_TIMEOUT_MS = 2_000;
const POLL_MS = 25;
/** How many rows are acknowledged before the primary is killed, and by the next one. */
const ROWS = 100;

/** What a check found; the names are those of `--json`. */
export interface CheckReport {
  readonly ok: boolean;
  /** What is not as promised; empty when all is well. */
  readonly problems: readonly string[];
  readonly postgresql: string;
  /** From the start of the nodes to the first acknowledged row. */
  readonly writable_ms: number;
  /** From the start of the nodes until both standbys streamed. */
  readonly whole_ms: number;
  /** The longest time without an acknowledged row around the kill. */
  readonly write_gap_ms: number;
  /** From the old primary's new start until it streamed. */
  readonly back_ms: number;
  /** All of it, the search for PostgreSQL included. */
  readonly total_ms: number;
  readonly killed: number;
  readonly primary: number;
  readonly epoch: number;
  readonly rows_acknowledged: number;
  readonly rows_doubtful: number;
  readonly rows_lost: number;
  readonly rows_twice: number;
}

async function awaitRows(
  writer: Writer,
  { timeoutMs, signal }: Patience,
): Promise<void> {
  const deadlineMs = performance.now() + timeoutMs;
  while (writer.sinceMark() < ROWS) {
    signal.throwIfAborted();
    if (performance.now() > deadlineMs) {
      throw new DemoFailure(
        `Only ${writer.sinceMark()} of ${ROWS} rows were acknowledged within ${timeoutMs} ms`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** What the primary has, and what the node has that was killed, once it has caught up. */
async function verdicts(
  { cluster }: Demo,
  killed: number,
  ledger: Ledger,
  { timeoutMs, signal }: Patience,
): Promise<{ primary: Verdict; returned: Verdict }> {
  const connection = await connectToPrimary(
    cluster.targets,
    CONNECT_TIMEOUT_MS,
  );
  if (connection === null) throw new DemoFailure("No server takes writes");
  const target = cluster.targets[killed - 1];
  if (target === undefined) throw new DemoFailure(`There is no node ${killed}`);
  const standby = openConnection(target);
  try {
    const primary = await verify(connection, ledger);
    const deadlineMs = performance.now() + timeoutMs;
    while (true) {
      signal.throwIfAborted();
      const returned = await verify(standby, ledger).catch(() => null);
      const isLate = performance.now() > deadlineMs;
      if (returned !== null && (returned.lost <= primary.lost || isLate)) {
        return { primary, returned };
      }
      if (isLate) {
        throw new DemoFailure(`Node ${killed} does not let clients in`);
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  } finally {
    connection.close();
    standby.close();
  }
}

function problemsOf(
  { primary, returned }: { primary: Verdict; returned: Verdict },
  killed: number,
): string[] {
  const found: string[] = [];
  for (
    const [where, { lost, twice }] of [
      ["the primary", primary],
      [`node ${killed}, which came back,`, returned],
    ] as const
  ) {
    if (lost !== 0) found.push(`${where} lacks ${lost} acknowledged rows`);
    if (twice !== 0) found.push(`${where} has ${twice} rows twice`);
  }
  return found;
}

/**
 * Kills the primary of a demo and looks whether everything is as promised.
 *
 * @param demo The demo.
 * @param startedMs When the search for PostgreSQL began.
 * @param say Takes a line before each slow step.
 * @param signal Ends it.
 * @returns What it found.
 */
export async function checkDemo(
  demo: Demo,
  startedMs: number,
  say: (line: string) => Promise<void>,
  signal: AbortSignal,
): Promise<CheckReport> {
  const { cluster, writer } = demo;
  const patience = { timeoutMs: WAIT_MS, signal };
  const nodesStartedMs = performance.now() - demo.writableMs;
  await say("Waiting until both standbys stream");
  const before = await awaitView(
    cluster,
    "two standbys stream",
    patience,
    isWhole,
  );
  const wholeMs = performance.now() - nodesStartedMs;
  writer.mark();
  await awaitRows(writer, patience);
  const killed = before.primary?.id ?? 0;
  const epoch = before.primary?.epoch ?? 0;
  await say(
    `Killing node ${killed}, the primary: its agent and its PostgreSQL`,
  );
  writer.mark();
  const node = cluster.nodes[killed - 1];
  await node?.kill();
  await awaitRows(writer, patience);
  const gapMs = writer.gapMs();
  const after = await awaitView(
    cluster,
    "another node is the primary",
    patience,
    ({ primary }) => (primary?.epoch ?? 0) > epoch,
  );
  await say(
    `Node ${after.primary?.id} has taken over; bringing node ${killed} back`,
  );
  const returnedMs = performance.now();
  node?.start();
  const last = await awaitView(
    cluster,
    `node ${killed} streams again`,
    patience,
    isWhole,
  );
  const backMs = performance.now() - returnedMs;
  await writer.stop();
  const ledger = writer.ledger();
  const found = await verdicts(demo, killed, ledger, patience);
  const problems = problemsOf(found, killed);
  return {
    ok: problems.length === 0,
    problems,
    postgresql: demo.programs,
    writable_ms: Math.round(demo.writableMs),
    whole_ms: Math.round(wholeMs),
    write_gap_ms: Math.round(gapMs),
    back_ms: Math.round(backMs),
    total_ms: Math.round(performance.now() - startedMs),
    killed,
    primary: last.primary?.id ?? 0,
    epoch: last.primary?.epoch ?? 0,
    rows_acknowledged: ledger.acknowledged,
    rows_doubtful: ledger.doubtful.length,
    rows_lost: found.primary.lost,
    rows_twice: found.primary.twice,
  };
}

/**
 * Writes a report for people.
 *
 * @param report The report.
 * @param paint Colours text, or leaves it.
 * @returns The lines.
 */
export function reportLines(
  report: CheckReport,
  paint: ReturnType<typeof painter>,
): string[] {
  const rows = [
    ["start of three nodes until the first row", seconds(report.writable_ms)],
    ["start until both standbys streamed", seconds(report.whole_ms)],
    [
      `node ${report.killed} killed: longest time without writes`,
      seconds(report.write_gap_ms),
    ],
    [
      `node ${report.killed} started until it streamed again`,
      seconds(report.back_ms),
    ],
    ["all of it", seconds(report.total_ms)],
    ["rows acknowledged", String(report.rows_acknowledged)],
    [
      "rows without an answer, there or not",
      String(report.rows_doubtful),
    ],
    ["acknowledged rows lost", String(report.rows_lost)],
    ["rows there twice", String(report.rows_twice)],
  ];
  const verdict = report.ok
    ? paint(
      "green",
      `As promised: node ${report.primary} is the primary, in epoch ${report.epoch}`,
    )
    : paint("red", `Not as promised: ${report.problems.join("; ")}`);
  return [
    `pgraft demo --check, ${report.postgresql}`,
    "",
    ...tableLines(["WHAT", "FIGURE"], rows, paint),
    "",
    verdict,
  ];
}

/**
 * Prints a report.
 *
 * @param report The report.
 * @param json Whether as JSON.
 * @param io The world.
 * @returns The exit code.
 */
export async function printReport(
  report: CheckReport,
  json: boolean,
  io: Io,
): Promise<number> {
  await io.out(
    json
      ? `${JSON.stringify(report, null, 2)}\n`
      : `${reportLines(report, painter(io.color)).join("\n")}\n`,
  );
  return report.ok ? EXIT.ok : EXIT.failure;
}

/**
 * Prints why a check could not be finished.
 *
 * @param error What went wrong.
 * @param json Whether as JSON.
 * @param io The world.
 * @returns The exit code.
 */
export async function printFailure(
  error: unknown,
  json: boolean,
  io: Io,
): Promise<number> {
  const why = messageOf(error);
  if (json) {
    const report = { ok: false, problems: [why] };
    await io.out(`${JSON.stringify(report, null, 2)}\n`);
  } else await io.err(`pgraft: ${manyLines(why)}\n`);
  return EXIT.failure;
}
