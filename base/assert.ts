/** Thrown when the program itself is wrong, never for bad input. */
export class InvariantError extends Error {
  override readonly name = "InvariantError";
}

/**
 * Asserts what must hold if the program is right.
 *
 * @param condition What must be true.
 * @param message What it means, as a sentence fragment that names the values.
 * @throws {InvariantError} When `condition` is false.
 *
 * @example Usage
 * ```ts
 * import { invariant } from "./assert.ts";
 *
 * const terms = [1, 2];
 * invariant(terms.length === 2, `two terms expected, got ${terms.length}`);
 * ```
 */
export function invariant(
  condition: boolean,
  message: string,
): asserts condition {
  if (!condition) throw new InvariantError(`Invariant broken: ${message}`);
}

/**
 * Returns `value`, which must be there.
 *
 * @param value What an earlier check or the data's shape guarantees.
 * @param what Its name, for the error.
 * @returns The value, no longer possibly absent.
 * @throws {InvariantError} When it is absent.
 */
export function present<T>(value: T | null | undefined, what: string): T {
  invariant(value !== null && value !== undefined, `${what} is absent`);
  return value;
}
