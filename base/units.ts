const BYTE_UNITS: ReadonlyMap<string, number> = new Map([
  ["", 1],
  ["b", 1],
  ["kb", 1024],
  ["mb", 1024 ** 2],
  ["gb", 1024 ** 3],
  ["tb", 1024 ** 4],
]);

/** A unit in which a duration may be written. */
export type DurationUnit = "ms" | "s" | "min" | "h" | "d";

const DURATION_UNITS_MS: Readonly<Record<DurationUnit, number>> = {
  ms: 1,
  s: 1000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** Options of {@linkcode parseDurationMs}. */
export interface ParseDurationOptions {
  /**
   * What a number without a unit counts.
   *
   * @default {"ms"}
   */
  readonly unit?: DurationUnit;
}

function splitQuantity(text: string): { count: number; unit: string } | null {
  const match = /^(\d{1,15}(?:\.\d{1,6})?)\s*([A-Za-z]*)$/.exec(text.trim());
  if (match === null) return null;
  return { count: Number(match[1]), unit: match[2] ?? "" };
}

/** Fractions of a unit count only where they come to a whole number (`1.5kB`). */
function wholeOrNull(value: number): number | null {
  return Number.isSafeInteger(value) ? value : null;
}

function isDurationUnit(unit: string): unit is DurationUnit {
  return Object.hasOwn(DURATION_UNITS_MS, unit);
}

/**
 * Reads a size. The units are PostgreSQL's: B, kB, MB, GB and TB, each 1024 of the one before; upper
 * and lower case are the same.
 *
 * @param text What was written, such as `1MB` or `65536`.
 * @returns The bytes, or null when the text is no size or not a whole number of bytes.
 *
 * @example Usage
 * ```ts
 * import { parseByteSize } from "./units.ts";
 *
 * if (parseByteSize("64kB") !== 65536) throw new Error("A kB is 1024 bytes");
 * ```
 */
export function parseByteSize(text: string): number | null {
  const quantity = splitQuantity(text);
  if (quantity === null) return null;
  const factor = BYTE_UNITS.get(quantity.unit.toLowerCase());
  return factor === undefined ? null : wholeOrNull(quantity.count * factor);
}

/**
 * Writes a size in the largest unit that leaves a whole number.
 *
 * @param bytes The size.
 * @returns Text that {@linkcode parseByteSize} reads back as the same size.
 */
export function formatByteSize(bytes: number): string {
  for (const unit of ["TB", "GB", "MB", "kB"]) {
    const factor = BYTE_UNITS.get(unit.toLowerCase()) ?? 1;
    if (bytes >= factor && bytes % factor === 0) {
      return `${bytes / factor}${unit}`;
    }
  }
  return String(bytes);
}

/**
 * Reads a duration. The units are PostgreSQL's: ms, s, min, h and d, in lower case.
 *
 * @param text What was written, such as `500ms`, `5s` or `1min`.
 * @param options What a plain number means.
 * @returns The milliseconds, or null when the text is no duration or not a whole number of them.
 *
 * @example Usage
 * ```ts
 * import { parseDurationMs } from "./units.ts";
 *
 * if (parseDurationMs("5s") !== 5000) throw new Error("A second has 1000 ms");
 * if (parseDurationMs("2", { unit: "min" }) !== 120_000) throw new Error("Minutes were meant");
 * ```
 */
export function parseDurationMs(
  text: string,
  options: ParseDurationOptions = {},
): number | null {
  const quantity = splitQuantity(text);
  if (quantity === null) return null;
  const unit = quantity.unit === "" ? options.unit ?? "ms" : quantity.unit;
  if (!isDurationUnit(unit)) return null;
  return wholeOrNull(quantity.count * DURATION_UNITS_MS[unit]);
}

/**
 * Writes a duration in the largest unit that leaves a whole number.
 *
 * @param durationMs The duration.
 * @returns Text that {@linkcode parseDurationMs} reads back as the same duration.
 */
export function formatDuration(durationMs: number): string {
  for (const unit of ["d", "h", "min", "s"] as const) {
    const factor = DURATION_UNITS_MS[unit];
    if (durationMs >= factor && durationMs % factor === 0) {
      return `${durationMs / factor}${unit}`;
    }
  }
  return `${durationMs}ms`;
}
