import { invariant } from "../../base/mod.ts";
import { formatSample, formatValue, type LabelPairs } from "./text.ts";

/** A value that only grows. */
export interface Counter {
  /**
   * Adds to it.
   *
   * @param amount What to add, 0 or more; 1 when absent.
   */
  add(amount?: number): void;
}

/** A value that goes up and down. */
export interface Gauge {
  /**
   * Replaces it.
   *
   * @param value The new value.
   */
  set(value: number): void;
  /**
   * Changes it.
   *
   * @param amount What to add; below 0 to take away.
   */
  add(amount: number): void;
}

/** Counts values by size. */
export interface Histogram {
  /**
   * Counts one value. Allocates nothing.
   *
   * @param value A number.
   */
  observe(value: number): void;
}

/** Tells of a value to somebody beside the metric itself. */
export type Tell = (value: number) => void;

/** One series of a metric, which can write itself. */
export interface Cell {
  /** Counts from 0 again; what is no count stays. */
  reset(): void;
  /** Its value; null for what has more than one. */
  value(): number | null;
  /** Writes its samples. */
  write(name: string, pairs: LabelPairs): string;
}

/**
 * Makes a counter.
 *
 * @returns A counter at 0.
 */
export function createCounterCell(): Counter & Cell {
  let value = 0;
  return {
    add: (amount = 1) => {
      invariant(amount >= 0, "A counter never goes down");
      value += amount;
    },
    reset: () => {
      value = 0;
    },
    value: () => value,
    write: (name, pairs) => formatSample(name, pairs, value),
  };
}

/**
 * Makes a gauge.
 *
 * @returns A gauge at 0.
 */
export function createGaugeCell(): Gauge & Cell {
  let value = 0;
  return {
    set: (next) => {
      value = next;
    },
    add: (amount) => {
      value += amount;
    },
    reset: () => {},
    value: () => value,
    write: (name, pairs) => formatSample(name, pairs, value),
  };
}

/**
 * Makes a histogram.
 *
 * @param bounds The buckets' upper bounds, ascending, without infinity.
 * @param tell Is told of every value; null for nobody.
 * @returns An empty histogram.
 */
export function createHistogramCell(
  bounds: readonly number[],
  tell: Tell | null = null,
): Histogram & Cell {
  const uppers = Float64Array.from(bounds);
  // The last bucket is infinity. All in one typed array: a sum in a variable would be boxed anew by
  // every observation.
  const counts = new Float64Array(uppers.length + 1);
  const sums = new Float64Array(1);
  return {
    observe: (value) => {
      invariant(!Number.isNaN(value), "A histogram counts numbers");
      let bucket = 0;
      while (bucket < uppers.length && value > (uppers[bucket] ?? 0)) bucket++;
      counts[bucket] = (counts[bucket] ?? 0) + 1;
      sums[0] = (sums[0] ?? 0) + value;
      tell?.(value);
    },
    value: () => null,
    reset: () => {
      counts.fill(0);
      sums[0] = 0;
    },
    write: (name, pairs) => {
      let text = "";
      let seen = 0;
      for (const [i, count] of counts.entries()) {
        seen += count;
        const le = formatValue(uppers[i] ?? Infinity);
        text += formatSample(`${name}_bucket`, [...pairs, ["le", le]], seen);
      }
      text += formatSample(`${name}_sum`, pairs, sums[0] ?? 0);
      return text + formatSample(`${name}_count`, pairs, seen);
    },
  };
}
