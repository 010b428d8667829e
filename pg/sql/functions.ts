import { EXECUTE_FUNCTIONS } from "./functions_execute.ts";
import { FIRST_FUNCTIONS } from "./functions_first.ts";
import { LATER_FUNCTIONS } from "./functions_later.ts";
import type { SqlFunction } from "./types.ts";

/**
 * Every function of the extension: the script, the wrappers in `public`, the bridge's checks and the
 * reference in `docs/sql.md` are made from these rows.
 */
export const SQL_FUNCTIONS: readonly SqlFunction[] = [
  ...FIRST_FUNCTIONS,
  ...LATER_FUNCTIONS,
  ...EXECUTE_FUNCTIONS,
];
