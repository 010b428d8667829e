import { inspect } from "node:util";
import { assertionError } from "./assertion_error.ts";

type ErrorClass<E extends Error> = abstract new (...args: never[]) => E;

interface Expectation<E extends Error> {
  readonly errorClass: ErrorClass<E> | undefined;
  readonly msgIncludes: string | undefined;
  readonly msg: string | undefined;
}

/**
 * Asserts that a function throws.
 *
 * @param fn The function.
 * @param msg What it means.
 * @returns What it threw.
 * @throws {AssertionError} When it does not throw.
 */
export function assertThrows(fn: () => unknown, msg?: string): unknown;
/**
 * Asserts that a function throws an error of a class, and what its message holds.
 *
 * @typeParam E The class.
 * @param fn The function.
 * @param ErrorClass The class.
 * @param msgIncludes What the error's message must hold.
 * @param msg What it means.
 * @returns What it threw.
 * @throws {AssertionError} When it throws nothing or something else.
 *
 * @example Usage
 * ```ts
 * import { assertThrows } from "@std/assert";
 *
 * assertThrows(() => new Array(-1), RangeError, "length");
 * ```
 */
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  ErrorClass: abstract new (...args: never[]) => E,
  msgIncludes?: string,
  msg?: string,
): E;
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  errorClassOrMsg?: ErrorClass<E> | string,
  msgIncludes?: string,
  msg?: string,
): unknown {
  const expected = expectation(errorClassOrMsg, msgIncludes, msg);
  try {
    fn();
  } catch (error) {
    checkError(error, expected);
    return error;
  }
  throw assertionError("Expected the function to throw", expected.msg);
}

/**
 * Asserts that a function's promise rejects.
 *
 * @param fn The function.
 * @param msg What it means.
 * @returns What the promise rejected with.
 * @throws {AssertionError} When it does not reject, or when the function itself throws.
 */
export function assertRejects(
  fn: () => PromiseLike<unknown>,
  msg?: string,
): Promise<unknown>;
/**
 * Asserts that a function's promise rejects with an error of a class, and what its message holds.
 *
 * @typeParam E The class.
 * @param fn The function.
 * @param ErrorClass The class.
 * @param msgIncludes What the error's message must hold.
 * @param msg What it means.
 * @returns What the promise rejected with.
 * @throws {AssertionError} When it does not reject, rejects with something else, or when the
 * function itself throws.
 *
 * @example Usage
 * ```ts
 * import { assertRejects } from "@std/assert";
 *
 * await assertRejects(
 *   () => Promise.reject(new TypeError("No such member")),
 *   TypeError,
 *   "member",
 * );
 * ```
 */
export function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  ErrorClass: abstract new (...args: never[]) => E,
  msgIncludes?: string,
  msg?: string,
): Promise<E>;
export async function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  errorClassOrMsg?: ErrorClass<E> | string,
  msgIncludes?: string,
  msg?: string,
): Promise<unknown> {
  const expected = expectation(errorClassOrMsg, msgIncludes, msg);
  const promise = started(fn, expected.msg);
  try {
    await promise;
  } catch (error) {
    checkError(error, expected);
    return error;
  }
  throw assertionError("Expected the promise to reject", expected.msg);
}

function started(
  fn: () => PromiseLike<unknown>,
  msg: string | undefined,
): PromiseLike<unknown> {
  let promise: PromiseLike<unknown>;
  try {
    promise = fn();
  } catch (error) {
    throw assertionError(
      "Expected the function to return a promise, but it threw",
      msg,
      { cause: error },
    );
  }
  if (typeof promise?.then === "function") return promise;
  throw assertionError(
    `Expected the function to return a promise, got ${inspect(promise)}`,
    msg,
  );
}

function expectation<E extends Error>(
  errorClassOrMsg: ErrorClass<E> | string | undefined,
  msgIncludes: string | undefined,
  msg: string | undefined,
): Expectation<E> {
  if (typeof errorClassOrMsg !== "string") {
    return { errorClass: errorClassOrMsg, msgIncludes, msg };
  }
  return {
    errorClass: undefined,
    msgIncludes: undefined,
    msg: errorClassOrMsg,
  };
}

function checkError<E extends Error>(
  error: unknown,
  expected: Expectation<E>,
): void {
  const { errorClass, msgIncludes, msg } = expected;
  if (errorClass === undefined) return;
  if (!(error instanceof errorClass)) {
    throw assertionError(
      `Expected an error of class ${errorClass.name}, got ${inspect(error)}`,
      msg,
      { cause: error },
    );
  }
  if (msgIncludes === undefined || error.message.includes(msgIncludes)) return;
  throw assertionError(
    `Expected the error's message to include ${inspect(msgIncludes)}, got ${
      inspect(error.message)
    }`,
    msg,
    { cause: error },
  );
}
