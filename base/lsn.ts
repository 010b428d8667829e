/**
 * A position in PostgreSQL's write-ahead log, in bytes.
 *
 * A plain number: it is exact up to 8 PiB, which a cluster that writes 100 MB/s reaches after almost
 * three years; beyond, {@linkcode parseLsn} says null rather than something inexact.
 */
export type Lsn = number;

const LOW = 2 ** 32;

/**
 * Reads a position as PostgreSQL writes it.
 *
 * @param text Two hexadecimal halves, such as `16/B374D848`.
 * @returns The position, or null when the text is none or beyond what a number holds exactly.
 *
 * @example Usage
 * ```ts
 * import { formatLsn, parseLsn } from "./lsn.ts";
 *
 * const lsn = parseLsn("16/B374D848");
 * if (lsn === null) throw new Error("A position was written");
 * if (formatLsn(lsn) !== "16/B374D848") throw new Error("The text comes back");
 * ```
 */
export function parseLsn(text: string): Lsn | null {
  const match = /^([0-9A-Fa-f]{1,8})\/([0-9A-Fa-f]{1,8})$/.exec(text);
  if (match === null) return null;
  const lsn = parseInt(match[1] ?? "", 16) * LOW + parseInt(match[2] ?? "", 16);
  return Number.isSafeInteger(lsn) ? lsn : null;
}

/**
 * Writes a position as PostgreSQL does.
 *
 * @param lsn The position.
 * @returns Its text, such as `16/B374D848`.
 */
export function formatLsn(lsn: Lsn): string {
  const high = Math.floor(lsn / LOW).toString(16);
  return `${high}/${(lsn % LOW).toString(16)}`.toUpperCase();
}
