/** What stands behind a command is not understood. */
export class ArgumentsError extends Error {
  override readonly name = "ArgumentsError";
}

/**
 * Refuses what nobody has declared: a misspelt option would run other seeds than were asked for.
 *
 * @param word The word.
 * @throws {ArgumentsError} Always.
 */
export function refuseUnknown(word: string): never {
  throw new ArgumentsError(
    `There is no "${word}": docs/simulator.md lists the options`,
  );
}

/**
 * Reads a whole number.
 *
 * @param name The option.
 * @param text What stands behind it; undefined where it was not given.
 * @param otherwise What holds then.
 * @returns The number.
 * @throws {ArgumentsError} When it is none.
 */
export function wholeNumber(
  name: string,
  text: string | undefined,
  otherwise: number,
): number {
  if (text === undefined) return otherwise;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new ArgumentsError(`--${name} takes a whole number, not "${text}"`);
}
