import { SqlProblem } from "./failure.ts";
import type { Argument } from "./statement.ts";

/** A text that must be there. */
export function textAt(
  args: readonly Argument[],
  at: number,
  name: string,
): string {
  const value = args[at];
  if (typeof value === "string") return value;
  throw missing(name, value);
}

/** A whole number that must be there. */
export function numberAt(
  args: readonly Argument[],
  at: number,
  name: string,
  { min = 0, max = Number.MAX_SAFE_INTEGER } = {},
): number {
  const value = args[at];
  if (typeof value !== "number") throw missing(name, value);
  if (value >= min && value <= max) return value;
  throw new SqlProblem(
    "22023",
    `invalid ${name}: ${value} is not from ${min} to ${max}`,
  );
}

/** Yes or no, which must be there. */
export function booleanAt(
  args: readonly Argument[],
  at: number,
  name: string,
): boolean {
  const value = args[at];
  if (typeof value === "boolean") return value;
  throw missing(name, value);
}

function missing(name: string, value: Argument | undefined): SqlProblem {
  return value === null || value === undefined
    ? new SqlProblem("22004", `${name} is NULL: give a value`)
    : new SqlProblem("42804", `${name}: ${value} is of another type`);
}
