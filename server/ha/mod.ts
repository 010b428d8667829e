/**
 * PostgreSQL's high availability on one node: it hears every agent's reports, decides while it leads the
 * group, runs the agent of its own PostgreSQL, and carries operators' wishes out.
 *
 * @module
 */
export type { Feed } from "./backups.ts";
export { type AdoptionReport, reportAdoption } from "./adoption.ts";
export {
  type SharedPostgres,
  sharePostgres,
  type SharingOptions,
} from "./binaries.ts";
export {
  BACKUP_FEED,
  findPostgres,
  type HaOptions,
  type HighAvailability,
  type LocalPostgres,
  startHa,
} from "./ha.ts";
export {
  configToJson,
  configVersionsToJson,
  explainToJson,
  historyToJson,
  type Json,
  memberPostgresToJson,
  postgresStatus,
  primaryToJson,
  recordToJson,
  syncToJson,
  tagsToJson,
} from "./describe.ts";
export {
  changeConfig,
  configInForce,
  configOf,
  type ConfigWish,
  diffParameters,
  type ParameterChanges,
  type ParameterDifference,
  setMode,
} from "./config.ts";
export {
  type ClusterChanges,
  readClusterChanges,
  textOf,
} from "./cluster_settings.ts";
export { orderWork, setMaintenance, type WorkWish } from "./member_work.ts";
export {
  type ChangeOutcome,
  failOver,
  type FailoverWish,
  leaveRules,
  setPaused,
  setTags,
  switchOver,
} from "./wishes.ts";
export type { Leading } from "./leading.ts";
export type { Proposer } from "./proposing.ts";
export type { Watch } from "./watch.ts";
