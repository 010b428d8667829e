/**
 * The leaf: assertions, clocks and random numbers. Imports nothing of ours.
 *
 * @module
 */
export * from "./assert.ts";
export * from "./clock.ts";
export * from "./errors.ts";
export * from "./random.ts";
