/**
 * A stand-in for the assertions of `@std/assert`: the names that pgraft's tests use, with the same
 * signatures, thin over `node:assert`. See `std/README.md`.
 *
 * @module
 */
export { AssertionError } from "./assertion_error.ts";
export * from "./comparisons.ts";
export * from "./conditions.ts";
export * from "./contents.ts";
export * from "./errors.ts";
