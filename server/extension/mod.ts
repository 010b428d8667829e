/**
 * The extension `pgraft` on a node: its files, and its functions in databases.
 *
 * @module
 */
export { plainSql } from "../../pg/sql/mod.ts";
export { type CreateOutcome, install, type InstallOutcome } from "./create.ts";
export { type FilesOutcome } from "./files.ts";
export {
  CONTROL_DATABASE,
  type ExtensionKeeper,
  type KeeperOptions,
  keepExtension,
} from "./keeper.ts";
