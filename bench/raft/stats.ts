/** Returns the middle of some numbers. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? NaN;
}

/** Calls `work`, which returns how much it did, for a time; returns how much it did per second. */
export function ratePerSecond(durationMs: number, work: () => number): number {
  const startMs = performance.now();
  let done = 0;
  while (performance.now() - startMs < durationMs) done += work();
  return done / (performance.now() - startMs) * 1000;
}

/** Takes several rounds, one after the other. */
export async function rounds(
  count: number,
  measure: () => number | Promise<number>,
): Promise<number[]> {
  const values: number[] = [];
  for (let round = 0; round < count; round++) values.push(await measure());
  return values;
}

/** Writes a row: a label, the median, and the extremes. */
export function row(
  label: string,
  values: readonly number[],
  unit: string,
  digits = 0,
): string {
  const text = (value: number): string =>
    value.toLocaleString("en", {
      minimumFractionDigits: digits,
      maximumFractionDigits: digits,
    });
  const range = `${text(Math.min(...values))} to ${text(Math.max(...values))}`;
  return `${label.padEnd(46)} ${
    text(median(values)).padStart(9)
  } ${unit}  (${range})`;
}

/** Prints a line. */
export function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}
