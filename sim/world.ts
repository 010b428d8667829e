import { draw, present, type RandomState } from "../base/mod.ts";

/** Something that is going to happen. */
export interface WorldEvent {
  readonly atMs: number;
  /** Breaks ties: events of the same time run in the order in which they were made. */
  readonly order: number;
  readonly run: () => void;
}

/** Virtual time and everything that is going to happen, from one seed. */
export interface World {
  nowMs: number;
  readonly random: RandomState;
  /** Binary heap, the next event first. */
  readonly events: WorldEvent[];
  made: number;
  ran: number;
  /** Takes lines that tell a reader what happens, when somebody reads. */
  trace: ((line: string) => void) | null;
}

/** Makes a world at time 0. */
export function createWorld(seed: number): World {
  return {
    nowMs: 0,
    random: { state: seed | 0 },
    events: [],
    made: 0,
    ran: 0,
    trace: null,
  };
}

/** Lets something happen after a delay. */
export function schedule(world: World, delayMs: number, run: () => void): void {
  const { events } = world;
  events.push({ atMs: world.nowMs + delayMs, order: world.made++, run });
  let child = events.length - 1;
  while (child > 0) {
    const parent = (child - 1) >> 1;
    if (!isBefore(events, child, parent)) break;
    swap(events, child, parent);
    child = parent;
  }
}

/** Lets the next event happen; returns false when there is none. */
export function runNext(world: World): boolean {
  const { events } = world;
  const next = events[0];
  const last = events.pop();
  if (!next || !last) return false;
  if (events.length > 0) {
    events[0] = last;
    sink(events);
  }
  world.nowMs = next.atMs;
  world.ran += 1;
  next.run();
  return true;
}

function sink(events: WorldEvent[]): void {
  let parent = 0;
  while (true) {
    let least = parent;
    for (const child of [2 * parent + 1, 2 * parent + 2]) {
      if (child < events.length && isBefore(events, child, least)) {
        least = child;
      }
    }
    if (least === parent) return;
    swap(events, least, parent);
    parent = least;
  }
}

function isBefore(events: WorldEvent[], a: number, b: number): boolean {
  const first = present(events[a], "an event");
  const second = present(events[b], "an event");
  return first.atMs < second.atMs ||
    (first.atMs === second.atMs && first.order < second.order);
}

function swap(events: WorldEvent[], a: number, b: number): void {
  const first = present(events[a], "an event");
  events[a] = present(events[b], "an event");
  events[b] = first;
}

/** Whether something of this probability happens now. */
export function chance(world: World, probability: number): boolean {
  return draw(world.random) < probability;
}

/** A number between two bounds. */
export function between(world: World, from: number, to: number): number {
  return from + draw(world.random) * (to - from);
}

/** One of several. */
export function pick<T>(world: World, items: readonly T[]): T | undefined {
  return items[Math.floor(draw(world.random) * items.length)];
}

/** Writes a line of the trace, if somebody reads; the line is made only then. */
export function tell(world: World, line: () => string): void {
  world.trace?.(`${world.nowMs.toFixed(2).padStart(10)} ${line()}`);
}
