import { AssertionError, assertionError } from "./assertion_error.ts";
import { inspect } from "node:util";

/**
 * Asserts that a value is truthy.
 *
 * @param expr The value.
 * @param msg What it means.
 * @throws {AssertionError} When it is falsy.
 *
 * @example Usage
 * ```ts
 * import { assert } from "@std/assert";
 *
 * const found = [1, 2].find((n) => n > 1);
 * assert(found);
 * ```
 */
export function assert(expr: unknown, msg = ""): asserts expr {
  if (!expr) throw new AssertionError(msg);
}

/**
 * Asserts that a value is neither `null` nor `undefined`.
 *
 * @typeParam T The value's type.
 * @param actual The value.
 * @param msg What it means.
 * @throws {AssertionError} When it is one of them.
 */
export function assertExists<T>(
  actual: T,
  msg?: string,
): asserts actual is NonNullable<T> {
  if (actual !== undefined && actual !== null) return;
  throw assertionError(`Expected a value, got ${inspect(actual)}`, msg);
}

/**
 * Asserts that a value was made by a class.
 *
 * @typeParam T The class.
 * @param actual The value.
 * @param expectedType The class.
 * @param msg What it means.
 * @throws {AssertionError} When it was not.
 */
export function assertInstanceOf<
  T extends abstract new (...args: never[]) => unknown,
>(
  actual: unknown,
  expectedType: T,
  msg = "",
): asserts actual is InstanceType<T> {
  if (actual instanceof expectedType) return;
  throw assertionError(
    `Expected an instance of ${expectedType.name}, got ${inspect(actual)}`,
    msg,
  );
}

/**
 * Fails.
 *
 * @param msg Why.
 * @returns Never.
 * @throws {AssertionError} Always.
 */
export function fail(msg?: string): never {
  throw assertionError("Failed", msg);
}

/**
 * Marks a place that no run may reach.
 *
 * @param msg Why not.
 * @returns Never.
 * @throws {AssertionError} Always.
 */
export function unreachable(msg?: string): never {
  throw assertionError("Reached a place that no run may reach", msg);
}
