/** How many values there is room for at first. */
const LEAST_ROOM = 64;
/** Room beyond this is given back once nothing is held. */
const KEPT_ROOM = 1024;

/** Values by their numbers, which lie close together and rise: those of what is under way. */
export interface Numbered<T extends object> {
  /** How many values there are. */
  readonly size: number;
  /** The lowest number that has a value, or undefined. */
  readonly lowest: number | undefined;
  /** The value of a number, or undefined. */
  get(number: number): T | undefined;
  /** Gives a number its value. */
  set(number: number, value: T): void;
  /** Lets go of a number's value. */
  delete(number: number): void;
  /** Lets go of the values of all numbers below one. */
  dropBelow(number: number): void;
  /** Numbers and values, by rising numbers; values may be let go of meanwhile. */
  [Symbol.iterator](): IterableIterator<[number, T]>;
}

/** Each value stands in the slot of its number, counted around. */
type Slots<T> = (T | undefined)[];

/**
 * Makes values by numbers.
 *
 * A `Map` of which each entry is soon deleted again makes a new table every few times, and each table knows the
 * next. Once one of them has got old, all that follow outlive the collections of young garbage, and are copied
 * by two of them, until all of the heap is collected. Here the values stand in a ring that stays: it has room
 * for as many as lie between the lowest number and the highest.
 *
 * @returns The values, none yet.
 *
 * @example Usage
 * ```ts
 * import { createNumbered } from "./numbered.ts";
 *
 * const underWay = createNumbered<{ name: string }>();
 * underWay.set(7, { name: "seven" });
 * underWay.set(8, { name: "eight" });
 * underWay.delete(7);
 * if (underWay.lowest !== 8) throw new Error("Eight is left");
 * ```
 */
export function createNumbered<T extends object>(): Numbered<T> {
  let slots = makeSlots<T>(LEAST_ROOM);
  let size = 0;
  // All values are of numbers from here up to, and without, the other.
  let first = 0;
  let end = 0;

  /** Leaves no number without a value at the lower end. */
  function trim(): void {
    if (size > 0) {
      while (slots[first % slots.length] === undefined) first++;
      return;
    }
    first = end;
    if (slots.length > KEPT_ROOM) slots = makeSlots(LEAST_ROOM);
  }

  function clear(number: number): void {
    const at = number % slots.length;
    if (slots[at] === undefined) return;
    slots[at] = undefined;
    size--;
  }

  return {
    get size(): number {
      return size;
    },
    get lowest(): number | undefined {
      return size > 0 ? first : undefined;
    },
    get: (number) =>
      number >= first && number < end
        ? slots[number % slots.length]
        : undefined,
    set(number, value): void {
      const from = size === 0 ? number : Math.min(first, number);
      const to = size === 0 ? number + 1 : Math.max(end, number + 1);
      if (to - from > slots.length) slots = moved(slots, first, end, to - from);
      first = from;
      end = to;
      const at = number % slots.length;
      if (slots[at] === undefined) size++;
      slots[at] = value;
    },
    delete(number): void {
      if (number < first || number >= end) return;
      clear(number);
      trim();
    },
    dropBelow(number): void {
      const to = Math.min(number, end);
      for (let one = first; one < to; one++) clear(one);
      trim();
    },
    *[Symbol.iterator](): IterableIterator<[number, T]> {
      for (let number = first; number < end; number++) {
        const value = slots[number % slots.length];
        if (value !== undefined) yield [number, value];
      }
    },
  };
}

/** The values of some numbers in slots with more room. */
function moved<T>(
  former: Slots<T>,
  first: number,
  end: number,
  room: number,
): Slots<T> {
  let roomier = former.length;
  while (roomier < room) roomier *= 2;
  const slots = makeSlots<T>(roomier);
  for (let number = first; number < end; number++) {
    slots[number % roomier] = former[number % former.length];
  }
  return slots;
}

function makeSlots<T>(room: number): Slots<T> {
  return new Array<T | undefined>(room).fill(undefined);
}
