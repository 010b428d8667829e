/**
 * The extension `pgraft`: one table of functions and views, and the scripts and reference that are made
 * from it.
 *
 * @module
 */
export { BRIDGE_PORTS, bridgePort, REFUSED_HINT } from "./bridge_place.ts";
export { SQL_FUNCTIONS } from "./functions.ts";
export { referenceMarkdown } from "./reference.ts";
export {
  type ExtensionFile,
  extensionFiles,
  plainSql,
  signatureOf,
} from "./script.ts";
export * from "./types.ts";
export { SQL_VIEWS } from "./views.ts";
