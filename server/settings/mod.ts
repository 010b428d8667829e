/**
 * The `pgraft.*` settings: what PostgreSQL shows of them, and what is taken over from it.
 *
 * @module
 */
export type { LiveSettings } from "./live.ts";
export {
  createSettings,
  type Settings,
  type SettingsPorts,
} from "./service.ts";
export {
  SETTING_ROWS,
  type SettingChange,
  type SettingRow,
  type SettingSource,
} from "./table.ts";
