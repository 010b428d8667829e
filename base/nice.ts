import { getPriority, setPriority } from "node:os";
import { messageOf } from "./errors.ts";

/** What has no claim to the processor before others, as nice(1) counts. */
const ORDINARY = 0;

/**
 * Sets how nice one thread is to others; those that it starts from then on begin like it.
 *
 * @param nice From -20, which hardly waits for others, to 19.
 * @param threadId Which thread; 0 for the one that calls.
 * @returns Why that is not so; null where it is.
 */
export function setNice(nice: number, threadId = 0): string | null {
  try {
    setPriority(threadId, nice);
    return null;
  } catch (error) {
    return messageOf(error);
  }
}

/** Gives up the calling thread's claim before others, where it has one. */
export function becomeOrdinary(): void {
  if (getPriority(0) < ORDINARY) setNice(ORDINARY);
}

/**
 * Runs something, such as the start of another process, without the calling thread's claim before others.
 *
 * @param run What begins like the thread that runs it.
 * @returns What `run` returns.
 */
export function asOrdinary<T>(run: () => T): T {
  const own = getPriority(0);
  if (own >= ORDINARY) return run();
  setNice(ORDINARY);
  try {
    return run();
  } finally {
    setNice(own);
  }
}
