/** A source of random numbers, handed in so that a seed replays a run. */
export interface Random {
  /** Returns a number from 0 (inclusive) to 1 (exclusive). */
  next(): number;
}

/** The state of a {@linkcode seededRandom}: one number that changes with each draw. */
export interface RandomState {
  /** The generator's 32-bit state. */
  state: number;
}

/**
 * Draws the next number of a small deterministic generator (mulberry32).
 *
 * @param random The generator's state, moved on by the draw.
 * @returns A number from 0 (inclusive) to 1 (exclusive).
 */
export function draw(random: RandomState): number {
  random.state = (random.state + 0x6d2b79f5) | 0;
  let t = Math.imul(random.state ^ (random.state >>> 15), 1 | random.state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
}

/**
 * Makes a source of random numbers that a seed determines.
 *
 * @param seed Any whole number.
 * @returns The source.
 *
 * @example Usage
 * ```ts
 * import { seededRandom } from "./random.ts";
 *
 * const first = seededRandom(7).next();
 * const again = seededRandom(7).next();
 * if (first !== again) throw new Error("A seed must replay");
 * ```
 */
export function seededRandom(seed: number): Random {
  const random: RandomState = { state: seed | 0 };
  return { next: () => draw(random) };
}

/**
 * Makes a source of unpredictable random numbers.
 *
 * @returns The source, backed by the platform's cryptographic generator.
 */
export function systemRandom(): Random {
  const buffer = new Uint32Array(1);
  return {
    next: () => {
      crypto.getRandomValues(buffer);
      return (buffer[0] ?? 0) / 4294967296;
    },
  };
}

/**
 * Draws a whole number.
 *
 * @param random The source.
 * @param below The exclusive upper bound.
 * @returns A whole number from 0 to `below - 1`.
 */
export function randomBelow(random: Random, below: number): number {
  return Math.floor(random.next() * below);
}

/**
 * Draws an identity of 48 random bits, never 0.
 *
 * @param random The source.
 * @returns The identity.
 */
export function randomIdentity(random: Random): number {
  const high = randomBelow(random, 0x1000000);
  const low = randomBelow(random, 0x1000000);
  return high * 0x1000000 + low || 1;
}
