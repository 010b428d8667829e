/**
 * In-memory doubles of the ports, for tests and examples.
 *
 * @module
 */
export { createMemoryClock, type MemoryClock } from "./clock.ts";
export { createMemoryLogStore } from "./log_store.ts";
export { createMemoryNetwork, type MemoryNetwork } from "./transport.ts";
