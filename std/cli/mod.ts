/**
 * A stand-in for `@std/cli`: the command line parser, with the same options and result types.
 * See `std/README.md`.
 *
 * @module
 */
export * from "./parse_args.ts";
