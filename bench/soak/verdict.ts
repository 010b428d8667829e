import { median, quantile } from "../figures.ts";

/** Of resident memory, beyond what the node had after the warm-up. */
export const MEMORY_GROWTH = 1.1;
/** Of open files. Connections of the load come and go. */
export const OPEN_FILES_MORE = 16;
/** Of the peak of a log that grows until its next snapshot. */
export const LOG_GROWTH = 1.25;
/** Of the 99th percentile; other work on the machine alone may move it. */
export const P99_GROWTH = 2;

/** What a node held at a moment. */
export interface NodeReading {
  readonly id: number;
  /** Whether it is the process that ran from the beginning. */
  readonly isOriginal: boolean;
  readonly residentBytes: number;
  readonly openFiles: number;
  /** Of its log and snapshots on disk. */
  readonly logBytes: number;
}

/** What was seen in a stretch of time. */
export interface Slice {
  readonly endSeconds: number;
  readonly nodes: readonly NodeReading[];
  /** Of each call from when it was due until it was acknowledged. */
  readonly latenciesMs: readonly number[];
}

/** One figure, after the warm-up and at the end. */
export interface Row {
  readonly what: "memory" | "open files" | "log size" | "p50" | "p99";
  /** The node; null for what all of them serve together. */
  readonly node: number | null;
  readonly unit: "bytes" | "files" | "ms";
  readonly start: number;
  readonly end: number;
  /** The most that the end may be; null for what is only shown. */
  readonly limit: number | null;
  readonly isFlat: boolean;
}

/** Which stretches are compared. */
export interface Windows {
  readonly warmUpSeconds: number;
  readonly windowSeconds: number;
}

/**
 * Chooses what is compared: ten minutes of warm-up and windows of ten minutes, or less of a short run.
 * Memory goes up and down with the log since the last snapshot and with the collector, over several
 * minutes: a shorter window shows where in that it lies.
 *
 * @param totalSeconds How long all of it takes.
 */
export function windowsOf(totalSeconds: number): Windows {
  const warmUpSeconds = Math.min(600, totalSeconds * 0.4);
  const windowSeconds = Math.min(600, (totalSeconds - warmUpSeconds) / 2);
  return { warmUpSeconds, windowSeconds };
}

/**
 * Compares the first stretch after the warm-up with the last one.
 *
 * @param slices What was seen, in order.
 * @param windows Which stretches.
 * @returns The figures. Memory is judged of processes that ran all the time only: others begin anew.
 */
export function assess(
  slices: readonly Slice[],
  { warmUpSeconds, windowSeconds }: Windows,
): Row[] {
  const endSeconds = slices.at(-1)?.endSeconds ?? 0;
  const first = slices.filter((one) =>
    one.endSeconds > warmUpSeconds &&
    one.endSeconds <= warmUpSeconds + windowSeconds
  );
  const last = slices.filter((one) =>
    one.endSeconds > endSeconds - windowSeconds
  );
  const ids = new Set(slices.flatMap(({ nodes }) => nodes.map(({ id }) => id)));
  return [
    ...[...ids].sort().flatMap((id) => rowsOfNode(id, first, last)),
    ...latencyRows(first, last),
  ];
}

function rowsOfNode(
  node: number,
  first: readonly Slice[],
  last: readonly Slice[],
): Row[] {
  const [before, after] = [first, last].map((slices) =>
    slices.flatMap(({ nodes }) => nodes.filter(({ id }) => id === node))
  );
  if (!before?.length || !after?.length) return [];
  const memory = [before, after].map((all) =>
    median(all.map(({ residentBytes }) => residentBytes))
  );
  const files = [before, after].map((all) =>
    median(all.map(({ openFiles }) => openFiles))
  );
  const log = [before, after].map((all) =>
    quantile(all.map(({ logBytes }) => logBytes), 1)
  );
  const isOriginal = after.every((one) => one.isOriginal);
  return [
    row(
      "memory",
      node,
      "bytes",
      memory,
      (at) => isOriginal ? at * MEMORY_GROWTH : null,
    ),
    row("open files", node, "files", files, (at) => at + OPEN_FILES_MORE),
    row("log size", node, "bytes", log, (at) => at * LOG_GROWTH),
  ];
}

function latencyRows(first: readonly Slice[], last: readonly Slice[]): Row[] {
  const all = [first, last].map((slices) =>
    slices.flatMap(({ latenciesMs }) => latenciesMs)
  );
  const at = (share: number): number[] =>
    all.map((values) => quantile(values, share));
  return [
    row("p50", null, "ms", at(0.5), () => null),
    row("p99", null, "ms", at(0.99), (start) => start * P99_GROWTH),
  ];
}

function row(
  what: Row["what"],
  node: number | null,
  unit: Row["unit"],
  [start = NaN, end = NaN]: readonly number[],
  limitOf: (start: number) => number | null,
): Row {
  const limit = limitOf(start);
  return {
    what,
    node,
    unit,
    start,
    end,
    limit,
    isFlat: limit === null || end <= limit,
  };
}
