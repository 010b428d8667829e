import { inspect } from "node:util";
import { assertionError } from "./assertion_error.ts";
import { equal } from "./comparisons.ts";

/** Something with numbered elements that is not a string. */
export type ArrayLikeArg<T> = ArrayLike<T> & object;

/**
 * Asserts that a text matches a pattern.
 *
 * @param actual The text.
 * @param expected The pattern.
 * @param msg What it means.
 * @throws {AssertionError} When it does not.
 */
export function assertMatch(
  actual: string,
  expected: RegExp,
  msg?: string,
): void {
  // search() ignores lastIndex, which a sticky or global pattern carries from one call to the next.
  if (actual.search(expected) !== -1) return;
  throw assertionError(`Expected ${inspect(actual)} to match ${expected}`, msg);
}

/**
 * Asserts that a text holds another.
 *
 * @param actual The text.
 * @param expected What it must hold.
 * @param msg What it means.
 * @throws {AssertionError} When it does not.
 */
export function assertStringIncludes(
  actual: string,
  expected: string,
  msg?: string,
): void {
  if (actual.includes(expected)) return;
  throw assertionError(
    `Expected ${inspect(actual)} to include ${inspect(expected)}`,
    msg,
  );
}

/**
 * Asserts that a list holds every element of another, compared by content.
 *
 * @typeParam T The elements' type.
 * @param actual The list.
 * @param expected What it must hold.
 * @param msg What it means.
 * @throws {AssertionError} When an element is missing; the message names it.
 */
export function assertArrayIncludes<T>(
  actual: ArrayLikeArg<T>,
  expected: ArrayLikeArg<T>,
  msg?: string,
): void {
  const there = Array.from(actual);
  const missing = Array.from(expected).filter((wanted) =>
    !there.some((element) => equal(element, wanted))
  );
  if (missing.length === 0) return;
  throw assertionError(
    `Expected ${inspect(actual)} to include ${inspect(missing)}`,
    msg,
  );
}
