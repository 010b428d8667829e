/** Placeholder until the full stand-in lands. @module */
export {
  deepStrictEqual as assertEquals,
  ok as assert,
} from "node:assert/strict";
