/** A column of a table: its title and width; text stands left, numbers right. */
export interface Column {
  /** Its title. */
  readonly title: string;
  /** Its width in characters. */
  readonly width: number;
  /**
   * Whether its cells stand left.
   *
   * @default {false}
   */
  readonly isText?: boolean;
}

/**
 * Finds the value below which a share of the values lie.
 *
 * @param values The values, in any order.
 * @param share From 0 to 1; 1 is the largest value.
 * @returns The value, or NaN when there are none.
 *
 * @example Usage
 * ```ts
 * import { quantile } from "./figures.ts";
 *
 * if (quantile([3, 1, 2], 0.5) !== 2) throw new Error("2 is in the middle");
 * ```
 */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const place = Math.max(0, Math.ceil(sorted.length * share) - 1);
  return sorted[place] ?? NaN;
}

/**
 * Finds the middle value; of an even number of values, the mean of the two in the middle.
 *
 * @param values The values, in any order.
 * @returns Their median, or NaN when there are none.
 */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)] ?? NaN;
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? NaN;
  return (lower + upper) / 2;
}

/**
 * Writes a line of a table.
 *
 * @param columns The columns.
 * @param cells What stands in them; a missing one stays empty.
 * @returns The line, with its end.
 */
export function tableRow(
  columns: readonly Column[],
  cells: readonly string[],
): string {
  const padded = columns.map(({ width, isText = false }, at) =>
    isText ? (cells[at] ?? "").padEnd(width) : (cells[at] ?? "").padStart(width)
  );
  return `${padded.join(" ").trimEnd()}\n`;
}

/**
 * Writes the first line of a table.
 *
 * @param columns The columns.
 * @returns The line, with its end.
 */
export function tableHead(columns: readonly Column[]): string {
  return tableRow(columns, columns.map(({ title }) => title));
}

/**
 * Writes a number for a table.
 *
 * @param value The number.
 * @param digits How many digits stand after the point.
 * @returns It, or `-` for one that is not there.
 */
export function figure(value: number, digits = 0): string {
  return Number.isFinite(value) ? value.toFixed(digits) : "-";
}
