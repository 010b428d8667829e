import type { Clock, Timer } from "../../base/mod.ts";

/** A clock that stands still until it is told to go on. */
export interface MemoryClock extends Clock {
  /** Lets time pass; timers run in order of their moments, each at its own. */
  advance(ms: number): void;
}

interface Alarm {
  readonly atMs: number;
  readonly run: () => void;
}

/**
 * Makes a clock whose time passes only when it is told to.
 *
 * @returns The clock, at 0.
 *
 * @example Usage
 * ```ts
 * import { createMemoryClock } from "./clock.ts";
 *
 * const clock = createMemoryClock();
 * const heard: number[] = [];
 * clock.after(20, () => heard.push(clock.nowMs()));
 * clock.after(10, () => heard.push(clock.nowMs()));
 * clock.advance(30);
 * if (heard.join() !== "10,20") throw new Error(`Heard ${heard}`);
 * ```
 */
export function createMemoryClock(): MemoryClock {
  let nowMs = 0;
  const alarms = new Set<Alarm>();
  const nextBefore = (endMs: number): Alarm | null => {
    let next: Alarm | null = null;
    for (const alarm of alarms) {
      if (alarm.atMs > endMs) continue;
      if (next === null || alarm.atMs < next.atMs) next = alarm;
    }
    return next;
  };
  return {
    nowMs: () => nowMs,
    after(delayMs, run): Timer {
      const alarm = { atMs: nowMs + Math.max(0, delayMs), run };
      alarms.add(alarm);
      return { cancel: () => void alarms.delete(alarm) };
    },
    advance(ms): void {
      const endMs = nowMs + ms;
      for (let next = nextBefore(endMs); next; next = nextBefore(endMs)) {
        alarms.delete(next);
        nowMs = Math.max(nowMs, next.atMs);
        next.run();
      }
      nowMs = endMs;
    },
  };
}
