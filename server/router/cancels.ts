import type { Clock } from "../../base/mod.ts";
import type { CancelVerdict } from "./loop/mod.ts";

/** What is asked about a cancel request's statement. */
export interface CancelQuestions {
  readonly clock: Clock;
  /** Whether the reign goes on in which the statement runs. */
  isLive(): boolean;
  /** Whether the statement waits for standbys to hold its commit. */
  isAwaitingSync(): Promise<boolean>;
}

/** How often a wait is looked at, at first and at last. */
const FIRST_POLL_MS = 20;
const LAST_POLL_MS = 500;

/**
 * Holds a cancel request back while its statement waits for standbys: PostgreSQL would give the wait up and
 * report a success that nobody else holds (T1). What can't be found out counts as a wait.
 *
 * @param questions What is asked, and of whom.
 * @returns What is to become of the request.
 */
export async function judgeCancel(
  { clock, isLive, isAwaitingSync }: CancelQuestions,
): Promise<CancelVerdict> {
  let isHeld = false;
  for (let pollMs = FIRST_POLL_MS; isLive();) {
    try {
      if (!await isAwaitingSync()) return isHeld ? "after_wait" : "at_once";
    } catch {
      // Nobody answers: the reign may be about to end.
    }
    isHeld = true;
    await new Promise<void>((resolve) => clock.after(pollMs, resolve));
    pollMs = Math.min(2 * pollMs, LAST_POLL_MS);
  }
  return "over";
}
