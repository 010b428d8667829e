import {
  AssertionError as NodeAssertionError,
  deepStrictEqual,
} from "node:assert/strict";
import { inspect, isDeepStrictEqual } from "node:util";
import { assertionError } from "./assertion_error.ts";

/**
 * Compares two values by their content.
 *
 * @param a One.
 * @param b The other.
 * @returns Whether they are alike.
 */
export function equal(a: unknown, b: unknown): boolean {
  return isDeepStrictEqual(a, b);
}

/**
 * Asserts that two values are alike in content.
 *
 * @typeParam T Their type.
 * @param actual What there is.
 * @param expected What there should be.
 * @param msg What it means.
 * @throws {AssertionError} When they differ; the message shows where.
 *
 * @example Usage
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals({ index: 1, data: [1, 2] }, { index: 1, data: [1, 2] });
 * ```
 */
export function assertEquals<T>(actual: T, expected: T, msg?: string): void {
  try {
    deepStrictEqual(actual, expected);
  } catch (error) {
    if (!(error instanceof NodeAssertionError)) throw error;
    throw assertionError(error.message.trimEnd(), msg, { cause: error });
  }
}

/**
 * Asserts that two values differ in content.
 *
 * @typeParam T Their type.
 * @param actual What there is.
 * @param expected What there should not be.
 * @param msg What it means.
 * @throws {AssertionError} When they are alike.
 */
export function assertNotEquals<T>(actual: T, expected: T, msg?: string): void {
  if (!equal(actual, expected)) return;
  throw assertionError(`Expected anything but ${inspect(actual)}`, msg);
}

/**
 * Asserts that two values are the same one (`Object.is`).
 *
 * @typeParam T The expected value's type.
 * @param actual What there is.
 * @param expected What there should be.
 * @param msg What it means.
 * @throws {AssertionError} When they are not the same.
 */
export function assertStrictEquals<T>(
  actual: unknown,
  expected: T,
  msg?: string,
): asserts actual is T {
  if (Object.is(actual, expected)) return;
  const alike = equal(actual, expected) ? " (alike, but not the same)" : "";
  throw assertionError(
    `Expected ${inspect(expected)}, got ${inspect(actual)}${alike}`,
    msg,
  );
}

/**
 * Asserts that a value lies above another.
 *
 * @typeParam T Their type.
 * @param actual What there is.
 * @param expected What it must exceed.
 * @param msg What it means.
 * @throws {AssertionError} When it does not.
 */
export function assertGreater<T>(actual: T, expected: T, msg?: string): void {
  order(actual > expected, actual, ">", expected, msg);
}

/**
 * Asserts that a value does not lie below another.
 *
 * @typeParam T Their type.
 * @param actual What there is.
 * @param expected What it must reach.
 * @param msg What it means.
 * @throws {AssertionError} When it lies below.
 */
export function assertGreaterOrEqual<T>(
  actual: T,
  expected: T,
  msg?: string,
): void {
  order(actual >= expected, actual, ">=", expected, msg);
}

/**
 * Asserts that a value lies below another.
 *
 * @typeParam T Their type.
 * @param actual What there is.
 * @param expected What it must stay under.
 * @param msg What it means.
 * @throws {AssertionError} When it does not.
 */
export function assertLess<T>(actual: T, expected: T, msg?: string): void {
  order(actual < expected, actual, "<", expected, msg);
}

/**
 * Asserts that a value does not lie above another.
 *
 * @typeParam T Their type.
 * @param actual What there is.
 * @param expected What it must not exceed.
 * @param msg What it means.
 * @throws {AssertionError} When it lies above.
 */
export function assertLessOrEqual<T>(
  actual: T,
  expected: T,
  msg?: string,
): void {
  order(actual <= expected, actual, "<=", expected, msg);
}

function order(
  holds: boolean,
  actual: unknown,
  sign: string,
  expected: unknown,
  msg: string | undefined,
): void {
  if (holds) return;
  throw assertionError(
    `Expected ${inspect(actual)} ${sign} ${inspect(expected)}`,
    msg,
  );
}
