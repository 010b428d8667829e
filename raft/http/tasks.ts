/** Promises that nobody else waits for, so that their owner can wait for them at its end. */
export interface Tasks {
  /** Takes a promise over. A rejection stays unhandled: it means that the program is wrong. */
  own(task: Promise<void>): void;
  /** Returns how many have not ended. */
  count(): number;
  /** Resolves when all have ended. */
  settled(): Promise<void>;
}

/**
 * Makes an owner of promises.
 *
 * @returns The owner.
 */
export function createTasks(): Tasks {
  const running = new Set<Promise<void>>();
  return {
    own: (task) => {
      const owned = task.finally(() => running.delete(owned));
      running.add(owned);
    },
    count: () => running.size,
    settled: async () => {
      while (running.size > 0) await Promise.all(running);
    },
  };
}
