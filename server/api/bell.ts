/** Wakes one who waits; a ring that nobody waits for is lost. */
export interface Bell {
  readonly ring: () => void;
  /** Resolves with the next ring. */
  rung(): Promise<void>;
}

/** Makes a bell. */
export function createBell(): Bell {
  let wake: (() => void) | null = null;
  return {
    ring: () => wake?.(),
    rung: async () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      wake = resolve;
      await promise;
      wake = null;
    },
  };
}
