/**
 * The leaf: assertions, clocks, deadlines, pauses, random numbers, units, addresses, ports, log positions, near
 * names, small arrays, streams of events, how nice a thread is and what the kernel says of a process.
 * Imports nothing of ours.
 *
 * @module
 */
export * from "./address.ts";
export * from "./assert.ts";
export * from "./clock.ts";
export * from "./deadlines.ts";
export * from "./errors.ts";
export * from "./event_stream.ts";
export * from "./every.ts";
export * from "./lsn.ts";
export * from "./nearest.ts";
export * from "./nice.ts";
export * from "./numbered.ts";
export * from "./pause.ts";
export * from "./ports.ts";
export * from "./process_stat.ts";
export * from "./random.ts";
export * from "./raw_answer.ts";
export * from "./reach.ts";
export * from "./slab.ts";
export * from "./units.ts";
export * from "./v8_flags.ts";
