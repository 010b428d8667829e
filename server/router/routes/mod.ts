/**
 * Where sessions may go, decided from the replicated state and from what agents tell, pure.
 *
 * @module
 */
export * from "./table.ts";
