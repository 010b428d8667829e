import type { Client } from "./client.ts";
import { ApiFailure } from "./problem.ts";

/** How long a node is asked to wait at a time, so that a dead one is noticed. */
const WAIT_ROUND_MS = 1000;

function isTimeout(error: unknown): boolean {
  return error instanceof ApiFailure &&
    error.problem.code === "outcome_unknown";
}

/**
 * Waits for an entry of the log for a moment.
 *
 * @param client The client.
 * @param index The entry.
 * @param longestMs How long at most.
 * @returns The answer, or null when the entry was not there in time.
 */
export async function awaitEntry(
  client: Client,
  index: number,
  longestMs: number,
): Promise<{ readonly body: unknown } | null> {
  const roundMs = Math.min(WAIT_ROUND_MS, longestMs, client.patienceMs / 2);
  const timeoutMs = Math.max(1, Math.floor(roundMs));
  const path = `/v1/log/wait?index=${index}&timeout_ms=${timeoutMs}`;
  try {
    // Its 504 is an answer here, which asking again would only delay.
    return {
      body: await client.call({ method: "GET", path, happensOnce: false }),
    };
  } catch (error) {
    if (isTimeout(error)) return null;
    throw error;
  }
}
