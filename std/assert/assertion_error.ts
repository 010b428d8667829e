/**
 * Thrown when an assertion does not hold.
 *
 * @example Usage
 * ```ts
 * import { AssertionError, assertThrows, fail } from "@std/assert";
 *
 * assertThrows(() => fail("too late"), AssertionError, "too late");
 * ```
 */
export class AssertionError extends Error {
  /**
   * Makes the error.
   *
   * @param message What did not hold.
   * @param options May name the cause.
   */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "AssertionError";
  }
}

/**
 * Makes a failed assertion's error out of what was seen and the caller's own words.
 *
 * @param seen What did not hold, without a final period.
 * @param msg The caller's words, if any.
 * @param options May name the cause.
 * @returns The error, to be thrown.
 */
export function assertionError(
  seen: string,
  msg: string | undefined,
  options?: ErrorOptions,
): AssertionError {
  return new AssertionError(msg ? `${seen}: ${msg}` : seen, options);
}
