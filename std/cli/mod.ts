/** Placeholder until the full stand-in lands. @module */
export { parseArgs } from "node:util";
