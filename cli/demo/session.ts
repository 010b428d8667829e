import { messageOf } from "../../base/mod.ts";
import {
  awaitView,
  type DemoCluster,
  makeTable,
  startDemoCluster,
} from "./cluster.ts";
import { makePlace, removePlace, sweepPlaces } from "./place.ts";
import { processesOf, signalAll } from "./processes.ts";
import { startWriter, type Writer } from "./writer.ts";

/** A demo that runs. */
export interface Demo {
  readonly root: string;
  readonly cluster: DemoCluster;
  readonly writer: Writer;
  /** What PostgreSQL it is, for people: `PostgreSQL 18.4 from npm`. */
  readonly programs: string;
  /** From the start of the nodes until a row was written. */
  readonly writableMs: number;
}

/** How a demo is made. */
export interface DemoOptions {
  /** The major version; null for the newest that is there. */
  readonly major: number | null;
  /** Takes a line before each slow step. */
  readonly say: (line: string) => Promise<void>;
  /** Ends everything in order. */
  readonly signal: AbortSignal;
  /** Ends everything at once. */
  readonly hurry: AbortSignal;
}

/** Bounds of a start on a slow machine; none is a measure of it. */
const FOUND_TIMEOUT_MS = 60_000;
const FIRST_ROW_TIMEOUT_MS = 30_000;
const POLL_MS = 10;

async function findPrograms(
  root: string,
  { major, say }: DemoOptions,
): Promise<{ binDir: string; osUser: string | null; words: string }> {
  // Only here, so that no other command waits for all of this to be loaded.
  const { sharePostgres } = await import("../../server/ha/mod.ts");
  const lines: Promise<void>[] = [];
  const found = await sharePostgres({
    major,
    directory: root,
    osUser: "postgres",
    onProgress: (line) => lines.push(say(line)),
  });
  await Promise.all(lines);
  const { version, isFromNpm, binDir, osUser } = found;
  const words = `PostgreSQL ${version} ${
    isFromNpm ? "from npm" : `of ${binDir}`
  }`;
  if (osUser !== null && osUser !== "postgres") {
    await say(
      `There is no user postgres: PostgreSQL runs as ${osUser}, in ${root}`,
    );
  }
  return { binDir, osUser, words };
}

async function awaitFirstRow(
  writer: Writer,
  signal: AbortSignal,
): Promise<void> {
  const deadlineMs = performance.now() + FIRST_ROW_TIMEOUT_MS;
  while (writer.ledger().acknowledged === 0) {
    signal.throwIfAborted();
    if (performance.now() > deadlineMs) {
      throw new Error(`No row was written within ${FIRST_ROW_TIMEOUT_MS} ms`);
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

async function begin(root: string, options: DemoOptions): Promise<Demo> {
  const { say, signal } = options;
  const { binDir, osUser, words } = await findPrograms(root, options);
  signal.throwIfAborted();
  const startedMs = performance.now();
  await say(`Starting three nodes with ${words}, in ${root}`);
  const cluster = await startDemoCluster(root, { binDir, osUser });
  try {
    await say("Waiting for them to agree, and for the first database");
    const patience = { timeoutMs: FOUND_TIMEOUT_MS, signal };
    const view = await awaitView(
      cluster,
      "a primary takes writes",
      patience,
      ({ primary }) => primary !== null,
    );
    await makeTable(cluster, view.primary?.id ?? 0);
    const writer = startWriter(cluster.targets);
    try {
      await awaitFirstRow(writer, signal);
    } catch (error) {
      await writer.stop();
      throw error;
    }
    const writableMs = performance.now() - startedMs;
    return { root, cluster, writer, programs: words, writableMs };
  } catch (error) {
    await stopNodes(cluster);
    throw error;
  }
}

async function stopNodes({ nodes }: DemoCluster): Promise<void> {
  await Promise.all(nodes.map((node) => node.stop()));
}

/**
 * Runs something with a demo, and clears all of it away afterwards, whatever happens.
 *
 * @param options How it is made.
 * @param run What is done with it.
 * @returns What `run` returns.
 */
export async function withDemo<T>(
  options: DemoOptions,
  run: (demo: Demo) => Promise<T>,
): Promise<T> {
  const root = await makePlace();
  const endAtOnce = (): void => signalAll(() => processesOf(root), "SIGKILL");
  options.hurry.addEventListener("abort", endAtOnce);
  try {
    for (const swept of await sweepPlaces(root)) {
      await options.say(
        `Cleared away ${swept}, left by a demo that was killed`,
      );
    }
    const demo = await begin(root, options);
    try {
      return await run(demo);
    } finally {
      await demo.writer.stop();
      await options.say("Stopping the nodes");
      await stopNodes(demo.cluster);
    }
  } finally {
    options.hurry.removeEventListener("abort", endAtOnce);
    try {
      await removePlace(root);
    } catch (error) {
      await options.say(messageOf(error));
    }
  }
}
