import type { Clock, Timer } from "../../base/mod.ts";

/** What is held up for a while, in order. */
export interface DelayLine {
  readonly limits: DelayLineLimits;
  readonly clock: Clock;
  readonly held: Held[];
  heldBytes: number;
  /** Runs when the first is due; null while nothing is held. */
  timer: Timer | null;
}

/** What a {@linkcode DelayLine} may hold. */
export interface DelayLineLimits {
  readonly maxBytes: number;
  readonly maxCount: number;
}

interface Held {
  readonly dueMs: number;
  readonly weightBytes: number;
  readonly go: () => void;
}

/**
 * Makes an empty line.
 *
 * @param limits What it may hold.
 * @param clock Whose time counts.
 * @returns The line.
 */
export function createDelayLine(
  limits: DelayLineLimits,
  clock: Clock,
): DelayLine {
  return { limits, clock, held: [], heldBytes: 0, timer: null };
}

/**
 * Holds something up; beyond the limits it is lost.
 *
 * @param line The line.
 * @param delayMs For how long, or until what was held up before has gone.
 * @param weightBytes What it weighs.
 * @param go Lets it go.
 */
export function holdUp(
  line: DelayLine,
  delayMs: number,
  weightBytes: number,
  go: () => void,
): void {
  const { maxBytes, maxCount } = line.limits;
  if (line.held.length >= maxCount) return;
  if (line.heldBytes + weightBytes > maxBytes) return;
  const dueMs = line.clock.nowMs() + delayMs;
  line.held.push({ dueMs, weightBytes, go });
  line.heldBytes += weightBytes;
  schedule(line);
}

/**
 * Lets everything go at once, in order.
 *
 * @param line The line.
 */
export function releaseHeld(line: DelayLine): void {
  letGoUntil(line, Infinity);
}

/**
 * Loses everything.
 *
 * @param line The line.
 */
export function loseHeld(line: DelayLine): void {
  line.timer?.cancel();
  line.timer = null;
  line.held.length = 0;
  line.heldBytes = 0;
}

function schedule(line: DelayLine): void {
  const first = line.held[0];
  if (first === undefined || line.timer !== null) return;
  const waitMs = Math.max(0, first.dueMs - line.clock.nowMs());
  line.timer = line.clock.after(waitMs, () => {
    line.timer = null;
    letGoUntil(line, line.clock.nowMs());
  });
}

function letGoUntil(line: DelayLine, nowMs: number): void {
  let first = line.held[0];
  while (first !== undefined && first.dueMs <= nowMs) {
    line.held.shift();
    line.heldBytes -= first.weightBytes;
    first.go();
    first = line.held[0];
  }
  if (first === undefined) loseHeld(line);
  else schedule(line);
}
