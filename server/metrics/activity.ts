/** What a node has done for its callers since its start, or since its counts were reset. */
export interface ActivityCounts {
  readonly requests: number;
  readonly failed: number;
  readonly appended: number;
  readonly committed: number;
  readonly heartbeats: number;
  readonly elections: number;
  /** Milliseconds since 1970 of the last request; null before the first. */
  readonly lastAtMs: number | null;
}

/** Counts of a node's Raft traffic, which only grow. */
export interface Traffic {
  readonly messagesReceived: number;
  readonly heartbeatsSent: number;
  readonly electionsStarted: number;
}

/** Counts what callers ask of a node, by HTTP and by SQL. */
export interface Activity {
  /** A request has ended. */
  ended(isGood: boolean): void;
  /** An entry of the log is proposed. */
  appending(): void;
  /** It is committed. */
  committed(): void;
  counts(): ActivityCounts;
  /** Counts from now on. */
  reset(): void;
}

/**
 * Makes counts at 0.
 *
 * @param traffic The node's traffic, of which what was before a reset is taken off.
 *
 * @example Usage
 * ```ts
 * import { createActivity } from "./activity.ts";
 *
 * const traffic = { messagesReceived: 1, heartbeatsSent: 2, electionsStarted: 3 };
 * const activity = createActivity(() => traffic);
 * activity.ended(false);
 * activity.reset();
 * if (activity.counts().heartbeats !== 0) throw new Error("They are counted from the reset on");
 * ```
 */
export function createActivity(traffic: () => Traffic): Activity {
  const zero = {
    requests: 0,
    failed: 0,
    appended: 0,
    committed: 0,
    lastAtMs: null as number | null,
  };
  let now = { ...zero };
  let before = { heartbeatsSent: 0, electionsStarted: 0 };
  return {
    ended: (isGood) => {
      now.requests += 1;
      if (!isGood) now.failed += 1;
      now.lastAtMs = Date.now();
    },
    appending: () => {
      now.appended += 1;
    },
    committed: () => {
      now.committed += 1;
    },
    counts: () => {
      const { heartbeatsSent, electionsStarted } = traffic();
      return {
        ...now,
        heartbeats: heartbeatsSent - before.heartbeatsSent,
        elections: electionsStarted - before.electionsStarted,
      };
    },
    reset: () => {
      now = { ...zero };
      before = { ...traffic() };
    },
  };
}
