/**
 * Says what an error is, for a message that wraps it.
 *
 * @param error Anything that was thrown.
 * @returns Its message, or its text.
 */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
