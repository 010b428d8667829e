/** A running timer, or the right to stop it. */
export interface Timer {
  /** Stops the timer; nothing happens when it has already run. */
  cancel(): void;
}

/** Monotonic time and timers, handed in so that a test can own time. */
export interface Clock {
  /** Returns milliseconds since some fixed moment; never goes back. */
  nowMs(): number;
  /** Runs `run` once, `delayMs` from now at the earliest. */
  after(delayMs: number, run: () => void): Timer;
}

/**
 * Makes the clock of this machine.
 *
 * @returns A clock over `performance.now()`, which no change of the date moves.
 */
export function systemClock(): Clock {
  return {
    nowMs: () => performance.now(),
    after: (delayMs, run) => {
      const id = setTimeout(run, delayMs);
      return { cancel: () => clearTimeout(id) };
    },
  };
}
