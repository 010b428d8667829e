import { present } from "../base/mod.ts";

/**
 * The numbers from 0 to `length - 1` in order, from which some are taken out and put back, the last
 * taken first. `length` itself stands for the end.
 */
export interface Chain {
  readonly length: number;
  readonly next: Int32Array;
  readonly previous: Int32Array;
}

/**
 * Makes a chain of all numbers below a bound.
 *
 * @param length The bound.
 * @returns The chain.
 */
export function createChain(length: number): Chain {
  const next = Int32Array.from({ length: length + 1 }, (_, i) => i + 1);
  const previous = Int32Array.from({ length: length + 1 }, (_, i) => i - 1);
  next[length] = 0;
  previous[0] = length;
  return { length, next, previous };
}

/**
 * Goes to the first number.
 *
 * @param chain The chain.
 * @returns The first number, or `length` when there is none.
 */
export function firstOf(chain: Chain): number {
  return nextOf(chain, chain.length);
}

/**
 * Goes to the next number.
 *
 * @param chain The chain.
 * @param number A number that is in it.
 * @returns The next one, or `length` at the end.
 */
export function nextOf(chain: Chain, number: number): number {
  return present(chain.next[number], "the next number of a chain");
}

/**
 * Takes a number out.
 *
 * @param chain The chain.
 * @param number A number that is in it.
 */
export function takeOut(chain: Chain, number: number): void {
  const { next, previous } = chain;
  const before = present(previous[number], "the number before");
  const behind = nextOf(chain, number);
  next[before] = behind;
  previous[behind] = before;
}

/**
 * Puts back the number that was taken out last.
 *
 * @param chain The chain.
 * @param number That number: it still knows its neighbours.
 */
export function putBack(chain: Chain, number: number): void {
  const { next, previous } = chain;
  next[present(previous[number], "the number before")] = number;
  previous[nextOf(chain, number)] = number;
}
