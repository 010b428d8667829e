/**
 * The configuration of a node: one table of settings, read from flags, environment, file and
 * defaults.
 *
 * @module
 */
export { type Environment, FILE_VARIABLE } from "./environment.ts";
export type { ReadFile } from "./file.ts";
export { FREE_SECTIONS, type FreeSection } from "./free_sections.ts";
export {
  DEFAULT_CONFIG_FILE,
  loadConfiguration,
  type LoadOptions,
  type LoadResult,
} from "./load.ts";
export {
  type KnownSetting,
  lookUpName,
  type NameTarget,
  nearestName,
  type SectionName,
  SETTINGS,
  type ValuePart,
} from "./names.ts";
export {
  configValue,
  type FreeValues,
  type HbaRule,
  type NodeConfig,
} from "./node_config.ts";
export {
  type ConfigProblem,
  formatOrigin,
  formatProblem,
  type Origin,
} from "./origin.ts";
export { checkReport, settingsHelp } from "./report.ts";
export {
  MIN_SECRET_LENGTH,
  readFileIfThere,
  readPasswordFile,
  readSecretFile,
} from "./secret.ts";
export type {
  Alias,
  RewrittenAlias,
  SectionTable,
  SectionValues,
  Setting,
} from "./setting.ts";
export * from "./settings.ts";
export {
  BOOLEAN_TYPE,
  type FoundingMember,
  integerType,
  type ParsedValue,
  type Range,
  type ValueType,
} from "./value_types.ts";
