import { MAX_TICK_MS } from "../../raft/machines/mod.ts";

/** How often time is told; well below what one tick may count, so that little of it is lost. */
export const TICK_INTERVAL_MS = 500;

/** What the clock of leases needs of its node. */
export interface LeaseClockParts {
  /** This node's own time, which never jumps. */
  readonly nowMs: () => number;
  /** Whether it leads, and there are leases that wait for time to go. */
  readonly isNeeded: () => boolean;
  /** The replicated clock, as applied here. */
  readonly clockMs: () => number;
  /** Has a tick committed; fails where this node does not lead. */
  readonly tick: (fromMs: number, byMs: number) => Promise<void>;
}

/**
 * Moves the clock of leases on while this node leads: measures time from the moment at which it saw
 * the clock at a value, and has that value replaced by a later one. A tick that comes after another
 * one does nothing, so that two leaders who both measure never count a stretch of time twice.
 *
 * @param parts The node's.
 * @returns To be called every {@linkcode TICK_INTERVAL_MS}; one call at a time.
 */
export function createLeaseClock(parts: LeaseClockParts): () => Promise<void> {
  let begun: { readonly fromMs: number; readonly atMs: number } | null = null;

  // The clock first: what is measured must not begin before it was seen.
  const begin = (): void => {
    const fromMs = parts.clockMs();
    begun = { fromMs, atMs: parts.nowMs() };
  };

  return async () => {
    if (!parts.isNeeded()) {
      begun = null;
      return;
    }
    if (begun && begun.fromMs === parts.clockMs()) {
      const passedMs = Math.floor(parts.nowMs() - begun.atMs);
      const byMs = Math.min(passedMs, MAX_TICK_MS);
      if (byMs > 0) await parts.tick(begun.fromMs, byMs);
    }
    begin();
  };
}
